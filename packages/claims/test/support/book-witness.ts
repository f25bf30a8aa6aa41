import type { ClaimMessage } from "@cachetorrent/protocol";

interface Live {
  readonly member: object;
  readonly ttlMs: number;
  until: number;
}

interface Watched {
  /** Grants of this book that are good, by what was said alone. */
  readonly live: Map<number, Live>;
  /** Claims that wait for an answer, by member and number: how many. */
  readonly open: Map<object, Map<number, number>>;
}

/** Watches what goes into and out of books, and notes what must not be. */
export class BookWitness {
  readonly faults: string[] = [];
  readonly #watched = new WeakMap<object, Watched>();

  received(book: object, member: object, body: ClaimMessage, now: number): void {
    const { live, open } = this.#of(book);
    if (body.m === "claim") {
      const asked = open.get(member) ?? new Map<number, number>();
      open.set(member, asked);
      asked.set(body.q, (asked.get(body.q) ?? 0) + 1);
    } else if (body.m === "release" && live.get(body.piece)?.member === member) live.delete(body.piece);
    else if (body.m === "renew") {
      for (const piece of body.pieces) {
        const grant = live.get(piece);
        if (grant?.member === member) grant.until = now + grant.ttlMs;
      }
    }
  }

  told(book: object, member: object, body: ClaimMessage, now: number): void {
    const { live } = this.#of(book);
    if (body.m === "grant") {
      for (const piece of body.pieces) {
        const other = live.get(piece);
        if (other && now < other.until) this.faults.push(`piece ${piece} granted twice at ${now}`);
        live.set(piece, { member, ttlMs: body.ttlMs, until: now + body.ttlMs });
      }
    } else if (body.m === "revoke") {
      if (live.get(body.piece)?.member === member) live.delete(body.piece);
    }
    if (body.m === "grant" || body.m === "deny") this.#answered(book, member, body.q);
  }

  /** The member has it: nobody needs to fetch it. */
  held(book: object, piece: number): void {
    this.#of(book).live.delete(piece);
  }

  left(book: object, member: object): void {
    const { live, open } = this.#of(book);
    open.delete(member);
    for (const [piece, grant] of live) if (grant.member === member) live.delete(piece);
  }

  /** Claims without an answer. */
  unanswered(book: object): number {
    let count = 0;
    for (const asked of this.#of(book).open.values()) for (const times of asked.values()) count += times;
    return count;
  }

  #answered(book: object, member: object, q: number): void {
    const asked = this.#of(book).open.get(member);
    const waiting = asked?.get(q) ?? 0;
    if (waiting === 0) this.faults.push(`claim ${q} answered again`);
    else if (waiting === 1) asked?.delete(q);
    else asked?.set(q, waiting - 1);
  }

  #of(book: object): Watched {
    const watched = this.#watched.get(book) ?? { live: new Map(), open: new Map() };
    this.#watched.set(book, watched);
    return watched;
  }
}
