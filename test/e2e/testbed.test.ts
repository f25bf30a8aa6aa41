import { type ChildProcess, spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { TestbedReport } from "@cachetorrent/testbed";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { childrenOf } from "../../packages/testbed/test/support/children-of.ts";

const BIN = fileURLToPath(new URL("../../packages/cli/bin/cachetorrent", import.meta.url));

const SCENARIO = `
name: two-sites
about: two sites of three, to see that the testbed works
ases:
  - { count: 2, peers: 3, up: 200kB/s, link-in: 400kB/s, link-out: 400kB/s }
seeds: { up: 400kB/s }
torrent: { pieces: 32 }
policies:
  - { name: bittorrent }
  - { name: cache, leader-percent: 34 }
arrivals: { spread: 500ms }
time-scale: 4
time-limit: 10m
`;

interface Ended {
  readonly exitCode: number | null;
  readonly output: string;
}

async function workplace(scenario = SCENARIO): Promise<{ file: string; out: string }> {
  const dir = await mkdtemp(join(tmpdir(), "cachetorrent-testbed-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const file = join(dir, "scenario.yml");
  await writeFile(file, scenario);
  return { file, out: join(dir, "out") };
}

/** `interruptAt`: as soon as it has printed this it gets SIGINT, or what else is done to it. */
function testbed(
  args: readonly string[],
  interruptAt?: RegExp,
  interrupt: (child: ChildProcess) => void = (child) => void child.kill("SIGINT"),
): Promise<Ended> {
  const child = spawn(BIN, ["testbed", ...args], { stdio: ["ignore", "pipe", "pipe"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  let output = "";
  let isInterrupted = false;
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      output += text;
      if (!interruptAt?.test(output) || isInterrupted) return;
      isInterrupted = true;
      interrupt(child);
    });
  }
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (exitCode) => resolve({ exitCode, output }));
  });
}

/** The only one of a run with one worker. */
async function killWorkerOf({ pid = 0 }: ChildProcess): Promise<void> {
  // On a busy machine it takes seconds; a run without its worker would not end before.
  const [worker] = await vi.waitUntil(
    async () => {
      const workers = await childrenOf(pid);
      return workers.length > 0 && workers;
    },
    { timeout: 60_000 },
  );
  process.kill(worker as number, "SIGKILL");
}

async function reportIn(out: string): Promise<TestbedReport> {
  return JSON.parse(await readFile(join(out, "report.json"), "utf8")) as TestbedReport;
}

describe("cachetorrent testbed", () => {
  it("runs every policy of a scenario to its end, here side by side, and reports what crossed", async () => {
    const { file, out } = await workplace();
    const { exitCode, output } = await testbed(["run", file, "--out", out, "--at-once", "2"]);
    expect(output).toMatch(
      /2 of 2 {2}cache 34, 1 of 1: the bound[\s\S]*1 of 2 {2}bittorrent, 1 of 1: redundancy/,
    );
    expect(output).toMatch(/2 of 2 {2}cache 34, 1 of 1: redundancy \d/);
    expect(exitCode).toBe(0);
    const report = await reportIn(out);
    expect(report).toMatchObject({ scenario: "two-sites", isPartial: false, storage: "shared", pieces: 32 });
    expect(report.ases.map(({ name, peers, initialSeeds }) => [name, peers, initialSeeds])).toEqual([
      ["AS 1", 3, 0],
      ["AS 2", 3, 0],
      ["seed", 1, 1],
    ]);
    expect(report.cells.map((cell) => [cell.policy.label, cell.state, cell.completed])).toEqual([
      ["bittorrent", "done", 7],
      ["cache 34", "done", 7],
    ]);
    const [, cache] = report.cells;
    expect(cache?.redundancy).toBeGreaterThanOrEqual(1);
    expect(cache?.completionsMs).toHaveLength(6);
    expect(cache?.leaders.p50Ms).not.toBeNull();
    for (const { crossings, externalBytes, redundancyByAs, trafficByAs } of report.cells) {
      const outside = trafficByAs.flatMap((row, to) => row.filter((_, from) => from !== to));
      expect(outside.reduce((sum, bytes) => sum + bytes, 0)).toBe(externalBytes);
      expect(Object.keys(redundancyByAs)).toEqual(["1", "2"]);
      for (const bytes of crossings.bytesByAs) expect(bytes).toHaveLength(crossings.atMs.length);
    }
    expect(await readdir(out)).not.toContain("work");
  });

  it("ended with Ctrl-C it keeps what is done, marks the rest as partial, and goes on with --resume", async () => {
    const { file, out } = await workplace();
    const ended = await testbed(
      ["run", file, "--out", out],
      /1 of 2 {2}bittorrent, 1 of 1: redundancy[\s\S]*2 of 2/,
    );
    expect(ended.output).toContain("ending: all peers stop, and what was measured is kept\n");
    expect(ended.exitCode).toBe(130);
    const partial = await reportIn(out);
    expect(partial.isPartial).toBe(true);
    expect(partial.cells.map((cell) => [cell.policy.label, cell.state])).toEqual([
      ["bittorrent", "done"],
      ["cache 34", "partial"],
    ]);
    expect(partial.cells[1]?.why).toBe("interrupted");

    const refused = await testbed(["run", file, "--out", out]);
    expect(refused).toMatchObject({
      exitCode: 2,
      output: expect.stringContaining("--resume goes on with it"),
    });

    const resumed = await testbed(["run", file, "--out", out, "--resume"]);
    expect(resumed.output).toContain("2 cells, 1 of them done before");
    expect(resumed.exitCode).toBe(0);
    const whole = await reportIn(out);
    expect(whole.isPartial).toBe(false);
    expect(whole.cells[0]).toEqual(partial.cells[0]);
  });

  it("ends the run when a worker dies, and says why, and how to go on", async () => {
    const { file, out } = await workplace(SCENARIO.replace(", link-in: 400kB/s, link-out: 400kB/s", ""));
    const ended = await testbed(
      ["run", file, "--out", out, "--workers", "1"],
      /1 of 2 {2}bittorrent, 1 of 1: the bound/,
      (child) => void killWorkerOf(child),
    );
    expect(ended.output).toMatch(
      /\nended early: bittorrent, 1 of 1 broke down \(worker 1 was ended by SIGKILL.*\); go on with --resume\n$/,
    );
    expect(ended.exitCode).toBe(1);
    const report = await reportIn(out);
    expect(report.isPartial).toBe(true);
    expect(report.cells.map(({ policy, why }) => [policy.label, why])).toEqual([
      ["bittorrent", expect.stringMatching(/^worker 1 was ended by SIGKILL/)],
    ]);
  });

  it("kills, slow peers and departures happen as the scenario says, and whoever stays finishes", async () => {
    const { file, out } = await workplace(`${SCENARIO}
departures: { share: 34%, when: complete }
slow: { share: 17%, factor: 0.25 }
kills:
  - { whom: heads, at-percent: 20% }
storage: own
`);
    const { exitCode, output } = await testbed(["run", file, "--out", out, "--only", "cache 34"]);
    expect(output).toMatch(/cache 34, 1 of 1: redundancy/);
    expect(exitCode).toBe(0);
    const [cell] = (await reportIn(out)).cells;
    // The seed, and all but the two heads.
    expect(cell).toMatchObject({ state: "done", peers: 7, completed: 5 });
  });

  it("a run that does not end within its time limit is partial, with exit code 1", async () => {
    const { file, out } = await workplace(SCENARIO.replace("time-limit: 10m", "time-limit: 1s"));
    const { exitCode } = await testbed(["run", file, "--out", out, "--only", "bittorrent"]);
    expect(exitCode).toBe(1);
    const [cell] = (await reportIn(out)).cells;
    expect(cell).toMatchObject({ state: "partial", why: "the time limit of 1 s has come" });
  });
});
