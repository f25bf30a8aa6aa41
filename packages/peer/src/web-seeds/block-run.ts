import type { BlockRequest } from "../wire/block-request.ts";

/** Blocks that stand side by side in the torrent, as bytes of them come in. */
export class BlockRun {
  /** Where it starts in the torrent's bytes. */
  readonly start: number;
  readonly length: number;
  readonly #blocks: readonly BlockRequest[];
  readonly #dropped = new Set<BlockRequest>();
  /** How many blocks are whole. */
  #done = 0;
  /** The part that came of the next one. */
  #part: Buffer | undefined;
  #partSize = 0;

  constructor(start: number, blocks: readonly BlockRequest[]) {
    this.start = start;
    this.#blocks = blocks;
    this.length = blocks.reduce((sum, block) => sum + block.length, 0);
  }

  /** Is a block of it still to come that somebody wants? */
  get isWanted(): boolean {
    return this.missing().length > 0;
  }

  /** Blocks that came whole, wanted or not. */
  get doneCount(): number {
    return this.#done;
  }

  /** Those that are wanted and have not come. */
  missing(): BlockRequest[] {
    return this.#blocks.slice(this.#done).filter((block) => !this.#dropped.has(block));
  }

  /** Nobody wants the block any more. False when it is not to come here. */
  drop({ begin, piece }: BlockRequest): boolean {
    const block = this.missing().find((one) => one.piece === piece && one.begin === begin);
    if (block) this.#dropped.add(block);
    return block !== undefined;
  }

  /** The next bytes: each block that they make whole, and that is wanted, goes to `whole`. */
  push(bytes: Uint8Array, whole: (block: BlockRequest, bytes: Uint8Array) => void): void {
    for (let at = 0; at < bytes.length; ) {
      const block = this.#blocks[this.#done];
      if (!block) return;
      const size = Math.min(block.length - this.#partSize, bytes.length - at);
      const chunk = bytes.subarray(at, at + size);
      at += size;
      if (size === block.length) this.#finish(block, chunk, whole);
      else {
        this.#part ??= Buffer.allocUnsafe(block.length);
        this.#part.set(chunk, this.#partSize);
        this.#partSize += size;
        if (this.#partSize === block.length) this.#finish(block, this.#part, whole);
      }
    }
  }

  #finish(
    block: BlockRequest,
    bytes: Uint8Array,
    whole: (block: BlockRequest, bytes: Uint8Array) => void,
  ): void {
    this.#done++;
    this.#part = undefined;
    this.#partSize = 0;
    if (!this.#dropped.delete(block)) whole(block, bytes);
  }
}
