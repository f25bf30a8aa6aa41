import type { ClaimMessage } from "@cachetorrent/protocol";

/** Where a member's messages to its head go, be it another peer or itself. */
export interface HeadPort {
  send(body: ClaimMessage): void;
}

/**
 * The head's way to its own book. Messages wait until `flush`, in both directions, so that neither the book nor the client is
 * called while it is at work; what a flush causes is delivered by the same flush.
 */
export class LocalHeadPort implements HeadPort {
  readonly #toBook: (body: ClaimMessage) => void;
  readonly #toClient: (body: ClaimMessage) => void;
  readonly #waiting: { readonly body: ClaimMessage; readonly forBook: boolean }[] = [];
  #isFlushing = false;

  /** `toBook` hands a message to the book as coming from this member, `toClient` an answer to the client. */
  constructor(toBook: (body: ClaimMessage) => void, toClient: (body: ClaimMessage) => void) {
    this.#toBook = toBook;
    this.#toClient = toClient;
  }

  /** The client's. */
  send(body: ClaimMessage): void {
    this.#waiting.push({ body, forBook: true });
  }

  /** The book's, for its own member. */
  tell(body: ClaimMessage): void {
    this.#waiting.push({ body, forBook: false });
  }

  /** To be called by the owner when it has called the book or the client, and is done. */
  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        if (next.forBook) this.#toBook(next.body);
        else this.#toClient(next.body);
      }
    } finally {
      this.#isFlushing = false;
    }
  }
}
