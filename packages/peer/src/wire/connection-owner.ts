import type { CtCacheMessage, Endpoint, UnknownCtCacheMessage } from "@cachetorrent/protocol";
import type { Landing } from "./landing.ts";

/** What a connection tells its torrent. A connection never reaches into another. */
export interface ConnectionOwner<C> {
  /** The other side's handshake is valid; false refuses the connection with the reason logged by the owner. */
  handshaken(connection: C): boolean;
  /** Both handshakes are exchanged: the time to send our map of pieces. */
  ready(connection: C): void;
  /** The other side's map of pieces is there, whole. */
  mapped(connection: C): void;
  has(connection: C, piece: number): void;
  interestChanged(connection: C): void;
  choked(connection: C): void;
  unchoked(connection: C): void;
  /** Blocks it will not send: choked, rejected, timed out or lost. */
  released(connection: C, keys: readonly number[]): void;
  /** A place for blocks that were asked for and begin to come; undefined where there is none. */
  land(piece: number, begin: number, length: number): Landing | undefined;
  block(connection: C, piece: number, begin: number, block: Uint8Array): void;
  /** May it have this piece now? Its request is refused otherwise. */
  mayServe(connection: C, piece: number): boolean;
  /** It waits for blocks, and has just asked for one of that piece, or its socket has room again. */
  requested(connection: C, piece?: number): void;
  /** The other side told of itself (BEP 10): where it listens, what it speaks. */
  introduced(connection: C): void;
  /** A `ct_cache` message, well-formed; whether it is in place is for the owner to tell. */
  told(connection: C, message: CtCacheMessage | UnknownCtCacheMessage): void;
  /** It told of other peers (BEP 11). */
  toldOfPeers(connection: C, endpoints: readonly Endpoint[]): void;
  closed(connection: C, reason: string): void;
}
