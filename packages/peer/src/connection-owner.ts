import type { Connection } from "./connection.ts";

/** What a connection tells its torrent. A connection never reaches into another. */
export interface ConnectionOwner {
  /** The other side's handshake is valid; false refuses the connection with the reason logged by the owner. */
  handshaken(connection: Connection): boolean;
  /** Both handshakes are exchanged: the time to send our map of pieces. */
  ready(connection: Connection): void;
  /** The other side's map of pieces is there, whole. */
  mapped(connection: Connection): void;
  has(connection: Connection, piece: number): void;
  interestChanged(connection: Connection): void;
  unchoked(connection: Connection): void;
  /** Blocks it will not send: choked, rejected, timed out or lost. */
  released(connection: Connection, keys: readonly number[]): void;
  block(connection: Connection, piece: number, begin: number, block: Uint8Array): void;
  /** May it have this piece now? Its request is refused otherwise. */
  mayServe(connection: Connection, piece: number): boolean;
  /** It waits for blocks, or its socket has room for them again. */
  requested(connection: Connection): void;
  closed(connection: Connection, reason: string): void;
}
