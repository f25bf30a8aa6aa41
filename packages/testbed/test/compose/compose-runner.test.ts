import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import {
  constants,
  copyFile,
  cp,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ScaledClock, systemClock } from "@cachetorrent/clock";
import { describe, expect, it, onTestFinished } from "vitest";
import type { CellTask } from "../../src/cell-runner.ts";
import { ComposeRunner } from "../../src/compose/compose-runner.ts";
import { prepareContent } from "../../src/prepare-content.ts";
import { ledgerFile, ledgerOf, span } from "./ledgers.ts";
import { cellOf, composeScenario } from "./support.ts";

const STAND_IN = fileURLToPath(new URL("stand-in-docker.sh", import.meta.url));
/** So many times as fast: what is sampled once a second comes at once. */
const FAST = 20;

interface World {
  /** Their copies will be complete, and not of what they should be. */
  readonly corrupt?: boolean;
  /** These never write a ledger: they end as soon as they are started. */
  readonly dying?: readonly string[];
  /** These come up and wait, and whatever happens then never get anything. */
  readonly idle?: readonly string[];
  /** A command that fails, and what it says. */
  readonly broken?: readonly [string, string];
  /** What Docker has of others: name, project, addresses, with tabs between them. */
  readonly networks?: readonly string[];
  /** A command of which the first does nothing until it is told to go on. */
  readonly held?: string;
  readonly keys?: Readonly<Record<string, string>>;
}

/** A runner on a Docker that is none, and a task for it: a seed, three peers, an aria2. */
async function prepared(world: World = {}) {
  const dir = await mkdtemp(join(tmpdir(), "cachetorrent-runner-"));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const scenario = composeScenario({
    ases: `
  - { asn: 64501, peers: 2, up: 500kB/s }
  - { asn: 64502, peers: 1, up: 250kB/s, stock: { aria2: 1 } }`,
    arrivals: "{ spread: 0s }",
    // Never to come, however busy the machine is.
    "time-limit": "1h",
    ...world.keys,
  });
  for (const name of ["bin", "state", "ledgers", "content"]) await mkdir(join(dir, name));
  await symlink(STAND_IN, join(dir, "bin", "docker"));
  const runner = new ComposeRunner({
    clock: new ScaledClock(systemClock, FAST, systemClock.now()),
    env: {
      PATH: `${join(dir, "bin")}${delimiter}/usr/bin${delimiter}/bin`,
      WORLD: dir,
      NODE: process.execPath,
    },
    user: "1:1",
    busyMicros: () => 0,
    cores: 2,
  });
  const content = await prepareContent(scenario, join(dir, "work"), runner.announceUrl);
  const { infoHash, name, pieceCount } = content.metainfo;
  await cp(content.dir, join(dir, "content"), { recursive: true });
  if (world.corrupt) await writeFile(join(dir, "content", name), Buffer.alloc(content.metainfo.length, 1));
  await writeFile(join(dir, "stats.json"), JSON.stringify({ listed: [] }));
  if (world.networks) await writeFile(join(dir, "networks"), `${world.networks.join("\n")}\n`);
  if (world.broken) await writeFile(join(dir, "broken"), world.broken.join("\n"));
  const gates = ["reached", "go"].map((name) => join(dir, name)) as [string, string];
  if (world.held !== undefined) {
    await writeFile(join(dir, "held"), world.held);
    await makeGates(gates);
  }
  const ledger = (peer: string, asn: number, from: number, to: Record<string, number>) =>
    writeFile(
      join(dir, "ledgers", `${peer}.json`),
      JSON.stringify(
        ledgerFile(
          peer,
          ledgerOf(infoHash, asn, {
            firstAnnounceAt: 1000,
            completedAt: 4000,
            sentByAsn: to,
            roles: [span("member", from === 0 ? {} : { [from]: 64 * 16_384 }, pieceCount)],
          }),
        ),
      ),
    );
  await ledger("seed-3-1", 1, 0, { 64501: 64 * 16_384, 64502: 80 * 16_384 });
  const peers: [string, number, number][] = [
    ["peer-1-1", 64501, 1],
    ["peer-1-2", 64501, 64501],
    ["peer-2-1", 64502, 1],
  ];
  for (const [peer, asn, from] of peers) if (!world.dying?.includes(peer)) await ledger(peer, asn, from, {});
  for (const peer of world.idle ?? [])
    await writeFile(join(dir, "ledgers", `${peer}.json`), JSON.stringify({ peerId: peer, torrents: [] }));
  const ending = new AbortController();
  const task: CellTask = {
    scenario,
    cell: cellOf(scenario),
    content,
    workDir: join(dir, "cell"),
    sampleMs: 1000,
    signal: ending.signal,
    onProgress: () => undefined,
  };
  const calls = async () => (await readFile(join(dir, "calls"), "utf8")).trim().split("\n");
  /** Waits for the command that is held, and gives what lets it go on. */
  const reached = async () => {
    await readFile(gates[0]);
    return () => writeFile(gates[1], "\n");
  };
  const die = (name: string) => writeFileSync(join(dir, "state", name), "exited\n");
  return { runner, task, calls, ending, reached, die, dir };
}

/** Named pipes, which whoever still waits at is let through when the test is over. */
async function makeGates(paths: readonly string[]): Promise<void> {
  await promisify(execFile)("mkfifo", paths);
  onTestFinished(async () => {
    for (const path of paths) await (await open(path, constants.O_RDWR | constants.O_NONBLOCK)).close();
  });
}

/** Who was started, in this order, by compose or one by one. */
const starts = (calls: readonly string[]) =>
  calls.flatMap((call) => {
    const brought = / up -d --no-deps (.*)$/.exec(call)?.[1]?.split(" ");
    return brought ?? /^start the-(\S+)-1$/.exec(call)?.[1] ?? [];
  });

describe("a cell in containers", () => {
  it("starts routers and tracker, then the seeds, then the others, who join together, and has records of all of them", async () => {
    const { calls, dir, runner, task } = await prepared();
    await runner.check(task.scenario);
    const records = await runner.run(task);
    expect(records.cutShort).toBeUndefined();
    expect(records.peers.map(({ claims, ledger }) => [ledger.completedAt, claims?.granted])).toEqual(
      new Array(4).fill([4000, 1]),
    );
    expect(records.crossings.bytesByAs.map((series) => series.at(-1))).toEqual([64 * 16_384, 64 * 16_384, 0]);
    const { borders, faults, stock, stockCrossings } = records.seenOutside ?? {};
    expect(borders?.inByAs.map((series) => series.at(-1))).toEqual([9000, 9000, 9000]);
    expect(stock).toMatchObject([{ name: "aria2-2-1", asn: 64502, completed: true }]);
    expect(stockCrossings).toEqual([{ asn: 64502, bytes: 16 * 16_384 }]);
    expect(faults).toBeUndefined();

    const started = starts(await calls());
    expect(started[0]).toBe("core");
    expect(started.slice(1, 5).sort()).toEqual(["border1", "border2", "border3", "tracker"]);
    expect(started[5]).toBe("seed-3-1");
    expect(started.slice(6, 9).sort()).toEqual(["peer-1-1", "peer-1-2", "peer-2-1"]);
    expect(started.slice(9)).toEqual(["aria2-2-1"]);
    // None was open when the peer behind it was started: the stand-in would have refused.
    expect((await readdir(join(dir, "cell", "gates"))).sort()).toEqual(["peer-1-1", "peer-1-2", "peer-2-1"]);
  });

  it("takes away what an earlier run left before it begins, and everything when it has ended", async () => {
    const { calls, runner, task } = await prepared();
    await runner.run(task);
    const all = await calls();
    const label = "label=com.docker.compose.project=ct-two-sites";
    const up = all.findIndex((call) => call.includes(" up -d"));
    expect(all.slice(0, up)).toContain(`ps --all --quiet --filter ${label}`);
    expect(all.slice(-3)).toEqual([
      `ps --all --quiet --filter ${label}`,
      expect.stringMatching(/^rm --force --volumes the-aria2-2-1-1 the-border1-1 .* the-tracker-1$/),
      `network ls --quiet --filter ${label}`,
    ]);
  });

  it("breaks down when a copy is not the content, and says whose", async () => {
    const { calls, runner, task } = await prepared({ corrupt: true });
    await expect(runner.run(task)).rejects.toMatchObject({
      code: "CT_ERR_TESTBED",
      message: expect.stringMatching(/^peer-1-1 says that it is complete, but only 0 of 64 pieces in /),
    });
    expect((await calls()).at(-2)).toMatch(/^rm --force --volumes .*the-peer-1-1-1 /);
  });

  it("breaks down when a peer does not come up, with its last words", async () => {
    const { runner, task } = await prepared({ dying: ["peer-2-1"] });
    await expect(runner.run(task)).rejects.toThrow(
      /^peer-2-1 ended unasked\. Its last words: \{"event":"stopped"/,
    );
  });

  it("ends when a peer does so unasked, with its last words and what the ledgers have", async () => {
    const { runner, task, die } = await prepared({ idle: ["peer-2-1"] });
    const records = await runner.run({ ...task, onProgress: () => die("peer-2-1") });
    expect(records.brokeDown).toBe(true);
    expect(records.cutShort).toMatch(/^peer-2-1 ended unasked\. Its last words: \{"event":"stopped"/);
    expect(records.peers.map(({ ledger }) => ledger.completedAt)).toEqual([4000, 4000, 4000, null]);
  });

  it("breaks down with what went wrong first when nothing can be read afterwards", async () => {
    const { runner, task, die } = await prepared({
      idle: ["peer-2-1"],
      broken: ["border-ctl counters", "there is no such border"],
    });
    await expect(runner.run({ ...task, onProgress: () => die("peer-2-1") })).rejects.toThrow(
      /^peer-2-1 ended unasked\./,
    );
  });

  it("kills who is to be killed, waits for nobody dead, and keeps the record", async () => {
    // Its kill is due at once; it would never be complete.
    const { calls, runner, task } = await prepared({
      idle: ["peer-2-1"],
      keys: { faults: "[{ kill: peer-2-1, at: 0s }, { kill: tracker, at: 59m }]" },
    });
    const records = await runner.run(task);
    expect(records.cutShort).toBeUndefined();
    expect(records.peers.map(({ ledger }) => ledger.completedAt)).toEqual([4000, 4000, 4000, null]);
    expect(records.seenOutside?.faults).toMatchObject([
      { what: "peer-2-1 killed", whom: ["peer-2-1"], atMs: expect.any(Number), healedMs: null },
      { what: "tracker killed", whom: [], atMs: null },
    ]);
    expect((await calls()).filter((call) => call.startsWith("kill") && call.includes("tracker"))).toEqual([]);
  });

  it("that is interrupted before it began starts nothing", async () => {
    const { calls, ending, runner, task } = await prepared();
    ending.abort();
    const records = await runner.run(task);
    expect(records).toMatchObject({ cutShort: "interrupted while containers were started", peers: [] });
    expect(starts(await calls())).toEqual([]);
  });

  it.each([
    ["the core", " up -d --no-deps core", ["core"]],
    ["the others", " up --no-start", ["core", "tracker", "border1", "border2", "border3"]],
    ["a seed", "start the-seed-", ["core", "tracker", "border1", "border2", "border3", "seed-3-1"]],
  ])(
    "that is interrupted while Docker starts %s waits for that, starts no more, and leaves nothing behind",
    async (_what, held, started) => {
      const { calls, ending, reached, runner, task } = await prepared({ held });
      const running = runner.run(task);
      const goOn = await reached();
      ending.abort();
      await goOn();
      const records = await running;
      expect(records).toMatchObject({ cutShort: "interrupted while containers were started", peers: [] });
      const all = await calls();
      expect(starts(all)).toEqual(started);
      expect(all.at(-2)).toMatch(/^rm --force --volumes .*the-core-1( |$)/);
    },
  );

  it("that is interrupted while peers download has records of what they got by then", async () => {
    const { ending, runner, task } = await prepared({ idle: ["peer-2-1"] });
    const records = await runner.run({ ...task, onProgress: () => ending.abort() });
    expect(records.cutShort).toBe("interrupted");
    expect(records.peers.map(({ ledger }) => ledger.completedAt)).toEqual([4000, 4000, 4000, null]);
  });
});

describe("what a machine lacks for containers is told before anything is run:", () => {
  it("no engine that answers", async () => {
    const { runner, task } = await prepared({ broken: ["version", "Cannot connect to the Docker daemon"] });
    await expect(runner.check(task.scenario)).rejects.toThrow(
      /^Docker's engine does not answer \(DOCKER_HOST is not set\): .*Cannot connect to the Docker daemon/,
    );
  });

  it("addresses that are free: by whom they are taken, and what takes that away", async () => {
    const { runner, task } = await prepared({
      networks: [
        "ct-old_as1\tct-old\t198.18.1.0/24",
        "ct-old_internet\tct-old\t198.19.0.0/24",
        "lab\t\t198.18.0.0/15",
        "ct-else_as9\tct-else\t198.18.9.0/24 2001:db8::/64",
      ],
    });
    await expect(runner.check(task.scenario)).rejects.toThrow(
      /^the addresses of [^`]* are taken by the project ct-old, [^`]*\(`docker ps [^`]*project=ct-old \| xargs -r docker rm [^`]*; docker network prune [^`]*project=ct-old` removes it\), and by the network lab \(`docker network rm lab` removes it\)$/,
    );
  });

  it("nothing, where an earlier run of the same scenario has them", async () => {
    const { runner, task } = await prepared({ networks: ["ct-a_as1\tct-test\t198.18.1.0/24"] });
    await runner.check({ ...task.scenario, name: "test" });
  });

  it("no docker", async () => {
    await expect(runnerWith({}).then((runner) => runner.check(composeScenario()))).rejects.toThrow(
      /^there is no docker on the PATH: --on compose needs/,
    );
  });

  it("no compose", async () => {
    const runner = await runnerWith({ docker: '[ "$1" != compose ]' });
    await expect(runner.check(composeScenario())).rejects.toThrow(
      "docker is there, but neither `docker compose` nor `docker-compose`: install one of them",
    );
  });

  it("but not today's compose, where there is the older one", async () => {
    const runner = await runnerWith({ docker: '[ "$1" != compose ] && echo 1', "docker-compose": "exit 0" });
    await expect(runner.check(composeScenario())).resolves.toBeUndefined();
  });

  it("no image, with how to make it", async () => {
    const { dir, runner, task } = await prepared();
    await copyFile(STAND_IN, join(dir, "stand-in"));
    await rm(join(dir, "bin", "docker"));
    const script = `#!/bin/sh\ncase "$*" in "image ls --quiet cachetorrent-stock") exit 0 ;; esac\nexec sh "${dir}/stand-in" "$@"\n`;
    await writeFile(join(dir, "bin", "docker"), script, { mode: 0o755 });
    await expect(runner.check(task.scenario)).rejects.toThrow(
      "there is no image cachetorrent-stock: build it, in a clone of CacheTorrent, with docker build -t cachetorrent-stock docker/stock",
    );
  });
});

/** A runner on a machine that has these commands, in shell, and no others. */
async function runnerWith(commands: Readonly<Record<string, string>>): Promise<ComposeRunner> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-path-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  for (const [name, script] of Object.entries(commands))
    await writeFile(join(path, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  const machine = { clock: systemClock, busyMicros: () => 0, cores: 1 };
  return new ComposeRunner({ ...machine, env: { PATH: path }, user: "1:1" });
}
