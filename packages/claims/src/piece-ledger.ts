import { PieceSet } from "@cachetorrent/protocol";
import { type ClaimOwner, ClaimTable, type OpenClaim } from "./claim-table.ts";
import { TakenNews } from "./taken-news.ts";

/** Of each piece: how many copies the AS has, and who may fetch it; and of all of that, what members are to be told. */
export class PieceLedger<Owner extends ClaimOwner<Owner>> {
  readonly claims = new ClaimTable<Owner>();
  /** Held or claimed. */
  readonly taken: PieceSet;
  readonly news: TakenNews;
  readonly #copies: Uint32Array;
  #held = 0;

  constructor(pieceCount: number, now: number) {
    this.taken = new PieceSet(pieceCount);
    this.news = new TakenNews(this.taken, now);
    this.#copies = new Uint32Array(pieceCount);
  }

  isHeld(piece: number): boolean {
    return (this.#copies[piece] ?? 0) > 0;
  }

  /** Does the AS hold every piece? */
  get isWhole(): boolean {
    return this.#held === this.taken.pieceCount;
  }

  gained(piece: number): void {
    const copies = (this.#copies[piece] ?? 0) + 1;
    this.#copies[piece] = copies;
    if (copies === 1) this.#held++;
    this.#settle(piece);
  }

  lost(piece: number): void {
    const copies = Math.max(0, (this.#copies[piece] ?? 0) - 1);
    this.#copies[piece] = copies;
    if (copies === 0) this.#held--;
    this.#settle(piece);
  }

  open(claim: OpenClaim<Owner>): void {
    this.claims.open(claim);
    this.#settle(claim.piece);
  }

  close(piece: number): OpenClaim<Owner> | undefined {
    const claim = this.claims.close(piece);
    this.#settle(piece);
    return claim;
  }

  #settle(piece: number): void {
    if (this.isHeld(piece) || this.claims.get(piece)) {
      if (this.taken.add(piece)) this.news.taken(piece);
    } else if (this.taken.delete(piece)) this.news.wholeIsNews();
  }
}
