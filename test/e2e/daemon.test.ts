import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { DaemonStatus, TorrentView } from "@cachetorrent/control";
import {
  type Content,
  createTorrent,
  type DaemonProcess,
  launch,
  runCommand,
  startPeerProcess,
  startTrackerProcess,
} from "@cachetorrent/testbed";
import { beforeEach, expect, it } from "vitest";
import { AS1, AS2, eventually, expectEqualContent, makeContent, useBench } from "./support/e2e.ts";

const KiB = 1024;
const BYTES = 2048 * KiB;
const bench = useBench("daemon");

let content: Content;
let torrent: string;
let runs = 0;

/** A tracker of two ASes, and a seed in the first. */
beforeEach(async () => {
  const { dir, launcher } = bench();
  content = await makeContent(bench(), { bytes: BYTES });
  const tracker = await startTrackerProcess(launcher, { ases: [AS1, AS2] });
  torrent = join(dir, "content.torrent");
  await createTorrent(content, tracker.announceUrl, torrent);
  await startPeerProcess(launcher, {
    name: "seed",
    torrentFiles: [torrent],
    dir: content.parent,
    listen: "127.1.0.1:0",
    ledgerFile: join(dir, "seed.json"),
  });
});

const stateDir = () => join(bench().dir, "state");
const dataDir = () => join(bench().dir, "data");

async function startDaemon(args: readonly string[] = []): Promise<DaemonProcess> {
  await mkdir(dataDir(), { recursive: true });
  const daemon = await launch(bench().launcher, `daemon ${++runs}`, [
    "peer",
    "--daemon",
    ...["--dir", dataDir(), "--state", stateDir()],
    ...["--listen", "127.2.0.1:0", "--control", "127.0.0.1:0", "--json"],
    ...args,
  ]);
  await daemon.waitFor("listening");
  return daemon;
}

/** What a command prints that gives orders to the daemon. */
async function order(...args: readonly string[]): Promise<string> {
  const command = await runCommand(bench().launcher, `command ${++runs}`, [...args, "--state", stateDir()]);
  return command.lines.map(({ text }) => text).join("\n");
}

async function torrents(): Promise<readonly TorrentView[]> {
  return (JSON.parse(await order("status", "--json")) as DaemonStatus).torrents;
}

async function only(): Promise<TorrentView> {
  const [torrent] = await torrents();
  if (!torrent) throw new Error("the daemon has no torrent");
  return torrent;
}

it("a torrent is added by command, held to a limit, paused, gone on with, completed and removed", async () => {
  const { clock } = bench().launcher;
  const daemon = await startDaemon();
  expect(await order("status")).toContain("no torrents");
  const limit = 50_000;
  const began = clock.now();
  await order("add", torrent, "--limit-down", "50kB/s");
  await daemon.waitFor("progress", {
    accepts: ({ torrents }) =>
      (torrents as TorrentView[]).some(({ verifiedBytes }) => verifiedBytes > 64 * KiB),
  });
  const before = await only();
  const elapsedS = (clock.now() - began) / 1000;
  // The burst of a full bucket, and what was asked for and is under way.
  expect(before.externalBytes).toBeLessThanOrEqual(limit * elapsedS + 128 * KiB);
  expect(before.state).toBe("downloading");

  expect(await order("pause", before.infoHash.slice(0, 8))).toContain("paused");
  const paused = await only();
  // Whatever was still under way has come by now, or never does: there is no connection.
  for (let seconds = 0; seconds < 2; seconds++)
    await daemon.waitFor("progress", { from: daemon.lines.length });
  expect(daemon.events.slice(-1)).toMatchObject([{ connections: 0 }]);
  expect((await only()).externalBytes).toBe(paused.externalBytes);

  await order("limit", before.name, "--down", "none");
  await order("resume", "--all");
  await daemon.waitFor("complete");
  await expectEqualContent(content, dataDir());
  expect(await order("status")).toMatch(/content +seeding +100%/);
  expect(await order("status", "content")).toMatch(/\nhttp:\/\/\S+\/announce +\d+ +\d+ +(now|[\dhms]+) +ok$/);

  expect(await order("remove", "content", "--delete-data")).toContain("is removed with its data");
  expect(await torrents()).toEqual([]);
  expect(await readdir(dataDir())).toEqual([]);
  expect(await daemon.stop()).toEqual({ code: 143, signal: null });
});

it("after kill -9 in mid download a daemon has its torrents, limits and their schedule again, and completes; what it shares counts on", async () => {
  const first = await startDaemon();
  await order("add", torrent, "--limit-down", "200kB/s", "--sequential");
  await order("limit", "--up", "3MB/s", "--schedule", "00:00-24:00 up-external=2MB/s");
  await first.waitFor("progress", {
    accepts: ({ torrents }) => (torrents as TorrentView[]).some(({ verifiedBytes }) => verifiedBytes > 0),
  });
  first.kill("SIGKILL");
  await first.exited;

  const second = await startDaemon();
  const status = JSON.parse(await order("status", "--json")) as DaemonStatus;
  expect(status.limits).toMatchObject({ up: 3_000_000, "up-external": 2_000_000 });
  expect(status.torrents).toMatchObject([{ name: "content", limits: { down: 200_000 } }]);
  await order("limit", "content", "--down", "none");
  await second.waitFor("complete");
  await expectEqualContent(content, dataDir());

  await second.stop();
  await startDaemon();
  expect((await only()).shared?.seededMs).toBeGreaterThan(0);
});

it("status --follow tells what happens, and metrics what came from which AS", async () => {
  const { launcher } = bench();
  const daemon = await startDaemon();
  const follower = await launch(launcher, "follower", [
    "status",
    "--follow",
    "--json",
    "--state",
    stateDir(),
  ]);
  await follower.waitFor("progress");
  await order("add", torrent);
  await follower.waitFor("added");
  await follower.waitFor("complete");
  const [endpoint, token] = await Promise.all(
    ["control.endpoint", "control.token"].map(async (name) =>
      (await readFile(join(stateDir(), name), "utf8")).trim(),
    ),
  );
  const line = `cachetorrent_peer_received_bytes_total{side="external",asn="${AS1}"} ${BYTES}`;
  await eventually(
    "the metrics have all bytes",
    async () => {
      const answer = await fetch(`http://${endpoint}/metrics`, {
        headers: { authorization: `Bearer ${token}` },
      });
      return (await answer.text()).split("\n").includes(line) || undefined;
    },
    30_000,
  );
  await daemon.stop();
  expect(await follower.exited).toEqual({ code: 1, signal: null });
  expect(follower.lines.at(-1)?.text).toContain("the daemon has stopped");
});

it("status --follow ends when nobody reads it any more", async () => {
  const { launcher, dir } = bench();
  const daemon = await startDaemon();
  const follow = `${launcher.program} status --follow --json --state ${stateDir()}`;
  const shell = await launcher.group.start({
    name: "shell",
    command: "sh",
    args: ["-c", `${follow} | head -n 1`],
    logFile: join(dir, "shell.log"),
    clock: launcher.clock,
  });
  expect(await shell.exited).toEqual({ code: 0, signal: null });
  expect(shell.lines).toHaveLength(1);
  await daemon.stop();
});

it("status --follow on a terminal is a table that is drawn over itself as the download goes on", async () => {
  const { launcher, dir } = bench();
  const daemon = await startDaemon();
  await order("add", torrent, "--limit-down", "500kB/s");
  const follow = `exec ${launcher.program} status --follow --state ${stateDir()}`;
  const terminal = await launcher.group.start({
    name: "terminal",
    command: "script",
    args: ["--quiet", "--return", "--flush", "--command", `stty columns 200; ${follow}`, "/dev/null"],
    logFile: join(dir, "terminal.log"),
    clock: launcher.clock,
  });
  await terminal.waitForLine(/content +seeding +100%/);
  const written = terminal.lines.map(({ text }) => text);
  const drawn = written.slice(
    0,
    written.findIndex((line) => line.includes("seeding")),
  );
  const done = drawn.flatMap((line) => /content +downloading +([\d.]+)%/.exec(line)?.[1] ?? []).map(Number);
  expect(new Set(done).size).toBeGreaterThan(1);
  expect(done).toEqual(done.toSorted((a, b) => a - b));
  // The daemon's line, the titles and the only torrent: each drawing but the first goes up these three.
  const drawings = drawn.filter((line) => line.includes("listening on")).length;
  expect(drawn.filter((line) => line.endsWith("\u001b[3A"))).toHaveLength(drawings - 1);
  await daemon.stop();
  expect(await terminal.exited).toEqual({ code: 1, signal: null });
});

it("a second daemon on the same state folder is refused, and a wrong token", async () => {
  const { launcher } = bench();
  const daemon = await startDaemon();
  const second = await launch(launcher, "second", [
    "peer",
    "--daemon",
    ...["--state", stateDir(), "--listen", "127.2.0.2:0", "--control", "127.0.0.1:0"],
  ]);
  await second.waitForLine(/another daemon, process \d+, uses .*CT_ERR_STATE/);
  expect(await second.exited).toEqual({ code: 1, signal: null });
  const endpoint = (await readFile(join(stateDir(), "control.endpoint"), "utf8")).trim();
  const wrong = await launch(launcher, "wrong", ["status", "--control", endpoint, "--token-file", torrent]);
  await wrong.waitForLine(/is no token/);
  expect((await wrong.exited).code).toBe(1);
  expect(await order("status")).toContain("no torrents");
  await daemon.stop();
});
