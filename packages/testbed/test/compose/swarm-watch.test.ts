import type { LedgerAccounts, Metainfo } from "@cachetorrent/peer";
import type { PeerId } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { planCompose } from "../../src/compose/compose-plan.ts";
import { SwarmWatch } from "../../src/compose/swarm-watch.ts";
import { ledgerFile, ledgerOf, span } from "./ledgers.ts";
import { cellOf, composeScenario } from "./support.ts";

/** The seed is 0, of AS 1; 1 and 2 are of AS 64501, 3 of AS 64502. */
function watch() {
  const read = composeScenario();
  const content = { infoHash: "aa", pieceCount: 10, pieceLength: 100 } as unknown as Metainfo;
  return new SwarmWatch(planCompose(read, cellOf(read)), content);
}
const ledgers = (...files: [number, LedgerAccounts][]) => new Map(files);
const nobody = new Set<PeerId>();

test("completions are told once, and of downloaders only", () => {
  const swarm = watch();
  const complete = { firstAnnounceAt: 5, completedAt: 9 };
  const seed = ledgerFile("s", ledgerOf("aa", 1, complete));
  const begun = ledgerFile("p", ledgerOf("aa", 64501, { firstAnnounceAt: 5 }));
  expect(swarm.look(ledgers([0, seed], [1, begun]), nobody)).toEqual([]);
  const done = ledgerFile("p", ledgerOf("aa", 64501, complete));
  expect(swarm.look(ledgers([0, seed], [1, done]), nobody)).toEqual([1]);
  expect(swarm.look(ledgers([0, seed], [1, done]), nobody)).toEqual([]);
  expect(swarm.complete).toBe(1);
});

test("who led when it became complete is told by the tracker's leaders, where roles mean something", () => {
  const swarm = watch();
  const complete = (role: string) => ({ completedAt: 9, roles: [span(role, {})] });
  swarm.look(
    ledgers(
      [1, ledgerFile("a", ledgerOf("aa", 64501, complete("member")))],
      [2, ledgerFile("b", ledgerOf("aa", 64501, complete("independent")))],
      [3, ledgerFile("c", ledgerOf("aa", 64502, complete("member")))],
    ),
    new Set(["a", "b"] as PeerId[]),
  );
  expect([1, 2, 3].map((id) => swarm.ledAtCompletion(id))).toEqual([true, false, false]);
});

test("progress is verified pieces of all downloaders, crossings what came from other ASes", () => {
  const swarm = watch();
  swarm.sample(0);
  swarm.look(
    ledgers(
      [1, ledgerFile("a", ledgerOf("aa", 64501, { roles: [span("member", { 1: 700, 64501: 50 }, 7)] }))],
      [3, ledgerFile("c", ledgerOf("aa", 64502, { roles: [span("member", { 64501: 200 }, 2)] }))],
    ),
    nobody,
  );
  swarm.sample(1000.4);
  expect(swarm.fraction).toBeCloseTo(9 / 30);
  expect(swarm.crossings).toEqual({
    atMs: [0, 1000],
    bytesByAs: [
      [0, 700],
      [0, 200],
      [0, 0],
    ],
  });
});
