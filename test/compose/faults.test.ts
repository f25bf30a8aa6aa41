import { beforeAll, expect, test } from "vitest";
import { buildImage, describeInContainers } from "./support/docker.ts";
import { runOnCompose } from "./support/run-on-compose.ts";

const CUT_AS = 2; // its place in the report: AS 3
const CUT_MS = 20_000;

describeInContainers("faults in containers", () => {
  beforeAll(buildImage, 300_000);

  test("a head is killed, the tracker too, a site is cut off: all that live are complete, and bytes cross once", async () => {
    const [cell] = await runOnCompose("faults");
    if (!cell) throw new Error("no cell");

    // Copies were compared with the content before the run was called done.
    expect(cell).toMatchObject({ state: "done", peers: 10, completed: 9 });
    expect(cell.faults?.map(({ what, whom }) => [what, whom.length])).toEqual([
      ["head of AS 1 killed", 1],
      ["tracker killed", 1],
      ["AS 3 cut off", 1],
    ]);
    const [, tracker, cut] = cell.faults ?? [];
    for (const fault of [tracker, cut]) expect(fault?.healedMs ?? 0).toBeGreaterThan(fault?.atMs ?? 0);

    // Who was cut off finished when it was healed; it had not before.
    const late = cell.completionsMsByAs?.[CUT_AS] ?? [];
    expect(late.length).toBe(3);
    expect(Math.min(...late)).toBeGreaterThan(CUT_MS);
    expect(cell.redundancyMax).toBeLessThanOrEqual(1.15);
  }, 180_000);
});
