import type { Connection } from "../wire/connection.ts";

export type RoleName = "pending" | "independent" | "follower" | "leader";

/**
 * What a peer may do in its swarm, as the policy and the election have it. The engine asks these questions and
 * nothing else; interest is derived from them: the other reveals a piece that I miss and may request.
 */
export interface Role {
  readonly name: RoleName;
  mayUpload(connection: Connection): boolean;
  /** May the other side learn that we hold this piece? */
  reveals(connection: Connection, piece: number): boolean;
  mayRequest(connection: Connection, piece: number): boolean;
  /** Upload slots besides the optimistic one. */
  slots(): number;
  /** Is a connection to be kept whose other side has everything, and nothing that we may request now? */
  keeps(connection: Connection): boolean;
}
