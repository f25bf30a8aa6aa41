/** What a file system says of a file without reading it: as long as it says the same, the bytes are the same. */
export interface FileStamp {
  /** Bytes, or MISSING where there is no file. */
  readonly size: number;
  /** When it was last written, in nanoseconds since 1970; 0 where there is no file. */
  readonly mtimeNs: bigint;
}

export const MISSING = -1;
export const NO_FILE: FileStamp = { size: MISSING, mtimeNs: 0n };

/** Kernels stamp by the tick of their clock, of 10 ms at most: two writes within one look like one. */
const TICK_NS = 20_000_000n;
/** File systems that count whole seconds; FAT counts two. */
const COARSE_TICK_NS = 2_000_000_000n;
const SECOND_NS = 1_000_000_000n;

/**
 * Would a write after `nowNs` have changed the stamp, which was taken at that time or later? Not if the last write was
 * within the same tick: such a stamp proves nothing.
 */
export function isSettled({ mtimeNs, size }: FileStamp, nowNs: bigint, leastAgeNs = TICK_NS): boolean {
  if (size === MISSING) return true;
  const tick = mtimeNs % SECOND_NS === 0n ? COARSE_TICK_NS : TICK_NS;
  return nowNs - mtimeNs >= (tick > leastAgeNs ? tick : leastAgeNs);
}

export function isSameStamp(one: FileStamp, other: FileStamp): boolean {
  return one.size === other.size && one.mtimeNs === other.mtimeNs;
}
