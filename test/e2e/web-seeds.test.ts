import { join } from "node:path";
import type { TorrentStatus } from "@cachetorrent/peer";
import { type Asn, LIMITS } from "@cachetorrent/protocol";
import {
  type DaemonEvent,
  externalBytes,
  hostAddress,
  type PeerProcess,
  type PeerRecord,
  type Site,
  type SwarmPeer,
  SwarmRun,
  startPeerProcess,
} from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { hasOpenssl, makeCertificate } from "./support/certificate.ts";
import { AS1, AS2, eventually, expectEqualContent, makeContent, useBench } from "./support/e2e.ts";
import { officersOf } from "./support/officers.ts";
import { FileServer } from "./support/web-server.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const PIECE = 64 * KiB;
const bench = useBench("web-seeds");

/** Sites whose peers, under `coordinated`, know a web seed. */
async function startSites(sites: readonly Site[], options: { bytes: number; peerArgs?: readonly string[] }) {
  const content = await makeContent(bench(), { bytes: options.bytes, pieceLength: PIECE });
  const server = await FileServer.of(content.parent);
  const start = () =>
    SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy: "coordinated",
      sites,
      trackerArgs: ["--quorum", String(sites.reduce((sum, { peers }) => sum + peers, 0))],
      peerArgs: ["--web-seed", server.url, ...(options.peerArgs ?? [])],
    });
  return { content, server, start };
}

/** What they wrote down, once all have everything and nobody had to escape. */
async function recordsOf(run: SwarmRun): Promise<PeerRecord[]> {
  await run.complete(120_000);
  await run.stopPeers();
  await run.verifyContent();
  const records = await run.records();
  expect(records.map(({ ledger }) => ledger.escapes)).toEqual(records.map(() => 0));
  return records;
}

const total = (numbers: readonly number[]) => numbers.reduce((sum, one) => sum + one, 0);

describe("two sites under coordinated, with a web seed", () => {
  it("and no other one complete, and each asks the server for the content once", async () => {
    const BYTES = 8 * MiB + 1;
    const sites = [
      { asn: AS1, peers: 4 },
      { asn: AS2, peers: 4 },
    ];
    const { server, start } = await startSites(sites, { bytes: BYTES });
    const records = await recordsOf(await start());
    const [asked1 = 0, asked2 = 0] = sites.map(({ asn }) => server.bytesFor(`127.${asn}.`));
    const askers = new Set(server.log.map(({ from }) => from)).size;
    console.info(
      `asked of the server: ${(asked1 / BYTES).toFixed(3)} and ${(asked2 / BYTES).toFixed(3)} times the content, by ${askers} of ${records.length} peers in ${server.log.length} requests`,
    );
    expect(new Set(server.log.map(({ status }) => status))).toEqual(new Set([206]));
    // What the one site fetched first the other may have from there.
    expect(asked1).toBeLessThanOrEqual(1.05 * BYTES);
    expect(asked2).toBeLessThanOrEqual(1.05 * BYTES);
    expect(asked1 + asked2).toBeGreaterThanOrEqual(BYTES);
    const entered = total(records.map(({ ledger }) => ledger.webSeedBytes));
    expect(entered).toBeGreaterThanOrEqual(BYTES);
    expect(entered).toBeLessThanOrEqual(asked1 + asked2);
    expect(askers).toBeGreaterThan(2);
  });

  it("and an initial seed in one of them complete, and each takes the content in once, from other sites and the server together", async () => {
    const BYTES = 4 * MiB + 1;
    const sites = [
      { asn: AS1, peers: 4, seeds: 1 },
      { asn: AS2, peers: 4 },
    ];
    const { start } = await startSites(sites, { bytes: BYTES, peerArgs: ["--limit-up", "1500KB/s"] });
    const records = await recordsOf(await start());
    const copiesInto = (asn: Asn) =>
      total(records.filter((one) => one.asn === asn).map(externalBytes)) / BYTES;
    const copies = sites.map(({ asn }) => copiesInto(asn));
    const ofServer = total(records.filter(({ asn }) => asn === AS2).map(({ ledger }) => ledger.webSeedBytes));
    console.info(
      `taken in: ${copies.map((one) => one.toFixed(3)).join(" and ")} times the content, ${(ofServer / BYTES).toFixed(3)} by the second site from the server`,
    );
    expect(Math.max(...copies)).toBeLessThanOrEqual(1.05);
    // From both of them.
    expect(ofServer).toBeGreaterThan(0);
    expect(ofServer).toBeLessThan(BYTES);
    expect(copies[1]).toBeGreaterThanOrEqual(1);
  });
});

/** Why its web seed rests. */
async function whyItRests({ daemon }: PeerProcess): Promise<string | undefined> {
  const seedOf = ({ torrents }: DaemonEvent) => (torrents as readonly TorrentStatus[])[0]?.webSeeds?.[0];
  const accepts = (event: DaemonEvent) => seedOf(event)?.state === "resting";
  return seedOf(await daemon.waitFor("progress", { accepts }))?.reason;
}

describe.skipIf(!hasOpenssl)("a web seed by HTTPS (left out where there is no openssl)", () => {
  it("gives the content to who trusts its certificate; who does not says of which host it is, and why", async () => {
    const { dir, launcher } = bench();
    const content = await makeContent(bench(), { bytes: MiB });
    const certificate = await makeCertificate(dir, "IP:127.0.0.1");
    const server = await FileServer.of(content.parent, certificate);
    const run = await SwarmRun.start({
      launcher,
      dir,
      content,
      policy: "bittorrent",
      sites: [{ asn: AS1, peers: 1 }],
      peerArgs: ["--web-seed", server.url],
    });
    const [trustsNot] = run.peers as [SwarmPeer];
    expect(await whyItRests(trustsNot)).toMatch(
      /^cannot be asked: the certificate of 127\.0\.0\.1 is not accepted: self-signed certificate/,
    );
    const startTrusting = (host: number, url: string) =>
      startPeerProcess(
        { ...launcher, within: ["env", `NODE_EXTRA_CA_CERTS=${certificate.certFile}`] },
        {
          name: `trusting ${host}`,
          torrentFiles: [run.torrentFile],
          dir: join(dir, `trusting-${host}`),
          listen: `${hostAddress(AS1, host)}:0`,
          ledgerFile: join(dir, `trusting-${host}.json`),
          args: ["--web-seed", url],
        },
      );
    const ofOtherName = await startTrusting(2, server.url.replace("127.0.0.1", "localhost"));
    expect(await whyItRests(ofOtherName)).toMatch(
      /^cannot be asked: the certificate of localhost is not accepted: Hostname\/IP does not match/,
    );
    expect(server.log).toEqual([]);
    const trusts = await startTrusting(3, server.url);
    await trusts.complete({ timeoutMs: 60_000 });
    await expectEqualContent(content, trusts.dir);
    expect(server.bytesFor(hostAddress(AS1, 3))).toBe(MiB);
  });
});

describe("in mid run", () => {
  it("a member whom the server fails leaves what it was granted to the others, who ask for it once", async () => {
    const BYTES = 2 * MiB;
    const { server, start } = await startSites([{ asn: AS1, peers: 5 }], { bytes: BYTES });
    let failing: string | undefined;
    server.fails = (from) => {
      failing ??= from;
      return from === failing;
    };
    const records = await recordsOf(await start());
    const failed = server.log.filter(({ status }) => status === 503);
    expect(new Set(failed.map(({ from }) => from))).toEqual(new Set([failing]));
    const given = server.log.filter(({ status }) => status === 206);
    const bytes = total(given.map((one) => one.bytes));
    console.info(
      `failed ${failed.length} requests of one member; the others asked for ${(bytes / BYTES).toFixed(3)} times the content`,
    );
    expect(given.map(({ from }) => from)).not.toContain(failing);
    expect(bytes).toBeGreaterThanOrEqual(BYTES);
    expect(bytes).toBeLessThanOrEqual(1.05 * BYTES);
    expect(total(records.map(({ ledger }) => ledger.webSeedBytes))).toBeGreaterThanOrEqual(BYTES);
  });

  it("a member that is killed with -9 while the server answers it is replaced, and only what it had asked for is asked for again", async () => {
    const BYTES = 2 * MiB;
    const { content, server, start } = await startSites([{ asn: AS1, peers: 5 }], { bytes: BYTES });
    const asked = new Set<string>();
    const victimIs = Promise.withResolvers<string>();
    // In all, of whatever it asks for: less than a piece, and more than a block.
    let leftForVictim = PIECE / 2;
    server.gives = async (from, length) => {
      asked.add(from);
      if ((await victimIs.promise) !== from) return length;
      const given = Math.min(leftForVictim, length);
      leftForVictim -= given;
      return given;
    };
    const run = await start();
    const hostOf = ({ endpoint }: SwarmPeer) => endpoint.split(":")[0] ?? "";
    const officers = await officersOf(run, AS1);
    const victim = await eventually(
      "a member that is no officer asks the server",
      async () => run.peers.find((peer) => asked.has(hostOf(peer)) && !officers.includes(peer)),
      30_000,
    );
    victimIs.resolve(hostOf(victim));
    await eventually(
      "it has a part of a piece",
      async () => (await victim.ledger(run.infoHash)).webSeedBytes > 0 || undefined,
      30_000,
    );
    victim.daemon.kill("SIGKILL");
    await victim.daemon.exited;

    const others = run.peers.filter((peer) => peer !== victim);
    await Promise.all(others.map((peer) => peer.complete({ timeoutMs: 60_000 })));
    for (const peer of others) await expectEqualContent(content, peer.dir);
    const byVictim = server.bytesFor(hostOf(victim));
    const byOthers = server.bytesFor("127.1.") - byVictim;
    console.info(
      `the killed one had asked for ${byVictim / PIECE} pieces, the others for ${(byOthers / BYTES).toFixed(3)} times the content`,
    );
    expect(byVictim).toBeGreaterThan(0);
    // What it was granted at first; where the machine is slow it gives a request up, and asks for the same again.
    expect(byVictim).toBeLessThanOrEqual(2 * LIMITS.claims.windowStart * PIECE);
    expect(byOthers).toBeGreaterThanOrEqual(BYTES);
    expect(byOthers).toBeLessThanOrEqual(1.05 * BYTES);
  });
});
