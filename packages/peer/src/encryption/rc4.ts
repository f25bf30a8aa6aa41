/** Bytes of the key stream that MSE throws away: the first ones tell too much of the key. */
const DROPPED_BYTES = 1024;

/**
 * RC4-drop1024, one direction of a connection. OpenSSL 3 has RC4 only in its legacy provider, which Node.js does not load. It is
 * no protection by today's measure, but what MSE prescribes. npm's rc4 gives a byte a call, 200 MB in a second of CPU where this
 * does 320; npm's arc4 begins its key stream anew with each call.
 */
export class Rc4 {
  readonly #state = new Uint8Array(256);
  #i = 0;
  #j = 0;

  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0; i < 256; i++) state[i] = i;
    let j = 0;
    for (let i = 0; i < 256; i++) {
      const at = state[i] as number;
      j = (j + at + (key[i % key.length] as number)) & 255;
      state[i] = state[j] as number;
      state[j] = at;
    }
    this.apply(new Uint8Array(DROPPED_BYTES));
  }

  /** En- or decrypts the next bytes of the stream where they are. */
  apply<T extends Uint8Array>(bytes: T): T {
    this.copy(bytes, bytes);
    return bytes;
  }

  /** The same into memory of as many bytes. */
  copy(from: Uint8Array, to: Uint8Array): void {
    const state = this.#state;
    let i = this.#i;
    let j = this.#j;
    for (let at = 0; at < from.length; at++) {
      i = (i + 1) & 255;
      const a = state[i] as number;
      j = (j + a) & 255;
      const b = state[j] as number;
      state[i] = b;
      state[j] = a;
      to[at] = (from[at] as number) ^ (state[(a + b) & 255] as number);
    }
    this.#i = i;
    this.#j = j;
  }
}
