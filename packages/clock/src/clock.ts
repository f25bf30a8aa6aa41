/** A timer that was set; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

/**
 * Where the engines get their time from. Everything takes a `Clock` from outside, so that a swarm can
 * run in virtual time. Times are milliseconds since the Unix epoch and never step backwards.
 */
export interface Clock {
  now(): number;
  /** Calls `fn` once, `delayMs` from now. The timer keeps the process alive only when `keepAlive` is set. */
  after(delayMs: number, fn: () => void, options?: { keepAlive?: boolean }): Timer;
  /** Calls `fn` every `periodMs` until cancelled. Never keeps the process alive. */
  every(periodMs: number, fn: () => void): Timer;
}

/** Asked for each time it would cost as much as the time since then. */
const { timeOrigin } = performance;

/** The machine's clock: monotonic, anchored at the wall-clock time of the process's start. */
export const systemClock: Clock = {
  now: () => timeOrigin + performance.now(),
  after(delayMs, fn, options) {
    const handle = setTimeout(fn, delayMs);
    if (!options?.keepAlive) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
  every(periodMs, fn) {
    const handle = setInterval(fn, periodMs);
    handle.unref();
    return { cancel: () => clearInterval(handle) };
  },
};
