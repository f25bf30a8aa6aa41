import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTrace } from "../src/accounts/trace.ts";
import { asn, endpoint, listeningLog, silent } from "./support/samples.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "trace-"));
});
afterEach(() => rm(dir, { recursive: true }));

async function lines(path: string): Promise<Record<string, unknown>[]> {
  const text = await readFile(path, "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

test("each event is a line of JSON with its time, direction, endpoint, AS, name and fields", async () => {
  const path = join(dir, "trace.jsonl");
  const clock = new ManualClock(5000);
  const trace = await openTrace(path, { clock, log: silent });
  trace.event("out", endpoint("127.3.0.1:7000"), asn(64503), "request", {
    piece: 3,
    begin: 0,
    length: 16384,
  });
  clock.advance(7);
  trace.event("in", endpoint("[2001:db8::1]:7000"), asn(0), "choke");
  await trace.close();
  expect(await lines(path)).toEqual([
    {
      at: 5000,
      dir: "out",
      endpoint: "127.3.0.1:7000",
      asn: 64503,
      m: "request",
      piece: 3,
      begin: 0,
      length: 16384,
    },
    { at: 5007, dir: "in", endpoint: "[2001:db8::1]:7000", asn: 0, m: "choke" },
  ]);
});

test("a trace goes on where the file ends", async () => {
  const path = join(dir, "trace.jsonl");
  for (const m of ["choke", "unchoke"]) {
    const trace = await openTrace(path, { clock: new ManualClock(), log: silent });
    trace.event("in", endpoint("127.3.0.1:7000"), asn(1), m);
    await trace.close();
  }
  expect((await lines(path)).map((line) => line.m)).toEqual(["choke", "unchoke"]);
});

test("a disk that cannot follow costs lines, which are counted, and no memory", async () => {
  const path = join(dir, "trace.jsonl");
  const trace = await openTrace(path, { clock: new ManualClock(), log: silent });
  const padding = "x".repeat(1000);
  // Synchronously, so that nothing is written to the disk in between.
  for (let i = 0; i < 10_000; i++)
    trace.event("in", endpoint("127.3.0.1:7000"), asn(1), "have", { i, padding });
  await trace.close();
  const written = await lines(path);
  expect(written.length).toBeGreaterThan(1000);
  expect(written.length).toBeLessThan(6000);
  expect(written.at(-1)).toMatchObject({ m: "lines lost", lines: 10_000 - (written.length - 1) });
});

test("without a file there is no trace and no cost", async () => {
  const trace = await openTrace(undefined, { clock: new ManualClock(), log: silent });
  expect(trace.enabled).toBe(false);
  trace.event("in", endpoint("127.3.0.1:7000"), asn(1), "choke");
  await trace.close();
});

test("a trace that cannot be written is an error at the start, which names the file", async () => {
  const path = join(dir, "missing", "trace.jsonl");
  await expect(openTrace(path, { clock: new ManualClock(), log: silent })).rejects.toMatchObject({
    code: "CT_ERR_STORAGE",
    message: expect.stringContaining(`${path}: cannot write the trace`),
  });
});

test.runIf(existsSync("/dev/full"))(
  "a trace whose disk fills up is logged by name and ends nothing else",
  async () => {
    const { log, lines } = listeningLog();
    const trace = await openTrace("/dev/full", { clock: new ManualClock(), log });
    trace.event("in", endpoint("127.3.0.1:7000"), asn(1), "choke");
    expect((await lines.next()).msg).toContain("/dev/full");
    expect(trace.enabled).toBe(false);
    trace.event("in", endpoint("127.3.0.1:7000"), asn(1), "choke");
    await trace.close();
  },
);
