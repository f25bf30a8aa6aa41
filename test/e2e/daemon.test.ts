import { mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { ControlClient, DaemonStatus, TorrentView } from "@cachetorrent/control";
import type { LedgerAccounts, TorrentAccounts } from "@cachetorrent/peer";
import { launch, type PeerProcess } from "@cachetorrent/testbed";
import { beforeEach, expect, it } from "vitest";
import { AS1, AS2, eventually, expectEqualContent, useBench } from "./support/e2e.ts";
import { OrderedDaemon } from "./support/ordered-daemon.ts";

const KiB = 1024;
const BYTES = 2048 * KiB;
const bench = useBench("daemon");

let orders: OrderedDaemon;
let seed: PeerProcess;

beforeEach(async () => {
  ({ orders, seed } = await OrderedDaemon.prepare(bench(), BYTES));
});

it("a torrent is added by command, held to a limit, paused, gone on with, completed and removed", async () => {
  const { clock } = bench().launcher;
  const daemon = await orders.start();
  expect(await orders.order("status")).toContain("no torrents");
  const limit = 50_000;
  const began = clock.now();
  await orders.order("add", orders.torrent, "--limit-down", "50kB/s");
  await daemon.waitFor("progress", {
    accepts: ({ torrents }) =>
      (torrents as TorrentView[]).some(({ verifiedBytes }) => verifiedBytes > 64 * KiB),
  });
  const before = await orders.only();
  const elapsedS = (clock.now() - began) / 1000;
  // The burst of a full bucket, and what was asked for and is under way.
  expect(before.externalBytes).toBeLessThanOrEqual(limit * elapsedS + 128 * KiB);
  expect(before.state).toBe("downloading");
  const [titles, seed] = (await orders.order("status", "content", "--peers")).split("\n").slice(-2);
  expect(titles).toMatch(/^PEER +AS +SIDE +HAS +IN +OUT +CLIENT$/);
  expect(seed).toMatch(new RegExp(`^(to|from) 127\\.1\\.0\\.1:\\d+ +${AS1} +external +[\\d.]+% .* CT\\d+$`));

  expect(await orders.order("pause", before.infoHash.slice(0, 8))).toContain("paused");
  const paused = await orders.only();
  // Whatever was still under way has come by now, or never does: there is no connection.
  for (let seconds = 0; seconds < 2; seconds++)
    await daemon.waitFor("progress", { from: daemon.lines.length });
  expect(daemon.events.slice(-1)).toMatchObject([{ connections: 0 }]);
  expect((await orders.only()).externalBytes).toBe(paused.externalBytes);

  await orders.order("limit", before.name, "--down", "none");
  await orders.order("resume", "--all");
  await daemon.waitFor("complete");
  await expectEqualContent(orders.content, orders.dataDir);
  expect(await orders.order("status")).toMatch(/content +seeding +100%/);
  expect(await orders.order("status", "content")).toMatch(
    /\nhttp:\/\/\S+\/announce +\d+ +\d+ +(now|[\dhms]+) +ok$/,
  );

  expect(await orders.order("remove", "content", "--delete-data")).toMatch(/\n\w{8} +content +is deleted$/);
  expect(await orders.torrents()).toEqual([]);
  expect(await readdir(orders.dataDir)).toEqual([]);
  expect(await daemon.stop()).toEqual({ code: 143, signal: null });
});

it("after kill -9 in mid download a daemon has its torrents, limits and their schedule again, and completes; what it shares counts on", async () => {
  const first = await orders.start();
  await orders.order("add", orders.torrent, "--limit-down", "200kB/s", "--sequential");
  await orders.order("limit", "--up", "3MB/s", "--schedule", "00:00-24:00 up-external=2MB/s");
  await first.waitFor("progress", {
    accepts: ({ torrents }) => (torrents as TorrentView[]).some(({ verifiedBytes }) => verifiedBytes > 0),
  });
  first.kill("SIGKILL");
  await first.exited;

  const second = await orders.start();
  const status = JSON.parse(await orders.order("status", "--json")) as DaemonStatus;
  expect(status.limits).toMatchObject({ up: 3_000_000, "up-external": 2_000_000 });
  expect(status.torrents).toMatchObject([{ name: "content", limits: { down: 200_000 } }]);
  await orders.order("limit", "content", "--down", "none");
  await second.waitFor("complete");
  await expectEqualContent(orders.content, orders.dataDir);

  await second.stop();
  await orders.start();
  expect((await orders.only()).shared?.seededMs).toBeGreaterThan(0);
});

it("roles, accounts and metrics of a daemon are those of its AS: what came from inside, what went outside, and who leads", async () => {
  // Whom the content comes from, and goes to, is one peer each.
  await seed.daemon.stop();
  const inside = await orders.startPeer("inside", "127.2.0.2:0", orders.content.parent);
  const ledgerFile = join(bench().dir, "daemon.json");
  const daemon = await orders.start(["--ledger", ledgerFile]);
  await orders.order("add", orders.torrent);
  await daemon.waitFor("complete");
  const roles = await eventually(
    "both are leaders",
    async () => {
      const answer = JSON.parse(await orders.ask(`/v1/torrents/${orders.infoHash}/roles`)) as Awaited<
        ReturnType<ControlClient["roles"]>
      >;
      return answer.leaders.length === 2 ? answer : undefined;
    },
    60_000,
  );
  const { asn, policy, role } = roles;
  expect({ asn, policy, role }).toEqual({ asn: AS2, policy: "coordinated", role: "member" });
  expect(roles.leads).toBe(true);
  expect(roles.term).toBeGreaterThan(0);
  expect(roles.leaders.map(({ endpoint }) => endpoint)).toContain(inside.endpoint);
  expect(roles.spans.map((span) => span.role)).toEqual(["pending", "member"]);
  await inside.daemon.stop();

  await mkdir(join(bench().dir, "outside"));
  const outside = await orders.startPeer("outside", "127.1.0.2:0", join(bench().dir, "outside"));
  await outside.complete();
  await outside.daemon.stop();
  const metrics = (await orders.ask("/metrics")).split("\n");
  expect(metrics.filter((line) => /^cachetorrent_peer_(received|sent)_bytes_total/.test(line))).toEqual([
    `cachetorrent_peer_received_bytes_total{side="internal",asn="${AS2}"} ${BYTES}`,
    expect.stringMatching(`^cachetorrent_peer_sent_bytes_total{side="external",asn="${AS1}"} \\d+$`),
  ]);
  const accounts = JSON.parse(await orders.ask(`/v1/torrents/${orders.infoHash}/ledger`)) as TorrentAccounts;
  expect(accounts.roles.at(-1)).toMatchObject({ role: "member", bytesByAsn: { [AS2]: BYTES } });
  expect(accounts.sentByAsn[AS1]).toBeGreaterThanOrEqual(BYTES);
  const written = await eventually(
    "all of it is in the file",
    async () => {
      const { torrents } = JSON.parse(await readFile(ledgerFile, "utf8")) as LedgerAccounts;
      return torrents[0]?.sentByAsn[AS1] === accounts.sentByAsn[AS1] ? torrents : undefined;
    },
    30_000,
  );
  expect(written).toEqual([accounts]);
  expect(JSON.parse(await orders.ask("/v1/ledger"))).toMatchObject({ torrents: [accounts] });
  await daemon.stop();
});

it("a second daemon on the same state folder is refused, and a wrong token", async () => {
  const { launcher } = bench();
  const daemon = await orders.start();
  const second = await launch(launcher, "second", [
    "peer",
    "--daemon",
    ...["--state", orders.stateDir, "--listen", "127.2.0.2:0", "--control", "127.0.0.1:0"],
  ]);
  await second.waitForLine(/another daemon, process \d+, uses .*CT_ERR_STATE/);
  expect(await second.exited).toEqual({ code: 1, signal: null });
  const endpoint = (await readFile(join(orders.stateDir, "control.endpoint"), "utf8")).trim();
  const wrong = await launch(launcher, "wrong", [
    "status",
    "--control",
    endpoint,
    "--token-file",
    orders.torrent,
  ]);
  await wrong.waitForLine(/is no token/);
  expect((await wrong.exited).code).toBe(1);
  expect(await orders.order("status")).toContain("no torrents");
  await daemon.stop();
});
