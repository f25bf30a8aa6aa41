import { randomBytes } from "node:crypto";
import type { Asn, InfoHash, PeerId } from "@cachetorrent/protocol";
import { type SwarmPeer, SwarmRun } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { announceFrom } from "./support/announce-from.ts";
import { AS1, AS2, eventually, expectFollowersStayedInside, makeContent, useBench } from "./support/e2e.ts";

const KiB = 1024;
const AS3 = 3 as Asn;
const bench = useBench("failover");
/** Reports of members count only when they have been listed for so long. */
const LISTED_MS = 30_000;
const NEW_LEADER_MS = 15_000;
/** A busy machine starts one peer long after another: an election of some would have other leaders, and fewer. */
const ALL_STAND = ["--deadline", "60"];

/** The leaders of an AS by their endpoints, as the tracker has them. */
async function leadersOf(run: SwarmRun, asn: Asn): Promise<string[]> {
  const swarm = await run.tracker.swarm(run.infoHash);
  const electorate = swarm?.electorates.find((one) => one.asn === asn);
  return (electorate?.leaders ?? []).map(({ endpoints }) => endpoints[0] ?? "");
}

/** The one leader of an AS, once it has one. */
async function leaderOf(run: SwarmRun, asn: Asn, except?: SwarmPeer, ceilingMs = 20_000): Promise<SwarmPeer> {
  return eventually(
    `a leader of AS ${asn}`,
    async () => {
      const leaders = await leadersOf(run, asn);
      return run.peers.find((peer) => peer !== except && leaders.includes(peer.endpoint));
    },
    ceilingMs,
  );
}

/** Somebody who joined the swarm as a member, stands for nothing, and listens nowhere. */
class Bystander {
  readonly peerId = randomBytes(20).toString("hex") as PeerId;
  readonly #address: string;
  readonly #announceUrl: string;
  readonly #infoHash: InfoHash;

  constructor(address: string, announceUrl: string, infoHash: InfoHash) {
    this.#address = address;
    this.#announceUrl = announceUrl;
    this.#infoHash = infoHash;
  }

  async announce(stalled?: PeerId): Promise<void> {
    await announceFrom(this.#address, this.#announceUrl, {
      infoHash: this.#infoHash,
      peerId: this.peerId,
      port: 9,
      left: 1,
      numwant: 0,
      member: { term: 0, externalBytes: 0, internalBytes: 0, ...(stalled ? { stalled } : {}) },
    });
  }
}

describe("in mid run", () => {
  it("a leader killed with -9 is replaced within 15 s; one that is voted out steps down, and gets no byte from outside any more", async () => {
    const content = await makeContent(bench(), { bytes: 4 * 1024 * KiB, pieceLength: 32 * KiB });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy: "cache",
      sites: [
        { asn: AS1, peers: 1, seeds: 1 },
        { asn: AS2, peers: 3 },
        { asn: AS3, peers: 3 },
      ],
      trackerArgs: ["--quorum", "7", ...ALL_STAND],
      // The seed needs 42 s for one copy: long enough for the members to be listed for 30 s.
      peerArgs: ["--limit-up", "100KB/s"],
    });
    const killed = await leaderOf(run, AS2);
    const votedOut = await leaderOf(run, AS3);
    const leaderId = (await run.tracker.swarm(run.infoHash))?.electorates.find(({ asn }) => asn === AS3)
      ?.leaders[0]?.peerId as PeerId;
    for (const host of [91, 92, 93]) {
      const bystander = new Bystander(`127.3.0.${host}`, run.tracker.announceUrl, run.infoHash);
      await bystander.announce();
      await bystander.announce(leaderId);
    }
    // That their word counts shows that members have been listed for 30 s, those of AS 2 too.
    const replacement = await leaderOf(run, AS3, votedOut, LISTED_MS + 15_000);
    expect(replacement).not.toBe(votedOut);

    killed.daemon.kill("SIGKILL");
    await killed.daemon.exited;
    const successor = await leaderOf(run, AS2, killed, NEW_LEADER_MS);
    expect(successor.asn).toBe(AS2);

    const others = run.leechers.filter((peer) => peer !== killed);
    await Promise.all(others.map((peer) => peer.complete({ timeoutMs: 90_000 })));
    for (const peer of others) await peer.daemon.stop();

    const records = (await run.records()).filter((_, i) => run.peers[i] !== killed);
    expectFollowersStayedInside(records);
    const { ledger } = records[run.peers.filter((peer) => peer !== killed).indexOf(votedOut)] ?? {};
    const roles = ledger?.roles.map(({ role }) => role) ?? [];
    expect(roles.slice(-2)).toEqual(["leader", "follower"]);
    expect(Object.keys(ledger?.roles.at(-2)?.bytesByAsn ?? {})).toContain("1");
    expect(Object.keys(ledger?.roles.at(-1)?.bytesByAsn ?? {})).toEqual(["3"]);
    expect(records.map((record) => record.ledger.escapes)).toEqual(records.map(() => 0));
  });

  it("all leaders of an AS and the tracker killed together: its followers escape, finish, and the ledger says so", async () => {
    const content = await makeContent(bench(), { bytes: 2 * 1024 * KiB, pieceLength: 64 * KiB });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy: "cache",
      sites: [
        { asn: AS1, peers: 2, seeds: 1 },
        { asn: AS2, peers: 4 },
      ],
      trackerArgs: ["--quorum", "6", ...ALL_STAND, "--leader-percent", "50"],
      peerArgs: ["--limit-up", "150KB/s"],
    });
    await leaderOf(run, AS2);
    const followers = run.leechers.filter(({ asn }) => asn === AS2);
    const leaders = await leadersOf(run, AS2);
    expect(leaders).toHaveLength(2);
    await eventually(
      "both followers know that they are, and one receives",
      async () => {
        const inside = (await run.records()).filter(({ asn }) => asn === AS2);
        const spans = inside.flatMap(({ ledger }) => ledger.roles.filter(({ role }) => role === "follower"));
        return (spans.length === 2 && spans.some(({ bytesByAsn }) => bytesByAsn[AS2])) || undefined;
      },
      30_000,
    );
    const killed = followers.filter(({ endpoint }) => leaders.includes(endpoint));
    for (const { daemon } of [...killed, run.tracker]) daemon.kill("SIGKILL");

    const left = followers.filter((peer) => !killed.includes(peer));
    expect(left).toHaveLength(2);
    await Promise.all(left.map((peer) => peer.complete({ timeoutMs: 90_000 })));
    for (const peer of left) {
      const { asn, escapes, roles } = await peer.ledger(run.infoHash);
      expect(asn).toBe(AS2);
      expect(escapes, `escapes of ${peer.name}`).toBeGreaterThan(0);
      expect(roles.at(-1)?.role).toBe("follower");
      expect(Object.keys(roles.at(-1)?.bytesByAsn ?? {})).toContain("1");
    }
  });
});
