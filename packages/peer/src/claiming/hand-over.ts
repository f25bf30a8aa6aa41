import { type ClaimMessage, LIMITS } from "@cachetorrent/protocol";

/** What a book that was closed had granted, until the next head can be told of it. */
export class HandOver {
  #claims: readonly { readonly piece: number; readonly deadline: number }[] = [];

  /** The messages `open` of a book that was closed just now; none when it had granted nothing, or was not in office. */
  keep(open: readonly ClaimMessage[], now: number): void {
    const claims = open.flatMap((body) =>
      body.m === "open"
        ? body.pieces.map((piece, at) => ({ piece, deadline: now + (body.ttlsMs[at] ?? 0) }))
        : [],
    );
    if (claims.length > 0) this.#claims = claims;
  }

  /** The next head is there: what is still good goes to it, once. */
  to(tell: (body: ClaimMessage) => void, now: number): void {
    const claims = this.#claims.filter(({ deadline }) => deadline > now);
    this.#claims = [];
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at < claims.length; at += most) {
      const part = claims.slice(at, at + most);
      tell({
        m: "open",
        pieces: part.map(({ piece }) => piece),
        ttlsMs: part.map(({ deadline }) => deadline - now),
      });
    }
  }
}
