import { PieceSet } from "@cachetorrent/protocol";
import type { OpenClaim } from "./claim-table.ts";
import type { ClaimWindow } from "./claim-window.ts";
import { SlowRefusals } from "./slow-refusals.ts";
import type { Standing } from "./standings.ts";

/** Holdings that had to be dropped before a member is believed no more. */
const DROPS_MOST = 3;

/** Who misses no more than this, or than this share of all pieces, is nearly done. */
const NEARLY_DONE_PIECES = 8;
const NEARLY_DONE_SHARE = 0.0625;

/** What the book knows of a member. */
export class BookMember<Member> {
  readonly key: Member;
  /** A stock client holds, and is told nothing. */
  readonly isStock: boolean;
  /** What it said that it holds. */
  readonly said: PieceSet;
  readonly claims = new Map<number, OpenClaim<BookMember<Member>>>();
  readonly refusals = new SlowRefusals();
  /** When another one last got a piece inside that this one alone held. */
  gaveAt = Number.NEGATIVE_INFINITY;
  /** The upload capacity it declared, bytes/s; unknown until it claims. */
  up: number | undefined;
  /** The term of the latest `open` that came from it. */
  openedTerm = Number.NEGATIVE_INFINITY;
  /** It spoke of a term that the tracker did not know. */
  isTermIgnored = false;
  /** When the whole map of what is taken was sent to it. */
  mapToldAt = Number.NEGATIVE_INFINITY;
  readonly standing: Standing;

  constructor(key: Member, isStock: boolean, pieceCount: number, standing: Standing) {
    this.standing = standing;
    this.key = key;
    this.isStock = isStock;
    this.said = new PieceSet(pieceCount);
  }

  get window(): ClaimWindow {
    return this.standing.window;
  }

  /** Said that it holds pieces too often that nobody got from it. */
  get isLiar(): boolean {
    return this.standing.dropped.size - this.standing.overdue.size >= DROPS_MOST;
  }

  /** Does it miss hardly anything but what it asks after? */
  get isNearlyDone(): boolean {
    const { pieceCount, size } = this.said;
    return pieceCount - size <= Math.max(NEARLY_DONE_PIECES, NEARLY_DONE_SHARE * pieceCount);
  }

  holds(piece: number): boolean {
    return this.said.has(piece) && !this.isLiar && !this.standing.dropped.has(piece);
  }

  /** May it have another claim? */
  mayHaveMore(now: number): boolean {
    return !this.isLiar && !this.window.isPaused(now) && this.claims.size < this.window.size;
  }

  /** The upload capacity that came with a claim; true when it is news. */
  declares(up: number): boolean {
    if (!Number.isFinite(up) || up < 0 || this.up === up) return false;
    this.up = up;
    return true;
  }

  /** That this one can be had from it is not believed any more. */
  drop(piece: number, isOverdue: boolean): void {
    if (this.isLiar) return;
    this.standing.dropped.add(piece);
    if (isOverdue) this.standing.overdue.add(piece);
  }

  /** In a new term everybody is believed anew. */
  forgive(): void {
    this.standing.dropped.clear();
    this.standing.overdue.clear();
    this.isTermIgnored = false;
  }
}
