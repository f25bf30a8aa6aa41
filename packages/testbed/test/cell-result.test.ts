import type { InfoHash } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import type { CellRecords } from "../src/cell-records.ts";
import { cellResult, failedCell } from "../src/cell-result.ts";
import { emptyAccounts } from "../src/ledger.ts";
import { cellsOf } from "../src/scenario/cells.ts";
import type { Cell } from "../src/scenario/scenario.ts";
import { planTopology } from "../src/topology.ts";
import { scenario } from "./support/scenarios.ts";

const HASH = "00".repeat(20) as InfoHash;
const CONTENT = { bytes: 64 * 16_384, pieceLength: 16_384 };
const least = scenario();
const cell = cellsOf(least)[0] as Cell;
const { peers: plan } = planTopology(least, cell);

/** The first peer is the seed; the others announce one after the other, and are complete so. The swarm starts at 500. */
const records: CellRecords = {
  plan,
  peers: plan.map(({ asn, id }) => ({
    id,
    ledAtCompletion: false,
    claims: undefined,
    ledger: {
      ...emptyAccounts(HASH),
      asn,
      firstAnnounceAt: 1000 + 100 * id,
      completedAt: id < plan.length - 1 ? 3000 + 1000 * id : null,
    },
  })),
  escapes: [],
  warnings: [],
  crossings: { atMs: [0], bytesByAs: least.ases.map(() => [0]) },
  startAt: 500,
  cutShort: undefined,
  wallMs: 1,
  lagP99Ms: null,
  cpu: null,
  isMachineLimited: false,
};

test("completions count from each peer's first announce answer; in containers from the start of the swarm, too", () => {
  const onLoopback = cellResult(least, cell, CONTENT, records);
  expect(onLoopback.completionsMs).toEqual([2900, 3800]);
  expect(onLoopback.completedAtMs).toBeUndefined();
  const inContainers = cellResult(least, cell, CONTENT, { ...records, seenOutside: {} });
  expect(inContainers.completionsMs).toEqual([2900, 3800]);
  expect(inContainers.completedAtMs).toEqual([3500, 4500]);
});

test("a cell has the initial seeds of its variant", () => {
  const read = scenario({ variants: "[{ name: one }, { name: two, seeds: { count: 2, up: 1MB/s } }]" });
  const seeds = cellsOf(read).map((one) => cellResult(read, one, CONTENT, records).initialSeeds);
  expect(seeds).toEqual([1, 2]);
});

test("a cell that broke down before it began has its reason, and no figures", () => {
  expect(failedCell(least, cell, CONTENT, "a worker died")).toMatchObject({
    state: "failed",
    why: "a worker died",
    crossings: { atMs: [], bytesByAs: [[], []] },
    peers: 0,
    redundancy: null,
  });
});

test("one that broke down later is partial, with what was known until then", () => {
  const broken = cellResult(least, cell, CONTENT, {
    ...records,
    cutShort: "a worker died",
    brokeDown: true,
  });
  expect(broken).toMatchObject({ state: "partial", why: "a worker died", peers: 4, completed: 3 });
});
