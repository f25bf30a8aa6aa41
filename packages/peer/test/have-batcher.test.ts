import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { HaveBatcher } from "../src/exchange/have-batcher.ts";

function given() {
  const clock = new ManualClock();
  const batches: (readonly number[])[] = [];
  const haves = new HaveBatcher(clock, (pieces) => void batches.push(pieces));
  return { clock, batches, haves };
}

describe("haves", () => {
  it("are announced together, 250 ms after the first", () => {
    const { clock, batches, haves } = given();
    haves.add(3);
    clock.advance(LIMITS.peer.haveDelayMs - 1);
    haves.add(1);
    expect(batches).toEqual([]);
    clock.advance(1);
    expect(batches).toEqual([[3, 1]]);
    clock.advance(10_000);
    expect(batches.length).toBe(1);
  });

  it("that make a full batch do not wait", () => {
    const { clock, batches, haves } = given();
    for (let piece = 0; piece < 17; piece++) haves.add(piece);
    expect(batches.map((batch) => batch.length)).toEqual([16]);
    clock.advance(LIMITS.peer.haveDelayMs);
    expect(batches[1]).toEqual([16]);
  });

  it("are flushed when asked for, each once", () => {
    const { clock, batches, haves } = given();
    haves.add(5);
    haves.flush();
    haves.flush();
    clock.advance(10_000);
    expect(batches).toEqual([[5]]);
    expect(clock.nextInMs).toBeUndefined();
  });
});
