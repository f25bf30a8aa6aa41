import { join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import { freePort, SwarmRun, startTrackerProcess, type TrackerProcess } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { AS1, AS2, eventually, makeContent, useBench } from "./support/e2e.ts";

const KiB = 1024;
const CONTENT_BYTES = 3 * 1024 * KiB;
const bench = useBench("tracker-restart");

it("a tracker killed and restarted in mid run finds its leaders again, while transfers go on and newcomers join", async () => {
  const content = await makeContent(bench(), { bytes: CONTENT_BYTES, pieceLength: 16 * KiB });
  const port = await freePort("127.0.0.1");
  const trackerArgs = ["--quorum", "6", "--deadline", "60", "--state", join(bench().dir, "state")];
  const run = await SwarmRun.start({
    launcher: bench().launcher,
    dir: bench().dir,
    content,
    policy: "bittorrent",
    sites: [
      { asn: AS1, peers: 3, seeds: 1 },
      { asn: AS2, peers: 3 },
    ],
    trackerListen: `127.0.0.1:${port}`,
    trackerArgs,
    // The seed alone needs 15 s for one copy: long enough to see the middle of the run.
    peerArgs: ["--limit-up", "200KB/s"],
  });
  const before = await eventually("leaders in both ASes", () => leadersOf(run.tracker, run.infoHash), 20_000);
  await received(run, CONTENT_BYTES / 10);

  run.tracker.daemon.kill("SIGKILL");
  await run.tracker.daemon.exited;
  const atDeath = await totalReceived(run);
  await received(run, atDeath + CONTENT_BYTES / 5);

  const second = await startTrackerProcess(bench().launcher, {
    name: "tracker again",
    listen: `127.0.0.1:${port}`,
    ases: [AS1, AS2],
    policy: "bittorrent",
    args: trackerArgs,
  });
  expect(await totalReceived(run), "the run was over before the tracker was back").toBeLessThan(
    5 * CONTENT_BYTES,
  );
  const after = await eventually(
    "the same leaders in both ASes",
    async () => {
      const leaders = await leadersOf(second, run.infoHash);
      return leaders && JSON.stringify(leaders) === JSON.stringify(before) ? leaders : undefined;
    },
    15_000,
  );
  expect(after).toEqual(before);

  const newcomer = await run.addPeer({ asn: AS2, host: 4 });
  await Promise.all(run.leechers.map((peer) => peer.complete({ timeoutMs: 60_000 })));
  expect(newcomer.daemon.isRunning).toBe(true);
  expect(await leadersOf(second, run.infoHash)).toEqual(before);
  await Promise.all(run.peers.map((peer) => peer.daemon.stop()));
  await run.verifyContent();
});

/** The leaders by AS, once every AS has some, all of which the tracker has heard of since its start. */
async function leadersOf(
  tracker: TrackerProcess,
  infoHash: InfoHash,
): Promise<Record<string, string[]> | undefined> {
  const swarm = await tracker.swarm(infoHash);
  const electorates = swarm?.electorates ?? [];
  const isLed = electorates.every(
    ({ leaders }) => leaders.length > 0 && leaders.every((leader) => leader.endpoints.length > 0),
  );
  if (electorates.length < 2 || !isLed) return undefined;
  return Object.fromEntries(
    electorates.map((electorate) => [electorate.asn, electorate.leaders.map((leader) => leader.peerId)]),
  );
}

async function totalReceived(run: SwarmRun): Promise<number> {
  const records = await run.records();
  return records
    .flatMap((record) => record.ledger.roles.flatMap((role) => Object.values(role.bytesByAsn)))
    .reduce((total, bytes) => total + bytes, 0);
}

function received(run: SwarmRun, bytes: number): Promise<number> {
  return eventually(
    `${bytes} bytes received`,
    async () => {
      const total = await totalReceived(run);
      return total >= bytes ? total : undefined;
    },
    30_000,
  );
}
