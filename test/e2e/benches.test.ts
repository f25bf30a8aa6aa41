import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it, type TestContext } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
const BENCHES = join(ROOT, "bench");
/** As `cachetorrent` does: most of what these take is to load. */
const ENV = { ...process.env, NODE_COMPILE_CACHE: join(ROOT, "node_modules", ".cache", "compiled") };

/** For a moment: what it finds is of no account, only that it gets to the end of it. The other programs are made of the same parts, and each run of theirs takes half a minute. */
const SMALL = [
  "--size",
  "1MiB",
  "--rounds",
  "1",
  "--clients",
  "cachetorrent",
  "--pieces",
  "256KiB",
  "--page-cache",
  "cold",
];

interface Report {
  readonly bench: string;
  readonly command: string;
  readonly goals: readonly { readonly isMet: boolean }[];
  readonly figures: object;
}

async function temporaryDirectory({ onTestFinished }: Pick<TestContext, "onTestFinished">): Promise<string> {
  const dir = await mkdtemp(join(tmpdir(), "ct-benches-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  return dir;
}

function start(name: string, dir: string, args: readonly string[]) {
  return spawn(process.execPath, [join(BENCHES, `${name}.ts`), "--dir", dir, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
    env: ENV,
  });
}

describe("a bench", () => {
  it("measures, and says by its exit code whether the goals are met", async (context) => {
    const dir = await temporaryDirectory(context);
    const file = join(dir, "figures.json");
    const bench = start("peer-throughput", dir, [...SMALL, "--json", file]);
    const output: string[] = [];
    for (const stream of [bench.stdout, bench.stderr]) stream.on("data", (text) => output.push(String(text)));
    const [code] = (await once(bench, "close")) as [number | null];
    const report = JSON.parse(
      await readFile(file, "utf8").catch(() => {
        throw new Error(`no figures: ${output.join("")}`);
      }),
    ) as Report;
    expect(report).toMatchObject({
      bench: "peer-throughput",
      command: expect.stringContaining("npm run bench:peer-throughput"),
    });
    expect(Object.keys(report.figures).length).toBeGreaterThan(0);
    expect(code).toBe(report.goals.every((goal) => goal.isMet) ? 0 : 1);
    expect(await readdir(dir)).toEqual(["figures.json"]);
  });

  it("that is interrupted ends what it started, and leaves nothing behind", async (context) => {
    const dir = await temporaryDirectory(context);
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
