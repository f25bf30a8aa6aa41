import { readFile } from "node:fs/promises";
import { describe, expect, it } from "vitest";
import { openFilesLimit, openFilesOf, processesFor } from "../src/open-files.ts";
import { cellsOf } from "../src/scenario/cells.ts";
import { readScenario } from "../src/scenario/load-scenario.ts";
import type { ScenarioPolicy } from "../src/scenario/scenario.ts";

const here = { cellsInOne: 1, processes: 1, isDealtOut: false, isFixed: true };

const scenario = (peers: number) =>
  readScenario(
    `
name: crowd
about: many of them
ases:
  - { count: 2, peers: ${peers}, up: 50kB/s }
seeds: { up: 50kB/s }
torrent: { pieces: 8 }
neighbours: { connections: 30 }
policies:
  - { name: bittorrent }
`,
    "crowd.yml",
  );

describe("the open files of a swarm", () => {
  it("are at least both ends of its connections", () => {
    const crowd = scenario(100);
    const [cell] = cellsOf(crowd);
    expect(cell && openFilesOf(crowd, cell, 1)).toBeGreaterThan(201 * 30);
  });

  it("are no more than everybody with everybody", () => {
    const few = scenario(2);
    const [cell] = cellsOf(few);
    expect(cell && openFilesOf(few, cell, 1)).toBeLessThan(400);
  });

  it("are dealt out to the processes that host it", () => {
    const crowd = scenario(100);
    const [cell] = cellsOf(crowd);
    expect(cell && openFilesOf(crowd, cell, 2)).toBeLessThan(101 * 40);
  });

  it("of a small one may be opened here", async () => {
    const few = scenario(2);
    await expect(processesFor(few, cellsOf(few), here)).resolves.toBe(1);
  });

  it("of one that is too large are told with what to do", async () => {
    const limit = openFilesLimit(await readFile("/proc/self/limits", "utf8")) ?? 0;
    const peers = Math.min(9999, Math.ceil(limit / 60));
    const crowd = { ...scenario(peers), name: "crowd" };
    const huge = { ...crowd, variants: crowd.variants.map((variant) => ({ ...variant, connections: 1e9 })) };
    await expect(processesFor(huge, cellsOf(huge), here)).rejects.toThrow(
      /crowd may need \d+ open files.*ulimit -n \d+", or with fewer/,
    );
  });

  it("are more where leaders connect for followers, and most where pieces are in ranges", () => {
    const crowd = scenario(100);
    const [cell] = cellsOf(crowd);
    const under = (policy: Partial<ScenarioPolicy>) =>
      cell ? openFilesOf(crowd, { ...cell, policy: { ...cell.policy, ...policy } }, 1) : 0;
    const plain = under({ name: "bittorrent" });
    expect(under({ name: "coordinated" })).toBe(plain);
    const cache = under({ name: "cache", leaderPercent: 10 });
    expect(cache).toBe(plain + 201 * 16);
    expect(under({ name: "coordinated", fetchers: "leaders" })).toBe(cache);
    expect(under({ name: "multi", ranges: 2, leaderPercent: 10 })).toBe(plain + 201 * 32);
  });

  it("that are too many for the workers take more of them, unless their number is given", async () => {
    const limit = openFilesLimit(await readFile("/proc/self/limits", "utf8")) ?? 0;
    // Everybody with everybody: three times as many as a process may open.
    const crowd = scenario(Math.ceil(Math.sqrt(3 * limit) / 2));
    const huge = { ...crowd, variants: crowd.variants.map((variant) => ({ ...variant, connections: 1e9 })) };
    const cells = cellsOf(huge);
    await expect(processesFor(huge, cells, { ...here, isDealtOut: true })).rejects.toThrow(
      /"ulimit -n \d+", with --workers [4-9], or/,
    );
    const enough = await processesFor(huge, cells, { ...here, isDealtOut: true, isFixed: false });
    const [cell] = cells;
    expect(cell && openFilesOf(huge, cell, enough)).toBeLessThanOrEqual(limit);
    expect(cell && openFilesOf(huge, cell, enough - 1)).toBeGreaterThan(limit);
  });

  it("are bounded by what the system says", () => {
    expect(openFilesLimit("Max open files            20000                524288               files")).toBe(
      20_000,
    );
    expect(openFilesLimit("Max open files            unlimited            unlimited            files")).toBe(
      Infinity,
    );
    expect(
      openFilesLimit("Max processes             7                    7                    processes"),
    ).toBeUndefined();
  });
});
