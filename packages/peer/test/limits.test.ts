import { ManualClock } from "@cachetorrent/clock";
import { describe, expect, it } from "vitest";
import { NO_LIMITS, withChanges } from "../src/rates/rate-limits.ts";
import { parseScheduleEntry } from "../src/rates/schedule.ts";
import { SessionRates } from "../src/rates/session-rates.ts";
import { Soonest } from "../src/rates/soonest.ts";
import { TokenBucket } from "../src/rates/token-bucket.ts";
import { TorrentRates } from "../src/rates/torrent-rates.ts";
import { silent } from "./support/samples.ts";

const BLOCK = 16 * 1024;

describe("limits of a process and of its torrents", () => {
  it("each block waits for all that apply: of the process and the torrent, of both sides and its own", () => {
    const clock = new ManualClock();
    const session = new SessionRates(clock, silent, { up: 4 * BLOCK, "up-external": 2 * BLOCK });
    const torrent = new TorrentRates(session, clock, { "up-internal": 3 * BLOCK, down: BLOCK });
    const other = new TorrentRates(session, clock);
    // A bucket that is full lets a block pass, and goes into debt for no more than one.
    const passes = (throttle: { take(bytes: number, now: number): boolean }) =>
      throttle.take(2 * BLOCK, clock.now());
    expect(passes(torrent.up(true))).toBe(true);
    expect(passes(other.up(true))).toBe(false); // the process has sent
    clock.advance(500); // two blocks of four a second
    expect(passes(torrent.up(false))).toBe(true); // another bucket than for those inside
    expect(passes(other.up(false))).toBe(false);
    clock.advance(501);
    expect(passes(torrent.up(true))).toBe(true);
    expect(passes(torrent.down(true))).toBe(true);
    expect(passes(torrent.down(false))).toBe(false);
    expect(passes(other.down(false))).toBe(true);
  });

  it("one that has no tokens takes none from the others", () => {
    const clock = new ManualClock();
    const session = new SessionRates(clock, silent, { up: BLOCK });
    const slow = new TorrentRates(session, clock, { up: 1 });
    const other = new TorrentRates(session, clock);
    expect(slow.up(true).take(2 * BLOCK, clock.now())).toBe(true);
    clock.advance(2000);
    for (let i = 0; i < 100; i++) expect(slow.up(true).take(BLOCK, clock.now())).toBe(false);
    expect(other.up(true).take(BLOCK, clock.now())).toBe(true);
  });

  it("change while blocks wait for them, and whoever waits is told", () => {
    const clock = new ManualClock();
    const session = new SessionRates(clock, silent, { up: 1 });
    const torrent = new TorrentRates(session, clock);
    const up = torrent.up(false);
    up.take(BLOCK + 1000, clock.now());
    expect(up.waitMs(clock.now())).toBeGreaterThan(500_000);
    let told = 0;
    session.onChange(() => told++);
    session.set({ up: 1_000_000 });
    expect(told).toBe(1);
    expect(up.waitMs(clock.now())).toBeLessThan(10);
    session.set({ up: 1_000_000 });
    expect(told).toBe(1);
    torrent.set({ down: 5 });
    expect(told).toBe(2);
    expect(torrent.limits).toEqual({ ...NO_LIMITS, down: 5 });
  });

  it("that let nothing through, or have no such name, are refused", () => {
    expect(() => withChanges(NO_LIMITS, { up: 0 })).toThrow("up must be above 0");
    expect(() => withChanges(NO_LIMITS, { up: Number.NaN })).toThrow("up must be above 0");
    expect(() => withChanges(NO_LIMITS, { sideways: 1 } as object)).toThrow("no limit is called sideways");
  });

  it("follow their schedule from minute to minute, and go back to what is set", () => {
    const clock = new ManualClock(new Date(2026, 10, 2, 7, 58, 30).getTime());
    const parsed = parseScheduleEntry("mon 08:00-08:01 up=5B/s");
    if (!parsed.ok) throw parsed.error;
    const session = new SessionRates(clock, silent, { up: 9 }, [parsed.value]);
    clock.advance(89_999);
    expect(session.limits.up).toBe(9);
    clock.advance(1);
    expect(session.limits.up).toBe(5);
    session.set({ up: 7 });
    expect(session.limits.up).toBe(5);
    clock.advance(60_000);
    expect(session.limits.up).toBe(7);
    session.set({}, []);
    session.stop();
  });
});

describe("a bucket whose rate changes", () => {
  it("pays the debt of before at the new rate, and holds no more than the burst of that", () => {
    const bucket = new TokenBucket(1000, 0);
    bucket.take(BLOCK + 10_000, 0);
    expect(bucket.waitMs(0)).toBeCloseTo(10_001, 0);
    bucket.setRate(100_000, 0);
    expect(bucket.waitMs(0)).toBeCloseTo(100, 0);
    const fast = new TokenBucket(100_000_000, 0);
    fast.setRate(1000, 0);
    fast.take(BLOCK, 0);
    expect(fast.take(1, 0)).toBe(false);
  });

  it("limits nothing without a rate, and begins with a burst when it gets one", () => {
    const bucket = new TokenBucket(1, 0);
    bucket.take(1e9, 0);
    bucket.setRate(Number.POSITIVE_INFINITY, 0);
    expect(bucket.take(1e12, 0)).toBe(true);
    const unlimited = new TokenBucket(Number.POSITIVE_INFINITY, 0);
    unlimited.setRate(1000, 50_000);
    expect(unlimited.take(BLOCK, 50_000)).toBe(true);
    expect(unlimited.take(1, 50_000)).toBe(false);
  });
});

describe("a task at the soonest of many times", () => {
  it("runs once, at the first of them", async () => {
    const clock = new ManualClock();
    let runs = 0;
    const soonest = new Soonest(clock, () => runs++);
    soonest.in(1000);
    soonest.in(10);
    soonest.in(500);
    clock.advance(9);
    expect(runs).toBe(0);
    clock.advance(1);
    expect(runs).toBe(1);
    clock.advance(5000);
    expect(runs).toBe(1);
    soonest.in(1000);
    soonest.in(0);
    await new Promise((resolve) => setImmediate(resolve));
    expect(runs).toBe(2);
    clock.advance(5000);
    expect(runs).toBe(2);
  });
});
