import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { expect, onTestFinished, test } from "vitest";
import type { CellProgress } from "../src/cell-records.ts";
import { findDifference } from "../src/content.ts";
import { runCell } from "../src/loopback/cell-run.ts";
import { LoopbackRunner } from "../src/loopback/loopback-runner.ts";
import { prepareContent } from "../src/prepare-content.ts";
import { cellsOf } from "../src/scenario/cells.ts";
import type { Cell, Scenario } from "../src/scenario/scenario.ts";
import { childrenOf } from "./support/children-of.ts";
import { scenario } from "./support/scenarios.ts";

interface More {
  readonly signal?: AbortSignal;
  readonly withoutContent?: boolean;
  readonly peersDir?: string;
  readonly onProgress?: (progress: CellProgress) => void;
}

async function run(read: Scenario, more: More = {}) {
  const dir = await mkdtemp(join(tmpdir(), "cachetorrent-cell-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const content = await prepareContent(read, dir, "http://127.0.0.1:1/announce");
  return runCell({
    scenario: read,
    cell: cellsOf(read)[0] as Cell,
    metainfo: content.metainfo,
    contentDir: more.withoutContent ? join(dir, "elsewhere") : content.dir,
    ...(more.peersDir === undefined ? {} : { peersDir: more.peersDir }),
    workers: 2,
    clock: systemClock,
    cpuMicros: () => 0,
    sampleMs: 100,
    signal: more.signal ?? new AbortController().signal,
    onProgress: more.onProgress ?? (() => undefined),
  });
}

const quick = {
  seeds: "{ up: 2MB/s }",
  ases: "[{ peers: 3, up: 1MB/s }]",
  arrivals: "{ spread: 100ms }",
  torrent: "{ pieces: 8 }",
};

test("every peer has every byte once it is done, and its accounts say from where", async () => {
  const records = await run(scenario(quick));
  expect(records.cutShort).toBeUndefined();
  const { peers } = records;
  expect(peers.map((peer) => peer.id).sort()).toEqual([0, 1, 2, 3]);
  for (const { id, ledger } of peers.filter((peer) => peer.id > 0)) {
    const received = ledger.roles.flatMap((role) => Object.values(role.bytesByAsn));
    expect(
      received.reduce((sum, bytes) => sum + bytes, 0),
      `peer ${id}`,
    ).toBeGreaterThanOrEqual(8 * 16_384);
    expect(ledger.asn).toBe(1);
  }
});

test("a folder of one's own is shared as it is, and where each peer has files of its own they are there in the end", async () => {
  const dir = await mkdtemp(join(tmpdir(), "cachetorrent-own-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const files = [
    { path: "one.bin", bytes: 50_000 },
    { path: "sub/two.bin", bytes: 20_000 },
  ];
  await mkdir(join(dir, "release", "sub"), { recursive: true });
  for (const { path, bytes } of files) await writeFile(join(dir, "release", path), Buffer.alloc(bytes, path));
  const peersDir = join(dir, "peers");
  const records = await run(scenario({ ...quick, torrent: `{ path: ${join(dir, "release")} }` }), {
    peersDir,
  });
  expect(records.cutShort).toBeUndefined();
  for (const id of [1, 2, 3]) {
    const copy = join(peersDir, String(id), "release");
    expect(await findDifference(join(dir, "release"), copy, files), `peer ${id}`).toBeUndefined();
  }
});

test("a run whose content cannot be read ends, and says which peer and why", async () => {
  const records = await run(scenario(quick), { withoutContent: true });
  expect(records.brokeDown).toBe(true);
  expect(records.cutShort).toMatch(/^peer 127\.2\.0\.1: .*elsewhere.*least\.bin/);
  expect(records.peers).toHaveLength(4);
});

test("a run that is ended before it began has records all the same", async () => {
  const ended = new AbortController();
  ended.abort();
  const records = await run(scenario(quick), { signal: ended.signal });
  expect(records.cutShort).toBe("interrupted");
  expect(records.peers).toHaveLength(4);
});

test("a run whose timers are late by more than 100 ms is marked as limited by the machine", async () => {
  const ended = new AbortController();
  let samples = 0;
  const records = await run(scenario({ ...quick, seeds: "{ up: 1kB/s }" }), {
    signal: ended.signal,
    onProgress: () => {
      samples++;
      if (samples > 8) return;
      const until = systemClock.now() + 200;
      while (systemClock.now() < until);
      if (samples === 8) ended.abort();
    },
  });
  expect(records.lagP99Ms).toBeGreaterThan(100);
  expect(records.isMachineLimited).toBe(true);
});

test.each([
  ["processes", {}],
  ["threads", { ases: "[{ peers: 3, up: 1MB/s, link-in: 10MB/s }]" }],
])("a run in %s leaves none of them behind", async (_what, keys) => {
  const before = await childrenOf(process.pid);
  await run(scenario({ ...quick, ...keys }));
  expect(await childrenOf(process.pid)).toEqual(before);
});

test("a worker that is killed ends the run, which keeps what the other one knows and what that one told last", async () => {
  const before = await childrenOf(process.pid);
  const told = Promise.withResolvers<void>();
  const ended = new AbortController();
  onTestFinished(() => ended.abort());
  // Two of the three are complete soon, the last one will not be.
  const ases = "[{ peers: 2, up: 1MB/s }, { peers: 1, up: 1MB/s, down: 100B/s }]";
  const read = scenario({ ...quick, ases });
  let samples = 0;
  const onProgress = ({ complete }: CellProgress) => {
    // By then each worker has told its accounts since its peer was complete.
    if (complete === 2 && ++samples === 12) told.resolve();
  };
  const running = run(read, { onProgress, signal: ended.signal });
  await Promise.race([told.promise, running]);
  const workers = (await childrenOf(process.pid)).filter((pid) => !before.includes(pid));
  expect(workers).toHaveLength(2);
  process.kill(workers[0] as number, "SIGKILL");
  const { brokeDown, crossings, cutShort, peers } = await running;
  expect(brokeDown).toBe(true);
  expect(cutShort).toMatch(
    /^worker [12] was ended by SIGKILL; 2 of 4 peers are counted as they were after \d+\.\d s$/,
  );
  const isComplete = new Map(peers.map(({ id, ledger }) => [id, ledger.completedAt !== null]));
  expect([...isComplete].sort()).toEqual([
    [0, true],
    [1, true],
    [2, true],
    [3, false],
  ]);
  const crossed = crossings.bytesByAs.map((bytes) => bytes.at(-1) ?? 0);
  expect(crossed[0]).toBeGreaterThanOrEqual(8 * 16_384);
  expect(await childrenOf(process.pid)).toEqual(before);
});

test("workers outlive what a terminal tells all of its processes, until they are told themselves", async () => {
  const before = await childrenOf(process.pid);
  const sampled = Promise.withResolvers<void>();
  const ended = new AbortController();
  const slow = scenario({ ...quick, seeds: "{ up: 1kB/s }" });
  const running = run(slow, { onProgress: () => sampled.resolve(), signal: ended.signal });
  await Promise.race([sampled.promise, running]);
  const workers = (await childrenOf(process.pid)).filter((pid) => !before.includes(pid));
  expect(workers).toHaveLength(2);
  for (const worker of workers)
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) process.kill(worker, signal);
  ended.abort();
  const records = await running;
  expect(records.cutShort).toBe("interrupted");
  expect(records.peers).toHaveLength(4);
});

test.each([
  ["faults", { faults: "[{ kill: tracker, at: 1s }]" }],
  ["stock clients", { ases: "[{ peers: 3, up: 100kB/s, stock: { aria2: 1 } }]" }],
])("a scenario with %s is not for loopback, and told where it can be run", async (what, keys) => {
  const read = scenario(keys);
  const runner = new LoopbackRunner({ atOnce: 1, workers: 1, clock: systemClock, cpuMicros: () => 0 });
  await expect(runner.check(read, cellsOf(read))).rejects.toMatchObject({
    code: "CT_ERR_USAGE",
    message: expect.stringMatching(new RegExp(`^least has ${what}, .*--on compose$`)),
  });
});
