import { hash } from "node:crypto";
import { LIMITS } from "@cachetorrent/protocol";

const BLOCK = LIMITS.peer.blockBytes;

/** A block of a piece that failed its hash: who sent it, and its fingerprint. */
interface Suspect<S> {
  readonly source: S;
  readonly sha1: string;
}

/**
 * Finds who sent bad data. A failed piece that came from one peer convicts it at once. Otherwise the blocks are
 * remembered, and when the piece verifies later, those that differ from the good ones tell who lied. Until then it is
 * a suspect: to be fetched again from one peer only, since someone who spoils a block of every copy would never be found.
 */
export class BadDataFinder<S extends object> {
  readonly #failed = new Map<number, (Suspect<S> | undefined)[][]>();

  /** Pieces that failed and have not verified since. */
  suspects(): IterableIterator<number> {
    return this.#failed.keys();
  }

  /** A piece failed. Returns the source if it alone sent it. */
  failed(piece: number, bytes: Uint8Array, sources: readonly (S | undefined)[]): S | undefined {
    const [first, ...others] = new Set(sources);
    if (others.length === 0) return first;
    const suspects = sources.map((source, block) =>
      source ? { source, sha1: fingerprint(bytes, block) } : undefined,
    );
    const earlier = this.#failed.get(piece) ?? [];
    // Bounded: someone who spoils every piece must not fill our memory.
    if (this.#failed.size < PIECES_REMEMBERED && earlier.length < FAILURES_REMEMBERED) {
      this.#failed.set(piece, [...earlier, suspects]);
    }
    return undefined;
  }

  /** A piece verified. Returns those who sent other bytes for it before. */
  verified(piece: number, bytes: Uint8Array): Set<S> {
    const liars = new Set<S>();
    for (const suspects of this.#failed.get(piece) ?? []) {
      suspects.forEach((suspect, block) => {
        if (suspect && suspect.sha1 !== fingerprint(bytes, block)) liars.add(suspect.source);
      });
    }
    this.#failed.delete(piece);
    return liars;
  }
}

const PIECES_REMEMBERED = 64;
const FAILURES_REMEMBERED = 4;

function fingerprint(bytes: Uint8Array, block: number): string {
  return hash("sha1", bytes.subarray(block * BLOCK, (block + 1) * BLOCK));
}
