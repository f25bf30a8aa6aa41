/** Looks further apart than this: we stood still. */
const GAP_MS = 1000;
/** So long after that what lay in the sockets has been read. */
const CATCHING_UP_MS = 1000;

/**
 * Whether we may judge who is silent. After a time in which this process stood still, or had too much to do, everybody seems
 * to have been silent: what they said lies in the sockets, and timers run before it is read.
 */
export class Attention {
  #lookedAt: number;
  #awakeSince: number;

  constructor(now: number) {
    this.#lookedAt = now;
    this.#awakeSince = now;
  }

  /** To be called at every look. May silence be judged at this one? */
  look(now: number): boolean {
    if (now - this.#lookedAt > GAP_MS) this.#awakeSince = now;
    this.#lookedAt = now;
    return now - this.#awakeSince >= CATCHING_UP_MS;
  }
}
