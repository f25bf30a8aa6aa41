import { PieceSet } from "@cachetorrent/protocol";
import { bytesOutside, type Metainfo, pieceSize } from "../metainfo/metainfo.ts";
import type { Selection } from "./selection.ts";

/** Which pieces are still to be fetched: those of a selection that we do not hold. */
export class Wanted {
  /** The pieces that need no fetching: held, or not wanted. With all of them in it the download is complete. */
  readonly settled: PieceSet;
  readonly #metainfo: Metainfo;
  readonly #have: PieceSet;
  #selection: Selection;
  #length = 0;

  /** Whoever adds a piece to `have` tells it by `held`. */
  constructor(metainfo: Metainfo, have: PieceSet, selection: Selection) {
    this.settled = new PieceSet(metainfo.pieceCount);
    this.#metainfo = metainfo;
    this.#have = have;
    this.#selection = selection;
    this.select(selection);
  }

  get selection(): Selection {
    return this.#selection;
  }

  select(selection: Selection): void {
    this.#selection = selection;
    this.#length = bytesOf(this.#metainfo, (piece) => selection.isWanted(piece));
    for (let piece = 0; piece < this.settled.pieceCount; piece++) {
      if (this.#have.has(piece) || !selection.isWanted(piece)) this.settled.add(piece);
      else this.settled.delete(piece);
    }
  }

  /** We hold the piece. False when it had not been missing: it came although it is not wanted any more. */
  held(piece: number): boolean {
    return this.settled.add(piece);
  }

  /** Bytes in the pieces that are wanted. */
  get length(): number {
    return this.#length;
  }

  /** Bytes in those that are missing. */
  get left(): number {
    return bytesOutside(this.#metainfo, this.settled);
  }
}

function bytesOf(metainfo: Metainfo, counts: (piece: number) => boolean): number {
  let bytes = 0;
  for (let piece = 0; piece < metainfo.pieceCount; piece++) {
    if (counts(piece)) bytes += pieceSize(metainfo, piece);
  }
  return bytes;
}
