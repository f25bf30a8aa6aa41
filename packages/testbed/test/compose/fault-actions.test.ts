import { ManualClock } from "@cachetorrent/clock";
import type { CtError, PeerId } from "@cachetorrent/protocol";
import type { ElectorateStats } from "@cachetorrent/tracker";
import { expect, test } from "vitest";
import { planCompose } from "../../src/compose/compose-plan.ts";
import { FaultActions, faultText } from "../../src/compose/fault-actions.ts";
import { cellOf, composeScenario } from "./support.ts";

/** What was done, in words, and what is told of it. The leaders of AS 64501 are peers 2 and 1, in this order. */
function actions(faults: string, { isBroken = false } = {}) {
  const read = composeScenario({ faults });
  const cell = cellOf(read);
  const clock = new ManualClock();
  const done: string[] = [];
  const errors: CtError[] = [];
  const electorate = (asn: number, ...leaders: string[]) =>
    ({ asn, leaders: leaders.map((peerId) => ({ peerId })) }) as unknown as ElectorateStats;
  const faultActions = new FaultActions({
    faults: cell.variant.faults ?? [],
    plan: planCompose(read, cell),
    clock,
    idOf: (peerId: PeerId) => Number(peerId),
    electorates: async () => [electorate(64501, "2", "1"), electorate(64502, "3"), electorate(1, "0")],
    killPeers: async (ids) => void done.push(`kill ${ids.join(" ")}`),
    killTracker: async () => void done.push("kill tracker"),
    startTracker: async () => void done.push("start tracker"),
    border: async (service, words) => {
      if (isBroken) throw new Error("no such container");
      done.push([service, ...words].join(" "));
    },
    failed: (error) => void errors.push(error),
  });
  /** Moves the clock, then lets what was begun come to its end. */
  const pass = async (ms: number) => {
    clock.advance(ms);
    await new Promise((resolve) => setImmediate(resolve));
  };
  faultActions.start();
  return { faultActions, done, errors, pass };
}

test("an AS is cut off when its time has come, and healed after so long", async () => {
  const { done, faultActions, pass } = actions("[{ cut: 64502, at: 20s, for: 5s }]");
  await pass(19_999);
  expect(done).toEqual([]);
  await pass(1);
  expect(done).toEqual(["border2 down"]);
  expect(faultActions.records).toEqual([
    { what: "AS 64502 cut off", whom: ["border2"], atMs: 20_000, healedMs: null },
  ]);
  await pass(5000);
  expect(done).toEqual(["border2 down", "border2 up"]);
  expect(faultActions.records[0]?.healedMs).toBe(25_000);
});

test("a slow border gets the rates of the fault, keeps the others, and goes back to the scenario's", async () => {
  const { done, pass } = actions("[{ slow: 64501, link-in: 8Mbit/s, at: 1s, for: 1s }]");
  await pass(1000);
  await pass(1000);
  expect(done).toEqual(["border1 rate 8mbit 1mbit", "border1 rate 20mbit 1mbit"]);
});

test("the head is the first leader of its AS, leaders are all, and initial seeds never die of it", async () => {
  const { done, faultActions, pass } = actions(
    "[{ kill: head, as: 64501, at: 1s }, { kill: leaders, at: 2s }, { kill: peer-2-1, at: 3s }]",
  );
  for (let i = 0; i < 3; i++) await pass(1000);
  expect(done).toEqual(["kill 2", "kill 1 2 3", "kill 3"]);
  expect(faultActions.records.map(({ what, whom }) => [what, whom])).toEqual([
    ["head of AS 64501 killed", ["peer-1-2"]],
    ["leaders of every AS killed", ["peer-1-1", "peer-1-2", "peer-2-1"]],
    ["peer-2-1 killed", ["peer-2-1"]],
  ]);
});

test("a tracker that is killed comes back after its time, if it has one", async () => {
  const { done, pass } = actions("[{ kill: tracker, at: 1s, restart-after: 2s }, { kill: tracker, at: 9s }]");
  await pass(1000);
  await pass(2000);
  await pass(100_000);
  expect(done).toEqual(["kill tracker", "start tracker", "kill tracker"]);
});

test("a fault at a percentage waits for the content, and comes once", async () => {
  const { done, faultActions, pass } = actions("[{ kill: tracker, at-percent: 40% }]");
  for (const fraction of [0.39, 0.4, 0.5]) {
    faultActions.progressed(fraction);
    await pass(1);
  }
  expect(done).toEqual(["kill tracker"]);
});

test("what did not come to pass before the end has no time, and what lasted has no end", async () => {
  const { done, faultActions, pass } = actions(
    "[{ cut: 64502, at: 1s, for: 5s }, { kill: tracker, at: 9s }]",
  );
  await pass(1000);
  faultActions.stop();
  await pass(60_000);
  expect(done).toEqual(["border2 down"]);
  expect(faultActions.records.map(({ atMs, healedMs }) => [atMs, healedMs])).toEqual([
    [1000, null],
    [null, null],
  ]);
});

test("a fault that cannot be done ends the run, and says which it is", async () => {
  const { errors, pass } = actions("[{ cut: 64502, at: 1s, for: 5s }]", { isBroken: true });
  await pass(1000);
  expect(errors.map(({ code, message }) => `${code} ${message}`)).toEqual([
    'CT_ERR_TESTBED cannot do "AS 64502 cut off": no such container',
  ]);
});

test("a slow border is told with its rates", () => {
  const at = { ms: 0 };
  const slow = (rates: { linkIn?: number; linkOut?: number }) =>
    faultText({ kind: "slow", asn: 7 as never, at, ...rates });
  expect(slow({ linkIn: 125_000, linkOut: 125_000 })).toBe("border of AS 7 at 125.0 kB/s");
  expect(slow({ linkIn: 125_000 })).toBe("border of AS 7 at 125.0 kB/s in");
  expect(slow({ linkIn: 1, linkOut: 2 })).toBe("border of AS 7 at 1 B/s in, 2 B/s out");
});
