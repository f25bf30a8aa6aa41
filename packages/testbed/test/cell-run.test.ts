import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import { expect, onTestFinished, test } from "vitest";
import { runCell } from "../src/loopback/cell-run.ts";
import { LoopbackRunner } from "../src/loopback/loopback-runner.ts";
import { prepareContent } from "../src/prepare-content.ts";
import { cellsOf } from "../src/scenario/cells.ts";
import type { Cell, Scenario } from "../src/scenario/scenario.ts";
import { scenario } from "./support/scenarios.ts";

async function run(read: Scenario, more: { signal?: AbortSignal; withoutContent?: boolean } = {}) {
  const dir = await mkdtemp(join(tmpdir(), "cachetorrent-cell-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const content = await prepareContent(read, dir, "http://127.0.0.1:1/announce");
  return runCell({
    scenario: read,
    cell: cellsOf(read)[0] as Cell,
    metainfo: content.metainfo,
    contentDir: more.withoutContent ? join(dir, "elsewhere") : content.dir,
    workers: 2,
    clock: systemClock,
    cpuMicros: () => 0,
    sampleMs: 100,
    signal: more.signal ?? new AbortController().signal,
    onProgress: () => undefined,
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

test("a run whose content cannot be read breaks down, and says which peer and why", async () => {
  await expect(run(scenario(quick), { withoutContent: true })).rejects.toThrow(
    /peer 127\.2\.0\.1: .*elsewhere.*least\.bin/,
  );
});

test("a run that is ended before it began has records all the same", async () => {
  const ended = new AbortController();
  ended.abort();
  const records = await run(scenario(quick), { signal: ended.signal });
  expect(records.cutShort).toBe("interrupted");
  expect(records.peers).toHaveLength(4);
});

test.each([
  ["faults", { faults: "[{ kill: tracker, at: 1s }]" }],
  ["stock clients", { ases: "[{ peers: 3, up: 100kB/s, stock: { aria2: 1 } }]" }],
])("a scenario with %s is not for loopback, and told where it can be run", async (what, keys) => {
  const read = scenario(keys);
  const runner = new LoopbackRunner({ workers: 1, clock: systemClock, cpuMicros: () => 0 });
  await expect(runner.check(read, cellsOf(read))).rejects.toMatchObject({
    code: "CT_ERR_USAGE",
    message: expect.stringMatching(new RegExp(`^least has ${what}, .*--on compose$`)),
  });
});
