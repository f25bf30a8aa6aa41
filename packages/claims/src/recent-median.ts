/** The middle one; of an even number the lower. Undefined of none. */
export function median(values: readonly number[]): number | undefined {
  return values.toSorted((a, b) => a - b)[(values.length - 1) >> 1];
}

/** So many of the latest are looked at. */
const REMEMBERED = 31;

/** The median of the latest values of a series, such as how long pieces take. */
export class RecentMedian {
  readonly #values: number[] = [];
  #median: number | undefined;

  add(value: number): void {
    this.#values.push(value);
    if (this.#values.length > REMEMBERED) this.#values.shift();
    this.#median = median(this.#values);
  }

  /** Undefined as long as there is nothing to tell it from. */
  get value(): number | undefined {
    return this.#median;
  }
}
