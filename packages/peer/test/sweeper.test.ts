import { ManualClock } from "@cachetorrent/clock";
import { expect, it } from "vitest";
import { Sweeper } from "../src/sweeper.ts";

/** One that sweeps a torrent which is at rest or is not. */
function sweeping() {
  const clock = new ManualClock(0);
  const at: number[] = [];
  const torrent = { isAtRest: false, stops: false };
  const sweeper = new Sweeper(
    clock,
    () => {
      at.push(clock.now());
      if (torrent.stops) sweeper.stop();
    },
    () => torrent.isAtRest,
  );
  sweeper.start();
  return { at, clock, sweeper, torrent };
}

it("sweeps four times a second, and every two seconds at rest", () => {
  const { at, clock, torrent } = sweeping();
  clock.advance(500);
  torrent.isAtRest = true;
  clock.advance(4250);
  expect(at).toEqual([250, 500, 750, 2750, 4750]);
});

it("notices at the next sweep that the rest is over, and at once when it is told", () => {
  const { at, clock, sweeper, torrent } = sweeping();
  torrent.isAtRest = true;
  clock.advance(250);
  torrent.isAtRest = false;
  clock.advance(2500);
  expect(at).toEqual([250, 2250, 2500, 2750]);
  torrent.isAtRest = true;
  clock.advance(350);
  sweeper.wake();
  clock.advance(250);
  expect(at.slice(4)).toEqual([3000, 3350]);
});

it("sweeps no more once it was stopped, be it by a sweep, and whoever wakes it", () => {
  const { at, clock, sweeper, torrent } = sweeping();
  torrent.isAtRest = true;
  torrent.stops = true;
  clock.advance(250);
  sweeper.wake();
  clock.advance(5000);
  expect(at).toEqual([250]);
});
