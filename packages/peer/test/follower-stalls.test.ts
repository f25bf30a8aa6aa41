import { describe, expect, it } from "vitest";
import { Following } from "./support/following.ts";
import type { RawLeader } from "./support/raw-leader.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId } from "./support/test-peer.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** From now on a leader says nothing more, its socket stays open. */
function freeze(leader: RawLeader): void {
  leader.manner = "silent";
  leader.greets = false;
}

describe("a leader is reported as stalled", () => {
  it("that nobody can dial", async () => {
    const given = await Following.begin({
      led: (leaders) => leaders.map((leader) => ({ ...leader, endpoint: { ...leader.endpoint, port: 9 } })),
    });
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports).toEqual([given.leader.peerId]);
  });

  it("whose connection is lost, and whose redial fails", async () => {
    const given = await Following.begin({ outside: 1 });
    await given.until("it is asked", () => given.leader.asked.length > 0);
    await given.pass(10_000);
    given.leader.greets = false;
    given.leader.raw.socket.destroy();
    await given.until("it is redialled", () => given.leader.met.length === 2);
    expect(given.tracker.reports).toEqual([]);
    given.leader.raw.socket.destroy();
    await given.until("it is reported", () => given.tracker.reports.length > 0);
  });

  it("that leaves a leader_start unanswered for 10 s", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"] });
    await given.until("it is asked", () => given.leader.asked.length > 0);
    const askedAt = given.clock.now();
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    expect(given.clock.now() - askedAt).toBeGreaterThanOrEqual(9_900);
    expect(given.clock.now() - askedAt).toBeLessThan(11_500);
  });

  it("that answered at first and is silent now, at once a minute at most, and its destinations move", async () => {
    const given = await Following.begin({ outside: 2, leaders: ["starts", "starts"] });
    const asked = () => given.leaders.flatMap((leader) => leader.asked);
    await given.until("all is asked", () => asked().length === 2);
    const first = given.leaders.find((leader) => leader.asked.length > 0) as RawLeader;
    const other = given.leaders.find((leader) => leader !== first) as RawLeader;
    freeze(first);
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports).toEqual([first.peerId]);
    await given.until("the other one is asked for everything", () => new Set(other.asked).size === 2);
    await given.pass(45_000);
    expect(given.tracker.reports).toHaveLength(1);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("once a minute as long as it stays away", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["silent"] });
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    await given.pass(50_000);
    expect(given.tracker.reports).toHaveLength(1);
    await given.until("it is reported again", () => given.tracker.reports.length === 2);
  });

  it("that forwards what it never serves, and gains nothing itself; then nothing is asked of it", async () => {
    const given = await Following.begin({ outside: 1 });
    const { leader } = given;
    await given.until("it is asked", () => leader.asked.length > 0);
    leader.tell({ m: "fwd_have", pieces: range(0, 20) });
    await given.until("pieces are wanted of it", () => leader.wanted.length > 0);
    const wantedAt = given.clock.now();
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    expect(given.clock.now() - wantedAt).toBeGreaterThan(59_000);
    expect(given.clock.now() - wantedAt).toBeLessThan(62_000);
    const { length } = leader.asked;
    await given.pass(20_000);
    expect(leader.asked).toHaveLength(length);
    given.tracker.tell({ leaders: given.leaders });
    await given.pass(10_000);
    expect(leader.asked, "a new result alone does not make it trusted").toHaveLength(length);
  });

  it("that sends bad data: it is banned, and cannot be dialled any more", async () => {
    const given = await Following.begin({ outside: 1 });
    const { leader } = given;
    await given.until("it is asked", () => leader.asked.length > 0);
    const { raw } = leader;
    raw.wire.on("request", (piece, begin, length) => raw.wire.piece(piece, begin, Buffer.alloc(length, 1)));
    raw.wire.have(0);
    raw.wire.unchoke();
    await given.until("it is banned", () => raw.isClosed);
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports).toEqual([leader.peerId]);
  });

  it("that does not speak ct_cache at all", async () => {
    const given = await Following.begin({ outside: 1, leaders: [] });
    const { infoHash } = given.torrent.metainfo;
    const peerId = numberedPeerId(5);
    const endpoint = await RawPeer.listen({ infoHash, at: "127.1.0.5", peerId }, (raw) => raw.handshake());
    given.tracker.tell({ leaders: [{ peerId, endpoint }] });
    await given.until("it is reported", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports).toEqual([peerId]);
  });
});

describe("a leader is not reported", () => {
  it("that is idle but answers", async () => {
    const given = await Following.begin({ outside: 2 });
    await given.pass(90_000);
    expect(given.leader.asked.length).toBeGreaterThan(2);
    expect(given.tracker.reports).toEqual([]);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("that gains pieces, though not those that are wanted", async () => {
    const given = await Following.begin({ outside: 1 });
    const { leader } = given;
    await given.until("it is asked", () => leader.asked.length > 0);
    leader.tell({ m: "fwd_have", pieces: range(0, 5) });
    await given.until("pieces are wanted of it", () => leader.wanted.length > 0);
    for (const piece of [10, 11, 12]) {
      await given.pass(40_000);
      leader.raw.wire.have(piece);
    }
    expect(given.tracker.reports).toEqual([]);
  });

  it("when everything that was wanted of it came from elsewhere", async () => {
    const given = await Following.begin({ outside: 1 });
    const { leader } = given;
    await given.until("it is asked", () => leader.asked.length > 0);
    leader.tell({ m: "fwd_have", pieces: [0, 1] });
    await given.until("pieces are wanted of it", () => leader.wanted.length === 2);
    const inside = await given.join("127.1.0.9", 1);
    for (const piece of [0, 1]) inside.wire.have(piece);
    given.serve(inside);
    await given.until("they are there", () => given.peer.receivedBytes > 0);
    await given.pass(90_000);
    expect(given.tracker.reports).toEqual([]);
  });

  it("when both dialled each other at once and one connection was closed for it", async () => {
    const given = await Following.begin({ outside: 1, leaders: [] });
    const peerId = numberedPeerId(0);
    const { infoHash, pieceCount } = given.torrent.metainfo;
    const options = { infoHash, at: "127.1.0.5", peerId, ctCache: { pieceCount } };
    const dialled: RawPeer[] = [];
    const endpoint = await RawPeer.listen(options, (raw) => void dialled.push(raw));
    given.tracker.tell({ leaders: [{ peerId, endpoint }] });
    await given.until("it is dialled", () => dialled.length > 0);
    const own = await RawPeer.join(given.peer.endpoint, { ...options, clock: given.clock });
    dialled[0]?.handshake();
    await given.until("one is closed", () => dialled[0]?.isClosed === true);
    await given.until("the other one is asked", () => own.toldOf("leader_start").length > 0);
    expect(given.tracker.reports).toEqual([]);
  });

  it("when both are complete and hang up", async () => {
    const given = await Following.begin({ outside: 1, pieces: 4 });
    await given.until("it is asked", () => given.leader.asked.length > 0);
    for (const piece of [0, 1, 2, 3]) given.leader.raw.wire.have(piece);
    given.serve(given.leader.raw);
    await given.until("both hang up", () => given.leader.raw.isClosed);
    await given.pass(30_000);
    expect(given.tracker.reports).toEqual([]);
    expect(given.leader.met).toHaveLength(1);
  });

  it("when it led until a moment ago, and a dial that was under way fails", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["starts", "starts"] });
    const [, other] = given.leaders as [RawLeader, RawLeader];
    const nowhere = { peerId: numberedPeerId(77), endpoint: { ...other.endpoint, port: 9 } };
    given.tracker.tell({ leaders: [nowhere] });
    await given.until("it is to be dialled", () => given.peer.torrent.status().term === 2);
    given.tracker.tell({ leaders: [other] });
    await given.until("it follows the other one", () => other.asked.length > 0);
    await given.pass(10_000);
    expect(given.tracker.reports.filter((id) => id === other.peerId)).toEqual([]);
  });
});
