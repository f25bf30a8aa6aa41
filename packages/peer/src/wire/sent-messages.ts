import { MESSAGE_ID, readUint32 } from "./message.ts";

/** A message without its length; of a piece the head alone, and how long the whole is. */
export type OnMessage = (message: Uint8Array, length: number) => void;

/** Finds the messages in what the wire sends: it gives a message in one or two chunks, and never two in one. */
export class SentMessages {
  readonly #onMessage: OnMessage;
  #isHandshakeSent = false;
  /** Bytes of the last message that are still to come. */
  #missing = 0;
  #begun: Uint8Array[] = [];

  constructor(onMessage: OnMessage) {
    this.#onMessage = onMessage;
  }

  push(chunk: Uint8Array): void {
    if (!this.#isHandshakeSent) {
      this.#isHandshakeSent = true;
      return;
    }
    if (this.#missing === 0) this.#begin(chunk);
    else this.#goOn(chunk);
  }

  #begin(chunk: Uint8Array): void {
    const length = readUint32(chunk, 0);
    const message = chunk.subarray(4);
    this.#missing = length - message.length;
    // The blocks themselves are of no interest, and are most of what is sent.
    if (this.#missing === 0 || message[0] === MESSAGE_ID.piece) this.#onMessage(message, length);
    else this.#begun = [message];
  }

  #goOn(chunk: Uint8Array): void {
    this.#missing -= chunk.length;
    if (this.#begun.length === 0) return;
    this.#begun.push(chunk);
    if (this.#missing > 0) return;
    const message = Buffer.concat(this.#begun);
    this.#begun = [];
    this.#onMessage(message, message.length);
  }
}
