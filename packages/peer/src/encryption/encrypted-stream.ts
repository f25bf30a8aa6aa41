import type { Socket } from "node:net";
import { Duplex } from "node:stream";
import type { Rc4 } from "./rc4.ts";

export interface Ciphers {
  readonly incoming: Rc4;
  readonly outgoing: Rc4;
}

/** A socket as it would be were nothing encrypted: whoever has it need not know. */
export class EncryptedStream extends Duplex {
  readonly #socket: Socket;
  readonly #ciphers: Ciphers;

  /** `head` is plaintext that was received already. The socket is paused. */
  constructor(socket: Socket, ciphers: Ciphers, head: Uint8Array) {
    super({ allowHalfOpen: false });
    this.#socket = socket;
    this.#ciphers = ciphers;
    // Bytes that wait here are to follow when the other side has ended its half: its end is passed on, and comes back.
    socket.allowHalfOpen = true;
    let hasEnded = false;
    socket.on("data", (chunk: Buffer) => {
      if (!this.push(ciphers.incoming.apply(chunk))) socket.pause();
    });
    socket.on("end", () => {
      hasEnded = true;
      this.push(null);
    });
    socket.on("error", (error) => this.destroy(error));
    socket.on("close", () => {
      if (!hasEnded) this.destroy();
    });
    // Between two owners an error must not be fatal.
    this.on("error", () => this.destroy());
    if (head.length > 0) this.push(head);
  }

  setNoDelay(noDelay: boolean): void {
    this.#socket.setNoDelay(noDelay);
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send([chunk], done);
  }

  override _writev(
    chunks: readonly { readonly chunk: Uint8Array }[],
    done: (error?: Error | null) => void,
  ): void {
    this.#send(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.#socket.end(done);
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#socket.destroy();
    done(error);
  }

  /** Into memory of its own: what is sent may be a piece of the cache that others are sent as well. */
  #send(chunks: readonly Uint8Array[], done: (error?: Error | null) => void): void {
    const encrypted = Buffer.allocUnsafe(chunks.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const chunk of chunks) {
      this.#ciphers.outgoing.copy(chunk, encrypted.subarray(at, at + chunk.length));
      at += chunk.length;
    }
    this.#socket.write(encrypted, done);
  }
}
