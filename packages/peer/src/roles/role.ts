import type { Connection } from "../wire/connection.ts";

export type RoleName = "pending" | "independent" | "follower" | "leader" | "member";

/** Under which nothing is asked of outside connections that was not granted before: the policy `coordinated`. */
export interface Grants {
  /** Are pieces granted for this connection? For the others `mayRequest` decides. */
  applyTo(connection: Connection): boolean;
  /** What may be asked of it now, in this order. */
  granted(connection: Connection): readonly number[];
  /** Has it a piece that we lack and that was granted, or may be? */
  isWorthwhile(connection: Connection): boolean;
  /** Is it told of all that we hold, even of what it holds itself: does it keep the book? */
  isBookkeeper(connection: Connection): boolean;
}

/**
 * What a peer may do in its swarm, as the policy and the election have it. The engine asks these questions and
 * nothing else; interest is derived from them: the other reveals a piece that I miss and may request.
 */
export interface Role {
  readonly name: RoleName;
  readonly grants?: Grants;
  mayUpload(connection: Connection): boolean;
  /** May the other side learn that we hold this piece? */
  reveals(connection: Connection, piece: number): boolean;
  mayRequest(connection: Connection, piece: number): boolean;
  /** Upload slots besides the optimistic one. */
  slots(): number;
  /** Is a connection to be kept whose other side has everything, and nothing that we may request now? */
  keeps(connection: Connection): boolean;
}
