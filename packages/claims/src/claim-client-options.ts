import type { Endpoint } from "@cachetorrent/protocol";
import type { HeadFault } from "./head-fault.ts";
import type { HeadPort } from "./head-port.ts";

export interface ClaimClientOptions<Neighbour extends object> {
  readonly pieceCount: number;
  /** Bytes. */
  readonly pieceLength: number;
  /** Our declared upload capacity, bytes/s. */
  readonly up: number;
  /** The head as it is now; undefined while there is none. */
  port(): HeadPort | undefined;
  /** At most `most` pieces that the neighbour holds, we lack, and `isOpen`; best first. */
  candidates(neighbour: Neighbour, most: number, isOpen: (piece: number) => boolean): number[];
  /** Does the neighbour hold it? */
  has(neighbour: Neighbour, piece: number): boolean;
  /** Bytes/s that came from it lately. */
  rate(neighbour: Neighbour, now: number): number;
  headRttMs(): number;
  neighbourRttMs(neighbour: Neighbour): number;
  endpointOf(neighbour: Neighbour): Endpoint;
  /** Have bytes of it come, without the piece being whole? */
  hasBytesOf(piece: number): boolean;
  /** How many pieces we want and lack. */
  missingCount(): number;
  /** Does an internal neighbour hold it? */
  internalHas(piece: number): boolean;
  /** These may be fetched from the neighbour now, in this order: as far as they are `requestable`. */
  granted(neighbour: Neighbour, pieces: readonly number[]): void;
  /** This may not be fetched from the neighbour any more: cancel it there, and keep what came of it. */
  lost(neighbour: Neighbour, piece: number): void;
  /** What `isTaken` says has changed: interest may have. */
  takenChanged(): void;
  /** The head is to be reported. Told again while it goes on. */
  headStalled(fault: HeadFault): void;
  /** The head named these as holders of a piece that we miss. */
  connectTo(endpoints: readonly Endpoint[], piece: number): void;
  /** May an extra copy come from there, under a relief of more than 1? By default not. */
  mayRelieve?(neighbour: Neighbour): boolean;
}
