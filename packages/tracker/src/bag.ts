import { type Random, randomBelow } from "@cachetorrent/clock";

/**
 * Items in random order, so that a random window of neighbours is a random choice and copying it is all that a
 * hand-out costs. Adding and removing take constant time.
 */
export class Bag<T extends object> {
  readonly #items: T[] = [];
  readonly #places = new Map<T, number>();
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  get size(): number {
    return this.#items.length;
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  [Symbol.iterator](): Iterator<T> {
    return this.#items.values();
  }

  /** The newcomer takes a random place, and who stood there goes to the end: the order stays a fair shuffle. */
  add(item: T): void {
    if (this.#places.has(item)) return;
    const place = randomBelow(this.#random, this.#items.length + 1);
    const moved = this.#items[place];
    if (moved) this.#put(moved, this.#items.length);
    this.#put(item, place);
  }

  remove(item: T): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    const last = this.#items.pop();
    if (last && last !== item) this.#put(last, place);
  }

  /** At most `count` items that `accepts`, from a random place on, around the end. */
  window(count: number, accepts: (item: T) => boolean): T[] {
    const chosen: T[] = [];
    const size = this.#items.length;
    let at = randomBelow(this.#random, size);
    for (let seen = 0; seen < size && chosen.length < count; seen++) {
      const item = this.#items[at] as T;
      if (accepts(item)) chosen.push(item);
      at = at + 1 === size ? 0 : at + 1;
    }
    return chosen;
  }

  #put(item: T, place: number): void {
    this.#items[place] = item;
    this.#places.set(item, place);
  }
}
