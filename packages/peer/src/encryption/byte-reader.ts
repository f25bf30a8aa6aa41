import type { Socket } from "node:net";
import { HandshakeError } from "./handshake-error.ts";

interface Wanted {
  isThere(): boolean;
  resolve(): void;
  reject(why: Error): void;
}

/** Reads the first bytes of a socket piece by piece. It takes in nothing that nobody waits for. */
export class ByteReader {
  readonly #socket: Socket;
  #bytes: Buffer = Buffer.alloc(0);
  #wanted: Wanted | undefined;
  #isOver = false;
  readonly #onData = (chunk: Buffer): void => {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    this.#look();
  };
  readonly #onOver = (): void => {
    this.#isOver = true;
    this.#look();
  };

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.pause();
    socket.on("data", this.#onData).on("end", this.#onOver).on("close", this.#onOver);
  }

  /** The next bytes, taken out. This and the others reject when the connection ends before they know. */
  async read(length: number): Promise<Buffer> {
    await this.#until(() => this.#bytes.length >= length);
    return this.#take(length);
  }

  /** The next bytes, which stay. */
  async peek(length: number): Promise<Buffer> {
    await this.#until(() => this.#bytes.length >= length);
    return this.#bytes.subarray(0, length);
  }

  /** Do the next bytes, which stay, read so? It is known with the first that differs. */
  async startsWith(expected: Uint8Array): Promise<boolean> {
    const differs = (): boolean => {
      const length = Math.min(expected.length, this.#bytes.length);
      return !this.#bytes.subarray(0, length).equals(expected.subarray(0, length));
    };
    await this.#until(() => this.#bytes.length >= expected.length || differs());
    return !differs();
  }

  /** Takes out everything up to and with the pattern; false when more than `most` bytes come before it. */
  async skipPast(pattern: Uint8Array, most: number): Promise<boolean> {
    const find = (): number => this.#bytes.subarray(0, most + pattern.length).indexOf(pattern);
    await this.#until(() => find() >= 0 || this.#bytes.length >= most + pattern.length);
    const at = find();
    if (at < 0) return false;
    this.#take(at + pattern.length);
    return true;
  }

  /** Reads no further: what is left over is returned, and the socket is paused. */
  release(): Buffer {
    this.#socket.pause();
    this.#socket.off("data", this.#onData).off("end", this.#onOver).off("close", this.#onOver);
    return this.#take(this.#bytes.length);
  }

  #take(length: number): Buffer {
    const taken = this.#bytes.subarray(0, length);
    this.#bytes = this.#bytes.subarray(length);
    return taken;
  }

  #until(isThere: () => boolean): Promise<void> {
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    this.#wanted = { isThere, resolve, reject };
    this.#look();
    return promise;
  }

  #look(): void {
    const wanted = this.#wanted;
    if (wanted?.isThere()) wanted.resolve();
    else if (wanted && this.#isOver) wanted.reject(new HandshakeError("the other side hung up"));
    else {
      if (wanted) this.#socket.resume();
      return;
    }
    this.#wanted = undefined;
    this.#socket.pause();
  }
}
