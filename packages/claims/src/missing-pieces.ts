import { type ClaimMessage, type Endpoint, LIMITS } from "@cachetorrent/protocol";
import type { HeadFault } from "./head-fault.ts";
import { WhereDesk } from "./where-desk.ts";
import { WithheldPieces } from "./withheld-pieces.ts";

/** What we do about pieces that are taken, and that nobody has whom we know: ask the head, and find out whether it lies. */
export class MissingPieces {
  readonly #tellFault: (fault: HeadFault) => void;
  readonly #where = new WhereDesk();
  readonly #withheld = new WithheldPieces();

  constructor(tellFault: (fault: HeadFault) => void) {
    this.#tellFault = tellFault;
  }

  /** The question to send to the head, if it is time for one. */
  missing(piece: number, q: number, now: number): ClaimMessage | undefined {
    this.#withheld.missed(piece, now);
    return this.#where.ask(piece, q, now);
  }

  /** The head denied these for others hold or fetch them. */
  denied(pieces: readonly number[], now: number): void {
    for (const piece of pieces) this.#withheld.missed(piece, now);
  }

  /** Where to connect to, if this answers our question. */
  answered(body: ClaimMessage & { readonly m: "holders" }, now: number): readonly Endpoint[] {
    if (!this.#where.answered(body) || body.endpoints.length === 0) return [];
    this.#withheld.saidHeld(body.piece, now);
    return body.endpoints.slice(0, LIMITS.claims.holdersMost);
  }

  didNotServe(piece: number, endpoint: Endpoint): void {
    this.#where.didNotServe(piece, endpoint);
  }

  lacks(piece: number, endpoint: Endpoint): void {
    if (this.#where.lacks(piece, endpoint)) this.#tellFault("false holders");
  }

  found(piece: number): void {
    this.#where.found(piece);
  }

  /** Those that `isOver` are not missing any more. An honest head's pieces may be on their way for `patienceMs`. */
  sweep(isOver: (piece: number) => boolean, patienceMs: number, now: number): void {
    if (!this.#withheld.isTooLong(isOver, patienceMs, now)) return;
    this.#withheld.clear();
    this.#tellFault("withheld");
  }

  /** Another head answers for itself. */
  headChanged(): void {
    this.#where.headChanged();
    this.#withheld.clear();
  }
}
