import Wire from "bittorrent-protocol";

/**
 * The wire reads what it was given in a microtask of its own: what a listener throws there is in reach of nobody who
 * wrote to it, and would end the process. Here it goes to `onFailure`, and the wire reads nothing any more.
 */
export class FencedWire extends Wire {
  readonly #onFailure: (error: unknown) => void;
  #hasFailed = false;

  constructor(type: "tcpIncoming" | "tcpOutgoing", onFailure: (error: unknown) => void) {
    super(type);
    this.#onFailure = onFailure;
  }

  override _write(bytes: Uint8Array, done: (error: null) => void): void {
    if (!this.#hasFailed) {
      try {
        super._write(bytes, done);
        return;
      } catch (error) {
        // It stands in the middle of a message, or of what follows from one.
        this.#hasFailed = true;
        this.#onFailure(error);
      }
    }
    done(null);
  }
}
