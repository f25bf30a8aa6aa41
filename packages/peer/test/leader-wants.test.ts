import { describe, expect, it } from "vitest";
import { aTorrent, Leading } from "./support/leading.ts";
import { MULTI } from "./support/meeting-point.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId } from "./support/test-peer.ts";
import { KIB } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const elsewhere = { peerId: numberedPeerId(500_000), endpoint: endpoint("127.1.7.7:7777") };

/** The pieces that the leader asked for, in the order in which it began them. */
const begun = (raw: RawPeer | undefined): number[] => [
  ...new Set(raw?.messages.filter(([name]) => name === "request").map(([, piece = -1]) => piece)),
];
const haves = (raw: RawPeer) => raw.messages.filter(([name]) => name === "have").map(([, piece]) => piece);

/** A leader connected for its followers with somebody outside who has everything, and gives nothing yet. */
async function given(options: Parameters<typeof Leading.begin>[0] = {}, followers = 1) {
  const swarm = await Leading.begin(options);
  const dest = await swarm.outsider(1);
  const wanting: RawPeer[] = [];
  for (let n = 1; n <= followers; n++) {
    const follower = await swarm.follower(n);
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "fwd_bitfield");
    wanting.push(follower);
  }
  return { swarm, dest, followers: wanting as [RawPeer, ...RawPeer[]], visit: dest.visits[0] as RawPeer };
}

async function want(follower: RawPeer, ...pieces: number[]): Promise<void> {
  follower.tell({ m: "want", pieces });
  await follower.ping();
}

describe("what a follower wants of its leader", () => {
  it("is fetched before the rest, what most want first", async () => {
    const { followers, swarm, visit } = await given({}, 3);
    const [a, b, c] = followers as [RawPeer, RawPeer, RawPeer];
    await want(a, 4, 9);
    await want(b, 9, 13);
    await want(c, 13, 9);
    swarm.serve(visit);
    await swarm.leader.complete();
    expect(begun(visit).slice(0, 3)).toEqual([9, 13, 4]);
  });

  it("is answered by a plain have when the leader holds it", async () => {
    const { followers, swarm, visit } = await given();
    const [follower] = followers;
    await want(follower, 7);
    expect(follower.count("have")).toBe(0);
    swarm.serve(visit);
    await swarm.received(follower, "have", 16);
    // It asks a few pieces ahead, and which of them is on the disk first is the disk's affair.
    expect(begun(visit)[0]).toBe(7);
    expect(haves(follower)).toContain(7);
  });

  it("is never answered with a piece that the leader lacks: a request for it is rejected", async () => {
    const { followers, swarm } = await given();
    const [follower] = followers;
    await want(follower, 7);
    follower.wire.interested();
    await swarm.received(follower, "unchoke");
    follower.request(7, 0, 16 * KIB);
    await swarm.received(follower, "reject", 2);
    expect(follower.count("piece")).toBe(0);
  });

  it("does not wait for other haves when the leader holds it already", async () => {
    const swarm = await Leading.begin();
    const giver = await swarm.outsider(1, { have: [], serves: true });
    const follower = await swarm.follower(1);
    follower.tell({ m: "leader_start", dest: giver.endpoint });
    await swarm.received(follower, "leader_started");
    await swarm.when("hands are shaken", () => giver.visits.length === 1);
    giver.visits[0]?.wire.have(3);
    // The clock stands: haves that are gathered do not leave.
    await until("the piece is there", () => swarm.leader.torrent.status().verifiedBytes > 0);
    await follower.ping();
    expect(haves(follower)).toEqual([]);
    await want(follower, 3);
    expect(haves(follower)).toEqual([3]);
    // Asked for a thousand times it would be a thousand haves.
    await want(follower, 3, 3, 3);
    expect(haves(follower)).toEqual([3]);
  });

  it("counts no more when the follower left", async () => {
    const { followers, swarm, visit } = await given({}, 2);
    const [a, b] = followers as [RawPeer, RawPeer];
    await want(a, 2, 3);
    await want(b, 12);
    a.socket.destroy();
    await swarm.when("it is gone", () => swarm.leader.peers === 2);
    swarm.serve(visit);
    await swarm.leader.complete();
    expect(begun(visit)[0]).toBe(12);
  });

  it("counts no more when the follower got it elsewhere, or did not get it for 30 s", async () => {
    const { followers, swarm, visit } = await given({}, 3);
    const [a, b, c] = followers as [RawPeer, RawPeer, RawPeer];
    await want(a, 1);
    await want(b, 1, 5);
    swarm.clock.advance(31_000);
    await want(c, 6, 14);
    c.wire.have(6);
    await c.ping();
    swarm.serve(visit);
    await swarm.received(b, "have", 15);
    expect(begun(visit)[0]).toBe(14);
  });

  it("is ten pieces at most: whoever wants everything gets no more than others", async () => {
    const { followers, swarm, visit } = await given({ torrent: await aTorrent(64) }, 3);
    const [greedy, b, c] = followers as [RawPeer, RawPeer, RawPeer];
    await want(greedy, ...Array.from({ length: 64 }, (_, piece) => piece));
    for (const follower of [b, c]) await want(follower, 50, 51);
    for (let again = 0; again < 5; again++) await want(greedy, 50, 51, 52);
    swarm.serve(visit);
    await swarm.leader.complete();
    const order = begun(visit);
    expect(order.slice(0, 2)).toEqual([50, 51]);
    expect(order.slice(2, 12)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    expect(order.slice(12, 22)).not.toEqual([10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
  });

  it("is ignored of somebody for whom nothing is forwarded", async () => {
    const { followers, swarm, visit } = await given();
    const stranger = await swarm.follower(8, { at: "127.3.0.1" });
    await want(stranger, 2);
    await want(followers[0], 11);
    swarm.serve(visit);
    await swarm.leader.complete();
    expect(begun(visit)[0]).toBe(11);
  });
});

describe("a leader of one range of two", () => {
  const word = { policy: MULTI };

  /** Of 16 pieces it leads the last 8. */
  async function givenRange() {
    const swarm = await Leading.begin({ word });
    await swarm.elect([
      { ...elsewhere, range: 0 },
      { peerId: swarm.leader.peerId, endpoint: swarm.leader.endpoint, range: 1 },
    ]);
    const [dest, follower] = [await swarm.outsider(1), await swarm.follower(1)];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "fwd_bitfield");
    return { swarm, dest, follower, visit: dest.visits[0] as RawPeer };
  }

  it("forwards pieces of its range only, and asks outside for no others", async () => {
    const { follower, swarm, visit } = await givenRange();
    const [message] = follower.toldOf("fwd_bitfield");
    expect([...(message?.bits ?? [])]).toEqual([0x00, 0xff]);
    await want(follower, 2, 14);
    swarm.serve(visit);
    await swarm.received(follower, "have", 8);
    expect(begun(visit)[0]).toBe(14);
    expect(begun(visit).sort((a, b) => a - b)).toEqual([8, 9, 10, 11, 12, 13, 14, 15]);
    expect(swarm.leader.torrent.status().externalBytes).toBe(8 * 2 * BLOCK);
  });

  it("has nothing left to forward once it has its range: it ends, and refuses more", async () => {
    const { dest, follower, swarm, visit } = await givenRange();
    swarm.serve(visit);
    await swarm.received(follower, "leader_stop");
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "leader_refused");
    expect(follower.toldOf("leader_refused")[0]?.why).toBe("complete");
    swarm.clock.advance(20_000);
    await follower.ping();
    expect(dest.visits.length).toBe(1);
    expect(swarm.leader.torrent.status().state).toBe("downloading");
  });

  it("takes up a new office when its range becomes another one, and the old one's forwarding ends", async () => {
    const { dest, follower, swarm } = await givenRange();
    await swarm.elect([
      { peerId: swarm.leader.peerId, endpoint: swarm.leader.endpoint, range: 0 },
      { ...elsewhere, range: 1 },
    ]);
    await swarm.received(follower, "leader_stop");
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "fwd_bitfield", 2);
    expect([...(follower.toldOf("fwd_bitfield")[1]?.bits ?? [])]).toEqual([0xff, 0x00]);
    expect(dest.visits.length).toBe(1);
  });

  it("and of all ranges before forwards its range only from then on", async () => {
    const { dest, followers, swarm } = await given();
    await swarm.elect([{ peerId: swarm.leader.peerId, endpoint: swarm.leader.endpoint, range: 0 }], word);
    await swarm.received(followers[0], "leader_stop");
    followers[0].tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(followers[0], "fwd_bitfield", 2);
    expect([...(followers[0].toldOf("fwd_bitfield")[1]?.bits ?? [])]).toEqual([0xff, 0x00]);
    const visit = dest.visits[0] as RawPeer;
    swarm.serve(visit);
    await swarm.received(followers[0], "have", 8);
    expect(Math.max(...begun(visit))).toBe(7);
  });
});
