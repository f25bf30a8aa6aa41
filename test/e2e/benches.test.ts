import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const BENCHES = join(ROOT, "bench");
/** As `cachetorrent` does: most of what these take is to load. */
const ENV = { ...process.env, NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".cache", "compiled") };

/** For a moment: what they find is of no account, only that they get to the end of it. The other programs are made of the same parts, and each run of theirs takes half a minute. */
const SMALL = {
  // Its goals are beside other clients, which need not be here.
  "peer-throughput": [
    "--size=1MiB",
    "--rounds=1",
    "--clients=cachetorrent",
    "--pieces=256KiB",
    "--page-cache=cold",
  ],
  "peer-torrents": ["--torrents=2", "--settle=1", "--seconds=1"],
} as const;

interface Report {
  readonly bench: string;
  readonly command: string;
  readonly goals: readonly { readonly isMet: boolean }[];
  readonly figures: object;
}

async function temporaryDirectory(): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "ct-benches-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function start(name: string, dir: string, args: readonly string[]) {
  return run(join(BENCHES, `${name}.ts`), ["--dir", dir, ...args]);
}

function run(program: string, args: readonly string[]) {
  return spawn(process.execPath, [program, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: ENV,
  });
}

describe("a bench", () => {
  it.each([
    ["peer-throughput", 0],
    ["peer-torrents", 3],
  ] as const)(
    "measures, and says by its exit code whether the goals are met: %s has %d",
    async (name, goals) => {
      const dir = await temporaryDirectory();
      const file = join(dir, "figures.json");
      const bench = start(name, dir, [...SMALL[name], "--json", file]);
      const output: string[] = [];
      for (const stream of [bench.stdout, bench.stderr])
        stream.on("data", (text) => output.push(String(text)));
      const [code] = (await once(bench, "close")) as [number | null];
      const report = JSON.parse(
        await readFile(file, "utf8").catch(() => {
          throw new Error(`no figures: ${output.join("")}`);
        }),
      ) as Report;
      expect(report).toMatchObject({
        bench: name,
        command: expect.stringContaining(`npm run bench:${name}`),
      });
      expect(Object.keys(report.figures).length).toBeGreaterThan(0);
      expect(report.goals).toHaveLength(goals);
      expect(code).toBe(report.goals.every((goal) => goal.isMet) ? 0 : 1);
      expect(await readdir(dir)).toEqual(["figures.json"]);
    },
  );

  it("says which goal was missed, and exits with 1", async () => {
    const bench = run(join(import.meta.dirname, "support", "missed-goal.ts"), [
      "--dir",
      await temporaryDirectory(),
    ]);
    let said = "";
    bench.stdout.on("data", (text) => (said += text));
    expect(await once(bench, "close")).toEqual([1, null]);
    expect(said).toMatch(/\n\| met +\| .* met \|\n\| missed +\| .* MISSED \|\n$/);
  });

  it("that is interrupted ends what it started, and leaves nothing behind", async () => {
    const dir = await temporaryDirectory();
    const bench = start("peer-torrents", dir, ["--torrents", "2"]);
    let output = "";
    for await (const text of bench.stdout) {
      output += text;
      if (output.includes("first start")) break;
    }
    bench.kill("SIGINT");
    const [code] = (await once(bench, "exit")) as [number | null];
    expect(code).toBe(130);
    expect(await readdir(dir)).toEqual([]);
  });

  it("says what is wrong with its options", async () => {
    const bench = start("huge-torrent", tmpdir(), ["--rounds", "none"]);
    const said = once(bench.stderr, "data");
    const [code] = (await once(bench, "exit")) as [number | null];
    expect(code).toBe(2);
    expect(String((await said)[0])).toMatch(/^huge-torrent: --rounds none: must be a whole number/);
  });
});
