interface Happening {
  readonly at: number;
  readonly order: number;
  readonly fn: () => void;
}

/** What is to happen, in order of time; what falls together, in the order in which it was planned. */
export class VirtualTime {
  now = 0;
  #planned = 0;
  /** A binary heap. */
  readonly #heap: Happening[] = [];

  after(delayMs: number, fn: () => void): void {
    const heap = this.#heap;
    let i = heap.push({ at: this.now + delayMs, order: this.#planned++, fn }) - 1;
    while (i > 0 && isBefore(heap[i], heap[(i - 1) >> 1])) i = this.#swap(i, (i - 1) >> 1);
  }

  every(periodMs: number, fn: () => boolean): void {
    this.after(periodMs, () => {
      if (fn()) this.every(periodMs, fn);
    });
  }

  /** Lets it happen until `isDone`, at most until `untilMs`. */
  run(untilMs: number, isDone: () => boolean): void {
    for (let next = this.#heap[0]; next && next.at <= untilMs && !isDone(); next = this.#heap[0]) {
      this.#removeFirst();
      this.now = next.at;
      next.fn();
    }
  }

  #removeFirst(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (heap.length === 0 || !last) return;
    heap[0] = last;
    for (let i = 0; ; ) {
      let least = i;
      for (const child of [2 * i + 1, 2 * i + 2]) {
        if (child < heap.length && isBefore(heap[child], heap[least])) least = child;
      }
      if (least === i) return;
      i = this.#swap(i, least);
    }
  }

  #swap(i: number, j: number): number {
    const heap = this.#heap;
    const swap = heap[i] as Happening;
    heap[i] = heap[j] as Happening;
    heap[j] = swap;
    return j;
  }
}

function isBefore(a: Happening | undefined, b: Happening | undefined): boolean {
  if (!a || !b) return false;
  return a.at < b.at || (a.at === b.at && a.order < b.order);
}
