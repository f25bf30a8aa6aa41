import { describe, expect, it } from "vitest";
import { forwardedTo, Leading, type Outsider, type OutsiderOptions } from "./support/leading.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId } from "./support/test-peer.ts";
import { KIB } from "./support/torrents.ts";

const BLOCK = 16 * KIB;

/** A leader that holds pieces 10 and 11, with an indirect connection to somebody who holds 0 to 3. */
async function given(options: OutsiderOptions = {}) {
  const swarm = await Leading.begin({ intervalS: 30 });
  const stock = await swarm.follower(2, { ctCache: false, at: "127.5.0.1" });
  const follower = await swarm.follower(1);
  swarm.serve(follower);
  for (const piece of [10, 11]) follower.wire.have(piece);
  await swarm.received(stock, "have", 2);
  const dest = await swarm.outsider(1, { have: [0, 1, 2, 3], ...options });
  follower.tell({ m: "leader_start", dest: dest.endpoint });
  await swarm.when("hands are shaken", () => dest.visits.length === 1);
  return { swarm, follower, stock, dest, visit: dest.visits[0] as RawPeer };
}

const haves = (raw: RawPeer) =>
  raw.messages.filter(([name]) => name === "have").map(([, piece = -1]) => piece);

/** The destination dials the leader. */
async function dialLeader(swarm: Leading, dest: Outsider): Promise<RawPeer> {
  const raw = await RawPeer.dial(swarm.leader.endpoint, {
    ...dest.options,
    infoHash: swarm.torrent.metainfo.infoHash,
    port: dest.endpoint.port,
  });
  raw.handshake();
  return raw;
}

describe("a connection that a leader opened for a follower", () => {
  it("begins with have none, and tells of no piece that the leader gets", async () => {
    const { follower, stock, swarm, visit } = await given();
    await swarm.received(visit, "have-none");
    for (const piece of [8, 9]) follower.wire.have(piece);
    await swarm.received(stock, "have", 4);
    await visit.ping();
    expect(visit.count("have") + visit.count("bitfield") + visit.count("have-all")).toBe(0);
  });

  it("begins with no map at all where the fast extension is not spoken", async () => {
    const { swarm, visit } = await given({ fast: false });
    await swarm.received(visit, "interested");
    swarm.clock.advance(1000);
    expect(visit.count("have") + visit.count("bitfield") + visit.count("have-none")).toBe(0);
  });

  it("stays choked however much the other side wants and gives, and its requests are rejected", async () => {
    const { swarm, visit } = await given();
    visit.wire.interested();
    swarm.serve(visit);
    await swarm.when("it gave all it has", () => visit.count("uninterested") > 0);
    swarm.clock.advance(60_000);
    await visit.ping();
    expect(visit.count("unchoke")).toBe(0);
    const request = Buffer.alloc(17);
    request.writeUInt32BE(13);
    request[4] = 6;
    request.writeUInt32BE(10, 5);
    request.writeUInt32BE(BLOCK, 13);
    visit.socket.write(request);
    await swarm.received(visit, "reject", 2);
    expect(visit.messages.at(-1)).toEqual(["reject", 10, 0, BLOCK]);
    expect(visit.count("piece")).toBe(0);
  });

  it("gives the leader the pieces that it forwarded", async () => {
    const { follower, swarm, visit } = await given();
    swarm.serve(visit);
    await swarm.received(follower, "have", 4);
    expect(haves(follower).sort()).toEqual([0, 1, 2, 3]);
    expect(swarm.leader.torrent.status().externalBytes).toBe(8 * BLOCK);
  });

  it("is closed once no follower has needed it for a while", async () => {
    const { dest, follower, swarm, visit } = await given();
    follower.tell({ m: "leader_stop", dest: dest.endpoint });
    await follower.ping();
    swarm.clock.advance(20_000);
    await visit.ping();
    await swarm.when("it is closed", () => visit.isClosed, 1000);
  });

  it("outlives the follower if another one asks for it soon", async () => {
    const { dest, follower, swarm, visit } = await given();
    follower.socket.destroy();
    const other = await swarm.follower(3);
    other.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(other, "leader_started");
    swarm.clock.advance(60_000);
    await visit.ping();
    expect(dest.visits.length).toBe(1);
  });
});

describe("it becomes a direct one in place, with the missing haves and a slot,", () => {
  it("when the tracker lists the other side", async () => {
    const { dest, swarm, visit } = await given();
    await swarm.received(visit, "have-none");
    visit.wire.interested();
    swarm.tracker.list(dest.endpoint);
    await swarm.when("the missing haves came", () => haves(visit).length > 0, 100);
    expect(haves(visit)).toEqual([10, 11]);
    await swarm.received(visit, "unchoke");
    expect(dest.visits.length).toBe(1);
  });

  it("when the other side dials the leader, whose connection is kept because its id is smaller", async () => {
    const { dest, follower, swarm, visit } = await given();
    await swarm.received(visit, "have-none");
    const second = await dialLeader(swarm, dest);
    await swarm.when("the second is closed", () => second.isClosed);
    await swarm.received(visit, "have", 2);
    expect(haves(visit)).toEqual([10, 11]);
    expect(follower.count("leader_stop")).toBe(0);
  });
});

describe("when the other side dials the leader and its own connection is the one that is kept", () => {
  it("the forwarding goes on over that one", async () => {
    const { dest, follower, swarm, visit } = await given({ peerId: numberedPeerId(0) });
    await swarm.received(follower, "fwd_bitfield");
    const second = await dialLeader(swarm, dest);
    await swarm.when("the first is closed", () => visit.isClosed);
    second.wire.bitfield(Buffer.of(0xf0, 0x04));
    await swarm.when("the new piece is forwarded", () => forwardedTo(follower).includes(13));
    expect(forwardedTo(follower)).toEqual([0, 1, 2, 3, 13]);
    expect(follower.count("leader_stop")).toBe(0);
    expect(second.count("bitfield")).toBe(1);
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "leader_started", 2);
    expect(dest.visits.length).toBe(1);
  });
});

describe("a connection that turns out to be no follower's while it is being opened", () => {
  it("tells its map of pieces once, and no haves before it", async () => {
    const swarm = await Leading.begin({ intervalS: 4 });
    const [giver, follower] = [await swarm.follower(2), await swarm.follower(1)];
    swarm.serve(giver);
    giver.wire.have(5);
    await swarm.received(follower, "have");
    const visits: RawPeer[] = [];
    const { infoHash } = swarm.torrent.metainfo;
    const dest = await RawPeer.listen({ at: "127.2.0.7", infoHash }, (raw) => void visits.push(raw));
    follower.tell({ m: "leader_start", dest });
    await swarm.when("it was dialled", () => visits.length === 1);
    const visit = visits[0] as RawPeer;
    await swarm.when("its handshake came", () => visit.count("handshake") === 1);
    swarm.tracker.list(dest);
    const announces = swarm.tracker.announces;
    await swarm.when("the leader has announced", () => swarm.tracker.announces > announces, 25);
    swarm.clock.advance(300);
    visit.handshake();
    await swarm.received(visit, "bitfield");
    swarm.clock.advance(1000);
    await visit.ping();
    expect(visit.messages.filter(([name]) => name === "have" || name === "bitfield")).toEqual([["bitfield"]]);
  });
});
