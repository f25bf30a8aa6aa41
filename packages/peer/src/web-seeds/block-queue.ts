import type { BlockRequest } from "../wire/block-request.ts";
import { BlockRun } from "./block-run.ts";

/** Blocks that are to be asked for, gathered to runs that stand side by side: one request brings many of them. */
export class BlockQueue {
  readonly #pieceLength: number;
  /** By where it starts in the torrent, in the order in which they came. */
  readonly #blocks = new Map<number, BlockRequest>();

  constructor(pieceLength: number) {
    this.#pieceLength = pieceLength;
  }

  add(block: BlockRequest): void {
    this.#blocks.set(this.#startOf(block), block);
  }

  /** False when it is not waiting. */
  remove(block: BlockRequest): boolean {
    return this.#blocks.delete(this.#startOf(block));
  }

  clear(): void {
    this.#blocks.clear();
  }

  /** The oldest block and what follows on it without a gap, `most` bytes at most; undefined where nothing waits. */
  takeRun(most: number): BlockRun | undefined {
    const [start] = this.#blocks.keys();
    if (start === undefined) return undefined;
    const blocks: BlockRequest[] = [];
    let end = start;
    for (;;) {
      const block = this.#blocks.get(end);
      if (!block || (blocks.length > 0 && end + block.length - start > most)) break;
      this.#blocks.delete(end);
      blocks.push(block);
      end += block.length;
    }
    return new BlockRun(start, blocks);
  }

  #startOf({ begin, piece }: BlockRequest): number {
    return piece * this.#pieceLength + begin;
  }
}
