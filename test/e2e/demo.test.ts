import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { formatSize } from "@cachetorrent/protocol";
import { DEMO, type DemoOptions, type DemoReport, runDemo } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { AS1, AS2, useBench } from "./support/e2e.ts";

const KiB = 1024;
const bench = useBench("demo");

/** The demo in small: two ASes of two, 600 KiB. */
function smallDemo(more: Partial<DemoOptions["scenario"]> = {}): DemoOptions & { readonly lines: string[] } {
  const { dir, launcher } = bench();
  const lines: string[] = [];
  return {
    scenario: {
      ...DEMO,
      files: [{ path: "only.bin", bytes: 600 * KiB }],
      pieceLength: 16 * KiB,
      sites: [
        { asn: AS1, peers: 2, seeds: 1 },
        { asn: AS2, peers: 2 },
      ],
      trackerArgs: ["--quorum", "4"],
      timeoutMs: 60_000,
      ...more,
    },
    program: launcher.program,
    group: launcher.group,
    clock: launcher.clock,
    outDir: join(dir, "out"),
    seed: 1,
    command: "a test",
    machine: "this one",
    print: (line) => lines.push(line),
    lines,
  };
}

describe("the demo", () => {
  it("prints and reports what every policy cost, and who was elected", async () => {
    const options = smallDemo();
    await runDemo(options);
    const report = JSON.parse(await readFile(join(options.outDir, "report.json"), "utf8")) as DemoReport;
    expect(report.runs.map((run) => run.policy)).toEqual(["bittorrent", "cache", "coordinated"]);
    expect(report.lowerBoundMs).toBeGreaterThan(0);
    for (const run of report.runs) {
      expect(run).toMatchObject({ peers: 4, completed: 4 });
      expect(run.redundancy).toBeGreaterThanOrEqual(1);
      expect(run.redundancyMax).toBeGreaterThanOrEqual(run.redundancy ?? 0);
      expect(run.seedRedundancy).toBeGreaterThanOrEqual(1);
      expect(run.externalBytes).toBeGreaterThanOrEqual(600 * KiB);
      expect(run.maxMs).toBeGreaterThanOrEqual(run.p50Ms ?? 0);
      expect(run.peakMemoryBytes).toBeLessThan(150e6);
      expect(Object.keys(run.leaders)).toEqual(["1", "2"]);
      for (const [asn, leaders] of Object.entries(run.leaders)) {
        // Head and standby under `coordinated`.
        const both = [true, true].slice(run.policy === "coordinated" ? 0 : 1);
        expect(leaders.map((leader) => leader.endpoint.startsWith(`127.${asn}.0.`))).toEqual(both);
      }
    }
    const printed = options.lines.join("\n");
    for (const run of report.runs) {
      const last = options.lines.filter((line) => line.startsWith(`  ${run.policy.padEnd(11)}`)).at(-1);
      expect(last).toMatch(/ complete +3\/3 /);
      expect(last?.split("crossed AS borders ")[1]).toBe(formatSize(run.externalBytes));
    }
    expect(printed).toContain("redundancy, mean");
    expect(printed).toMatch(
      /^BitTorrent moved each byte .* times across AS borders; coordinated 1\.0\dx, in /m,
    );
  });

  it("fails by the name of a peer that cannot start, with what it said and where its log is", async () => {
    const options = smallDemo({ peerArgs: ["--limit-up", "many"] });
    const running = runDemo(options);
    await expect(running).rejects.toThrow(/peer 1\.1: .*ended with code 2/);
    await expect(running).rejects.toThrow(/not a rate.*many/);
    await expect(running).rejects.toThrow(join(options.outDir, "bittorrent", "logs", "peer-1.1.log"));
  });

  it("fails by the name of a peer that ends in mid run", async () => {
    const options = smallDemo({ peerArgs: ["--limit-up", "30KB/s"] });
    const running = runDemo({
      ...options,
      print: (line) => {
        options.print(line);
        if (!/complete +0\/3/.test(line)) return;
        for (const daemon of options.group.running) if (daemon.name === "peer 2.1") daemon.kill("SIGKILL");
      },
    });
    await expect(running).rejects.toThrow(/peer 2\.1: was ended by SIGKILL/);
  });

  it("fails by the name of a peer that is not complete in time", async () => {
    const running = runDemo(smallDemo({ peerArgs: ["--limit-up", "1KB/s"], timeoutMs: 1500 }));
    await expect(running).rejects.toThrow(/peer \d\.\d: no event "complete" within 1.5 s/);
  });
});
