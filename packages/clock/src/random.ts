/** A source of uniformly distributed numbers in [0, 1). */
export type Random = () => number;

export const systemRandom: Random = () => Math.random();

/** mulberry32: the same numbers for the same 32-bit seed, for tests and for reports that name their seed. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** An integer in [0, below). */
export function randomBelow(random: Random, below: number): number {
  return Math.floor(random() * below);
}

/** The first `count` of a fair shuffle of `items`; `items` is left as it is. */
export function sample<T>(items: readonly T[], count: number, random: Random): T[] {
  const pool = items.slice();
  const taken = Math.min(count, pool.length);
  for (let i = 0; i < taken; i++) {
    const j = i + randomBelow(random, pool.length - i);
    const swap = pool[i] as T;
    pool[i] = pool[j] as T;
    pool[j] = swap;
  }
  pool.length = taken;
  return pool;
}
