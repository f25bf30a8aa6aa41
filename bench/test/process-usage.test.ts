import { describe, expect, it } from "vitest";
import { cpuSecondsIn, memoryIn, usageOf } from "../lib/process-usage.ts";

const STAT =
  "4711 (node (old) x) S 1 4711 4711 0 -1 4194560 31214 0 3 0 1234 56 7 8 20 0 11 0 98765 1234567890 23456 18446744073709551615 1 1 0 0 0 0 0 4096 134234626 0 0 0 17 1 0 0 0 0 0 0 0 0 0 0 0 0 0\n";

describe("what /proc tells of a process", () => {
  it("is its processor time in user and system mode, whatever its name is, without its children's", () => {
    expect(cpuSecondsIn(STAT)).toBeCloseTo(12.9);
  });

  it("is its memory now and at most", () => {
    const status = "Name:\tnode\nVmPeak:\t 9999 kB\nVmHWM:\t    2048 kB\nVmRSS:\t    1024 kB\nThreads:\t11\n";
    expect(memoryIn(status)).toEqual({ residentBytes: 2 ** 20, peakBytes: 2 ** 21 });
  });

  it("is an error where it is something else", () => {
    expect(() => cpuSecondsIn("4711 (node) Z")).toThrow(RangeError);
    expect(() => memoryIn("Name:\tnode\nState:\tZ (zombie)\n")).toThrow(/VmRSS/);
  });

  it("is there of a process that runs", async () => {
    const usage = await usageOf(process.pid);
    expect(usage.cpuSeconds).toBeGreaterThan(0);
    expect(usage.peakBytes).toBeGreaterThanOrEqual(usage.residentBytes);
    expect(usage.residentBytes).toBeGreaterThan(2 ** 20);
  });
});
