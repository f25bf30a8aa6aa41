import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import pino from "pino";
import { beforeEach, describe, expect, it } from "vitest";
import { returnMemoryAtRest } from "../src/rest-memory.ts";
import { printed, start, temporaryFolder } from "./support/run.ts";

const { cpuAtRest, growth, lookMs, share } = LIMITS.restMemory;
const MB = 1e6;

describe("a process that comes to rest", () => {
  let clock: ManualClock;
  let cpuMs: number;
  let residentBytes: number;
  let collections: number;
  const log = pino({ level: "silent" });

  /** Takes 30 ms and leaves 80 MB. */
  function collect(): void {
    collections++;
    clock.advance(30);
    residentBytes = 80 * MB;
  }

  /** So many looks, before each of which it takes so much of a core. */
  function looks(count: number, ofACore = 0): void {
    for (let look = 0; look < count; look++) {
      cpuMs += lookMs * ofACore;
      clock.advance(lookMs);
    }
  }

  beforeEach(() => {
    clock = new ManualClock();
    [cpuMs, residentBytes, collections] = [700, 100 * MB, 0];
    returnMemoryAtRest({ clock, log, collect, taken: () => ({ cpuMs, residentBytes }) });
  });

  it("gives back what it needed to start", () => {
    looks(1);
    expect(collections).toBe(1);
  });

  it("does it once, as long as it does not grow", () => {
    looks(1);
    residentBytes *= 1 + growth;
    looks(100);
    expect(collections).toBe(1);
    residentBytes++;
    looks(1);
    expect(collections).toBe(2);
  });

  it("does not while it is busy", () => {
    looks(10, cpuAtRest * 1.01);
    expect(collections).toBe(0);
    looks(1, cpuAtRest * 0.99);
    expect(collections).toBe(1);
  });

  it("grows from what is left when it has shrunk by itself", () => {
    looks(1);
    clock.advance(30 / share);
    residentBytes = 60 * MB;
    looks(1);
    residentBytes = 70 * MB;
    looks(1);
    expect(collections).toBe(2);
  });

  it("measures by what was left, though it is busy by the next look", () => {
    looks(1);
    residentBytes = 500 * MB;
    looks(30 / share / lookMs, 1);
    expect(collections).toBe(1);
    looks(1);
    expect(collections).toBe(2);
  });

  it("spends a bounded share of its time on it, however it grows", () => {
    const from = clock.now();
    for (let look = 0; look < 1000; look++) {
      residentBytes += 50 * MB;
      looks(1);
    }
    expect(collections * 30).toBeLessThanOrEqual((clock.now() - from) * share + 30);
    expect(collections).toBeGreaterThan(50);
  });
});

it("a peer that nobody wants anything of gives memory back", async () => {
  const folder = await temporaryFolder();
  const peer = start(
    [
      "peer",
      "--daemon",
      "--state",
      folder,
      "--listen",
      "127.0.0.1:0",
      "--control",
      "127.0.0.1:0",
      "--log-level",
      "debug",
    ],
    { cwd: folder },
  );
  const [, returned] = await printed(peer, /"event":"memory","returned":(\d+)/, "stderr");
  expect(Number(returned)).toBeGreaterThan(MB);
});
