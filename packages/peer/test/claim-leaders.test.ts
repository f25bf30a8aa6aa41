import { describe, expect, it } from "vitest";
import { Claiming, PIECE, requests } from "./support/claiming.ts";
import { aTorrent, Following } from "./support/following.ts";
import { keptLog } from "./support/kept-log.ts";
import { COORDINATED, MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { asn, endpoint, peerId } from "./support/samples.ts";
import { TestPeer } from "./support/test-peer.ts";

const FULL = new Uint8Array(5).fill(0xff);
const LEADERS_ONLY = { fetchers: "leaders" } as const;

describe("where only leaders fetch", () => {
  it("a leader claims at the head what it fetches outside", async () => {
    const given = await Claiming.begin({ office: "standby", policy: LEADERS_ONLY });
    expect(given.role).toBe("leader");
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    await given.claimed();
    await given.pass(2000);
    expect(outside.count("request")).toBe(0);
    given.grant([6]);
    await given.until("it asks", () => outside.count("request") > 0);
    expect(requests(outside)).toEqual([6]);
  });

  it("a leader forwards what is outside to its followers, and gives them what was granted", async () => {
    const given = await Claiming.begin({ office: "head", policy: LEADERS_ONLY });
    const follower = await given.insider(1);
    const visits: RawPeer[] = [];
    const { infoHash } = given.torrent.metainfo;
    const dest = await RawPeer.listen({ infoHash, at: "127.2.0.7" }, (raw) => {
      visits.push(raw);
      raw.wire.on("handshake", () => {
        raw.handshake();
        raw.wire.haveAll();
        given.serve(raw);
      });
    });
    follower.tell({ m: "leader_start", dest });
    await given.until("it forwards", () => follower.count("fwd_bitfield") > 0);
    follower.tell({ m: "want", pieces: [7] });
    await given.until("it has it", () =>
      follower.messages.some(([name, piece]) => name === "have" && piece === 7),
    );
    expect(requests(visits[0] as RawPeer).length).toBeGreaterThan(0);
  });

  it("a member that does not lead follows: it asks nothing outside and claims nothing", async () => {
    const given = await Following.begin({ policy: { ...COORDINATED, ...LEADERS_ONLY } });
    expect(given.role).toBe("follower");
    const outside = await given.join("127.2.0.9", 1, "all");
    const other = await given.join("127.2.0.10", 2);
    other.wire.have(3);
    other.wire.unchoke();
    await given.pass(3000);
    expect(outside.count("request") + other.count("request")).toBe(0);
    expect(given.leader.met.flatMap(({ told }) => told).filter(({ m }) => m === "claim")).toEqual([]);
  });
});

describe("relief", () => {
  it("takes an extra copy from a complete member outside that was no initial seed, once the AS misses nothing", async () => {
    const given = await Claiming.begin({ office: "head", policy: { relief: 2 } });
    const inside = await given.insider(1, { have: "all" });
    const partial = await given.outsider(1, { have: [1, 2, 3] });
    const seed = await given.outsider(2, { have: "all", isInitialSeed: true });
    const stock = await given.outsider(3, { have: "all", ctCache: false });
    for (const raw of [partial, seed, stock]) raw.wire.unchoke();
    await given.until(
      "it is told of the whole AS",
      () => inside.count("taken_map") + inside.count("interested") > 0,
    );
    await given.pass(5000);
    expect(partial.count("request") + seed.count("request") + stock.count("request")).toBe(0);
    const finished = await given.outsider(4, { have: "all" });
    given.serve(finished);
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(given.peer.torrent.status().externalBytes).toBe(40 * PIECE);
  });

  it("takes none under a head that took over from another, which may have granted it all", async () => {
    const given = await Claiming.begin({ office: "standby", policy: { relief: 2 } });
    const inside = await given.insider(1, { have: "all" });
    given.denying.add(given.head);
    given.head.greets = false;
    given.silent.add(given.head);
    await given.until("it has taken over", () => inside.count("taken_map") > 0);
    const finished = await given.outsider(4, { have: "all" });
    given.serve(finished);
    await given.pass(10_000);
    expect(finished.count("request")).toBe(0);
  });

  it("does not, without relief", async () => {
    const given = await Claiming.begin({ office: "head" });
    await given.insider(1, { have: "all" });
    await given.pass(2000);
    const finished = await given.outsider(4, { have: "all" });
    finished.wire.unchoke();
    await given.pass(8000);
    expect(finished.count("request")).toBe(0);
  });

  it("does not while the AS misses something", async () => {
    const given = await Claiming.begin({ policy: { relief: 2 } });
    given.denying.add(given.head);
    const bits = Uint8Array.from(FULL);
    bits[0] = 0x7f;
    given.head.tell({ m: "taken_map", bits, from: 0 });
    const finished = await given.outsider(4, { have: "all" });
    finished.wire.unchoke();
    await given.claimed();
    expect(given.claims().flatMap(({ pieces }) => pieces)).toEqual([0]);
  });
});

describe("a peer of an AS that nobody knows", () => {
  it("is independent, and fetches from everybody", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    tracker.places.set(endpoint("127.1.0.100:1").address, asn(0));
    tracker.tell({ policy: COORDINATED, leaders: [{ peerId, endpoint: endpoint("127.1.0.1:7777") }] });
    const seed = await TestPeer.start(torrent, { at: "127.1.0.2", seeds: true, tracker });
    const peer = await TestPeer.start(torrent, { at: "127.1.0.100", tracker });
    await peer.complete();
    expect(peer.torrent.status().role).toBe("independent");
    expect(peer.receivedBytes).toBe(seed.sentBytes);
  });
});

describe("what is out of place", () => {
  it("is ignored and counted: duties of a head from anybody else, claims from outside, at who keeps no book", async () => {
    const { lines, log } = keptLog();
    const given = await Claiming.begin({ log });
    const inside = await given.insider(1);
    const outside = await given.outsider(1, { have: [5] });
    await given.until("it is interested", () => outside.count("interested") > 0);
    for (const raw of [inside, outside]) {
      raw.tell({ m: "taken", pieces: [5] });
      raw.tell({ m: "taken_map", bits: FULL, from: 0 });
      raw.tell({ m: "revoke", piece: 5 });
      raw.tell({ m: "holders", q: 1, piece: 5, endpoints: [] });
      raw.tell({ m: "renew", pieces: [5] });
      raw.tell({ m: "open", pieces: [5], ttlsMs: [1000] });
    }
    await given.pass(2000);
    expect(outside.count("uninterested")).toBe(0);
    expect(inside.isClosed || outside.isClosed).toBe(false);
    const denial = await given.answer(inside, given.claim(inside, [5]));
    expect(denial).toMatchObject({ m: "deny", why: "not head", head: given.head.peerId });
    inside.socket.destroy();
    const line = () => lines.find((one) => one.event === "disconnected" && one.endpoint === inside.from);
    await given.until("its end is logged", () => line() !== undefined);
    expect(line()?.ignored).toBe(7);
  });
});
