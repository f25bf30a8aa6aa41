import {
  type ClaimMessage,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  sameEndpoint,
} from "@cachetorrent/protocol";

/** A piece is not asked about again before this. */
const AGAIN_MS = 5000;
/** A question is given up after this. */
const UNANSWERED_MS = 10_000;
/** Pieces remembered; of more, those missed first are forgotten. */
const PIECES_MOST = 256;
/** Named holders without the piece that make a head a liar. */
const LACKING_ENOUGH = 3;

interface MissingPiece {
  askedAt: number;
  /** Named holders that were tried and did not serve. */
  readonly not: Endpoint[];
  readonly lacking: Set<string>;
}

/** What we ask the head about pieces that are taken, and that nobody has whom we know. */
export class WhereDesk {
  readonly #missing = new Map<number, MissingPiece>();
  #question: { readonly q: number; readonly piece: number; readonly at: number } | undefined;

  /** The question to send, or undefined while one is open or this was asked a short time ago. */
  ask(piece: number, q: number, now: number): ClaimMessage | undefined {
    if (this.#question && now - this.#question.at < UNANSWERED_MS) return undefined;
    const missing = this.#of(piece);
    if (now - missing.askedAt < AGAIN_MS) return undefined;
    missing.askedAt = now;
    this.#question = { q, piece, at: now };
    return { m: "where", q, piece, not: missing.not.slice() };
  }

  /** Is it the answer to the open question? It is closed by that. */
  answered(body: ClaimMessage & { readonly m: "holders" }): boolean {
    if (this.#question?.q !== body.q || this.#question.piece !== body.piece) return false;
    this.#question = undefined;
    return true;
  }

  didNotServe(piece: number, endpoint: Endpoint): void {
    const { not } = this.#of(piece);
    if (not.some((other) => sameEndpoint(other, endpoint))) return;
    not.push(endpoint);
    if (not.length > LIMITS.claims.endpointsExcepted) not.shift();
  }

  /** A holder that the head named does not have the piece. True when it is one too many. */
  lacks(piece: number, endpoint: Endpoint): boolean {
    this.didNotServe(piece, endpoint);
    const { lacking } = this.#of(piece);
    if (lacking.size < LACKING_ENOUGH) lacking.add(formatEndpoint(endpoint));
    return lacking.size >= LACKING_ENOUGH;
  }

  found(piece: number): void {
    this.#missing.delete(piece);
  }

  /** Another head answers for itself. */
  headChanged(): void {
    this.#question = undefined;
    this.#missing.clear();
  }

  #of(piece: number): MissingPiece {
    const known = this.#missing.get(piece);
    if (known) return known;
    const missing = { askedAt: Number.NEGATIVE_INFINITY, not: [], lacking: new Set<string>() };
    this.#missing.set(piece, missing);
    if (this.#missing.size > PIECES_MOST) {
      const first = this.#missing.keys().next();
      if (!first.done) this.#missing.delete(first.value);
    }
    return missing;
  }
}
