import { givePart, takePart } from "./part-memory.ts";

/** Who lets blocks that come in parts go straight to their place. */
export interface LandingPlace {
  /** Undefined where the block has to be told whole instead: nobody waits for it, or its place is taken. */
  land(piece: number, begin: number, length: number): Landing | undefined;
  /** The block is there, whole, wherever it lies; told before its landing ends. */
  landed(piece: number, begin: number, bytes: Uint8Array): void;
}

/**
 * A block on its way into the buffer of its piece, part by part, so that it need not be copied once more when it is whole. Its place can be taken
 * back at any moment: then the bytes lie elsewhere.
 */
export class Landing {
  #bytes: Uint8Array;
  #filled = 0;
  #isElsewhere = false;
  #isOver = false;

  /** `place`: for the bytes of the block, and as long. */
  constructor(place: Uint8Array) {
    this.#bytes = place;
  }

  /** Does it still lie in its place, or will? */
  get isInPlace(): boolean {
    return !this.#isElsewhere && !this.#isOver;
  }

  /** All that came, once it is whole. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  add(part: Uint8Array): void {
    this.#bytes.set(part, this.#filled);
    this.#filled += part.length;
  }

  /** The place is another's from now on. */
  takeBack(): void {
    if (!this.isInPlace) return;
    const elsewhere = takePart(this.#bytes.length);
    elsewhere.set(this.#bytes.subarray(0, this.#filled));
    this.#bytes = elsewhere;
    this.#isElsewhere = true;
  }

  /** Nothing more will come, and nobody looks at the bytes through it any more. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    if (this.#isElsewhere) givePart(this.#bytes);
  }
}
