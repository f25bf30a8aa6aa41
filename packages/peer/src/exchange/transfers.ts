/** So many pieces may be sent to one peer in part: one that asks for the first byte of each fills no memory. */
const BEGUN_MOST = 64;
/** The median is that of so many pieces that went out last. */
const REMEMBERED = 31;

type Range = readonly [begin: number, end: number];

interface Begun {
  /** When the first block since the last unchoke was sent; undefined while nothing was. */
  since: number | undefined;
  /** What was sent, as ranges that neither touch nor overlap: where each begins and ends, in order. */
  ranges: readonly Range[];
}

/** Which pieces are on their way out to whom, in part or whole, and how long they take. */
export class Transfers<C> {
  readonly #pieceSize: (piece: number) => number;
  readonly #begun = new Map<C, Map<number, Begun>>();
  readonly #took: number[] = [];

  constructor(pieceSize: (piece: number) => number) {
    this.#pieceSize = pieceSize;
  }

  /** A block was sent. True when with it the peer has got the whole piece. */
  sent(to: C, piece: number, begin: number, length: number, now: number): boolean {
    const pieces = this.#begun.get(to) ?? new Map<number, Begun>();
    this.#begun.set(to, pieces);
    const begun = pieces.get(piece) ?? { since: now, ranges: [] };
    pieces.set(piece, begun);
    begun.since ??= now;
    begun.ranges = joined(begun.ranges, begin, begin + length);
    const [[start, end] = [0, 0]] = begun.ranges;
    if (start > 0 || end < this.#pieceSize(piece)) {
      const [oldest = piece] = pieces.keys();
      if (pieces.size > BEGUN_MOST) pieces.delete(oldest);
      return false;
    }
    pieces.delete(piece);
    this.#took.push(now - begun.since);
    if (this.#took.length > REMEMBERED) this.#took.shift();
    return true;
  }

  /** Nothing more is sent to it for now. Should it go on later, what it got counts. */
  choked(to: C): void {
    for (const begun of this.#begun.get(to)?.values() ?? []) begun.since = undefined;
  }

  left(to: C): void {
    this.#begun.delete(to);
  }

  /** The pieces of which it got some blocks since it was unchoked, and not all, and since when. */
  under(to: C): Map<number, number> {
    const pieces = new Map<number, number>();
    for (const [piece, { since }] of this.#begun.get(to) ?? []) {
      if (since !== undefined) pieces.set(piece, since);
    }
    return pieces;
  }

  /** Milliseconds that a piece takes from its first block to its last; 0 before the first piece. */
  get medianMs(): number {
    const sorted = this.#took.toSorted((a, b) => a - b);
    return sorted[sorted.length >> 1] ?? 0;
  }
}

/** The ranges and one more, which may touch and overlap them. Requests of one peer differ in length, and mostly follow on each other. */
function joined(ranges: readonly Range[], begin: number, end: number): readonly Range[] {
  const [first] = ranges;
  if (!first) return [[begin, end]];
  if (ranges.length === 1 && first[1] === begin) return [[first[0], end]];
  const apart = ranges.filter(([from, to]) => to < begin || from > end);
  const met = ranges.filter((one) => !apart.includes(one));
  const whole: Range = [
    Math.min(begin, ...met.map(([from]) => from)),
    Math.max(end, ...met.map(([, to]) => to)),
  ];
  return [...apart, whole].toSorted(([a], [b]) => a - b);
}
