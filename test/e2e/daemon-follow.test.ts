import { join } from "node:path";
import type { TorrentView } from "@cachetorrent/control";
import { type DaemonProcess, launch } from "@cachetorrent/testbed";
import { beforeEach, expect, it } from "vitest";
import { AS1, eventually, useBench } from "./support/e2e.ts";
import { OrderedDaemon } from "./support/ordered-daemon.ts";

const KiB = 1024;
const BYTES = 2048 * KiB;
const bench = useBench("daemon-follow");

let orders: OrderedDaemon;

beforeEach(async () => {
  ({ orders } = await OrderedDaemon.prepare(bench(), BYTES));
});

it("status --follow tells what happens, and metrics what came from which AS", async () => {
  const { launcher } = bench();
  const daemon = await orders.start();
  const follower = await launch(launcher, "follower", [
    "status",
    "--follow",
    "--json",
    "--state",
    orders.stateDir,
  ]);
  await follower.waitFor("progress");
  await orders.order("add", orders.torrent);
  await follower.waitFor("added");
  await follower.waitFor("complete");
  const line = `cachetorrent_peer_received_bytes_total{side="external",asn="${AS1}"} ${BYTES}`;
  await eventually(
    "the metrics have all bytes",
    async () => (await orders.ask("/metrics")).split("\n").includes(line) || undefined,
    30_000,
  );
  await daemon.stop();
  expect(await follower.exited).toEqual({ code: 1, signal: null });
  expect(follower.lines.at(-1)?.text).toContain("the daemon has stopped");
});

it("add --follow tells how the torrent comes along, ends when it is complete, and fails when it is removed before", async () => {
  const daemon = await orders.start();
  const said = (await orders.order("add", orders.torrent, "--follow", "--limit-down", "1MB/s")).split("\n");
  await daemon.waitFor("complete");
  expect(said.filter((line) => /^content: [\d.]+%, in /.test(line)).length).toBeGreaterThan(0);
  expect(said.slice(-2)).toEqual([
    expect.stringMatching(/^ID +NAME +STATE /),
    expect.stringMatching(/ content +seeding +100% /),
  ]);
  await orders.order("remove", "content", "--delete-data");

  const { launcher } = bench();
  const add = [
    "add",
    orders.torrent,
    "--follow",
    "--json",
    "--limit-down",
    "1kB/s",
    "--state",
    orders.stateDir,
  ];
  const follower = await launch(launcher, "follower", add);
  await follower.waitFor("progress", {
    accepts: ({ torrents }) => (torrents as TorrentView[]).some(({ state }) => state === "downloading"),
  });
  await orders.order("remove", "content");
  expect(await follower.exited).toEqual({ code: 1, signal: null });
  expect(follower.events.at(-1)).toMatchObject({ event: "removed", name: "content" });
  expect(follower.lines.at(-1)?.text).toContain("content was removed before it was complete");
  await daemon.stop();
});

it("add --follow on a terminal draws the rows of what was added over themselves, and of nothing else", async () => {
  const { launcher } = bench();
  const daemon = await orders.start();
  await orders.order("add", `magnet:?xt=urn:btih:${"0".repeat(40)}&dn=other`);
  const add = `exec ${launcher.program} add ${orders.torrent} --follow --limit-down 1MB/s --state ${orders.stateDir}`;
  const terminal = await onTerminal(add);
  expect(await terminal.exited).toEqual({ code: 0, signal: null });
  const written = terminal.lines.map(({ text }) => text);
  const states = written.flatMap((line) => / content +(\w+) +[\d.]+%/.exec(line)?.[1] ?? []);
  expect(states).toContain("downloading");
  expect(states.indexOf("seeding"), "the last drawing").toBe(states.length - 1);
  expect(written.join("\n")).not.toContain("other");
  // The titles and the torrent: each drawing but the first goes up these two.
  expect(written.filter((line) => line.endsWith("\u001b[2A"))).toHaveLength(states.length - 1);
  await daemon.stop();
});

it("status --follow ends when nobody reads it any more", async () => {
  const { launcher, dir } = bench();
  const daemon = await orders.start();
  const follow = `${launcher.program} status --follow --json --state ${orders.stateDir}`;
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
  const { launcher } = bench();
  const daemon = await orders.start();
  await orders.order("add", orders.torrent, "--limit-down", "500kB/s");
  const follow = `exec ${launcher.program} status --follow --state ${orders.stateDir}`;
  const terminal = await onTerminal(follow);
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

/** Runs the command on a terminal of 200 columns. */
function onTerminal(command: string): Promise<DaemonProcess> {
  const { dir, launcher } = bench();
  return launcher.group.start({
    name: "terminal",
    command: "script",
    args: ["--quiet", "--return", "--flush", "--command", `stty columns 200; ${command}`, "/dev/null"],
    logFile: join(dir, "terminal.log"),
    clock: launcher.clock,
  });
}
