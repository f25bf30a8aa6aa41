import { median } from "./recent-median.ts";

interface Uploader {
  /** Declared, bytes/s; unknown as long as it has not claimed. */
  readonly up: number | undefined;
}

/** Who is so much slower than the others that a piece had better come in by somebody else, who passes it on faster. */
export class SlowMembers {
  readonly #members: () => Iterable<Uploader>;
  /** Half of the median; undefined: to be worked out. */
  #below: number | undefined;

  constructor(members: () => Iterable<Uploader>) {
    this.#members = members;
  }

  /** Somebody declared another upload, or left. */
  changed(): void {
    this.#below = undefined;
  }

  isSlow({ up }: Uploader): boolean {
    if (this.#below === undefined) {
      const ups = [...this.#members()].map((member) => member.up).filter((known) => known !== undefined);
      this.#below = (median(ups) ?? 0) / 2;
    }
    return up !== undefined && up < this.#below;
  }
}
