import type { CellResult } from "../report/results.ts";
import type { Sample } from "./messages.ts";

/** What all workers together had received at the times of their samples. */
export class Samples {
  readonly #workers: number;
  /** By number. Those that some worker has not told of yet are not whole. */
  readonly #told: Sample[][] = [];

  constructor(workers: number) {
    this.#workers = workers;
  }

  /** Returns the verified bytes of all peers, once the last worker has told. */
  add(sample: Sample): number | undefined {
    const same = this.#told[sample.n] ?? [];
    this.#told[sample.n] = same;
    same.push(sample);
    if (same.length < this.#workers) return undefined;
    return same.reduce((sum, one) => sum + one.verifiedBytes, 0);
  }

  /** External bytes of each AS until then. */
  crossings(ases: number, sampleMs: number): CellResult["crossings"] {
    const whole = this.#told.filter((same) => same.length === this.#workers);
    return {
      atMs: whole.map(([one]) => Math.round((one?.n ?? 0) * sampleMs)),
      bytesByAs: Array.from({ length: ases }, (_, as) =>
        whole.map((same) => same.reduce((sum, one) => sum + (one.externalByAs[as] ?? 0), 0)),
      ),
    };
  }
}
