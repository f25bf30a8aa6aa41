import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Coordinating, revealedTo } from "./support/coordinating.ts";
import { CACHE, COORDINATED, MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { until } from "./support/until.ts";

describe("an initial seed under coordinated", () => {
  it.each(["127.1.0.9", "127.2.0.9"])("tells %s that it has nothing, and reveals one piece", async (at) => {
    const given = await Coordinating.begin();
    const raw = await given.join(1, at);
    await given.when("a piece is revealed", () => revealedTo(raw).length > 0);
    expect(raw.count("have-none")).toBe(1);
    await given.pass(1000);
    expect(revealedTo(raw).length).toBe(1);
  });

  it("reveals 4 to who is unchoked, and the next as soon as one was fetched", async () => {
    const given = await Coordinating.begin();
    const raw = await given.join(1, "127.2.0.9", { interested: true });
    await given.when("4 are revealed", () => revealedTo(raw).length === 4);
    expect(raw.count("unchoke")).toBe(1);
    await given.fetch(raw, revealedTo(raw)[0] ?? -1);
    await given.when("another one is", () => revealedTo(raw).length > 4);
  });

  it("reveals more to who asks for all that it is told of, up to 16", async () => {
    // So slow that nothing but the first block comes.
    const given = await Coordinating.begin({ limitUp: 1 });
    const raw = await given.join(1, "127.2.0.9", { interested: true });
    given.fetchAll(raw);
    const open = () => revealedTo(raw).length - raw.blocks.filter(({ begin }) => begin > 0).length;
    await given.when("16 are revealed", () => open() === 16);
    await given.pass(1000);
    expect(open()).toBeLessThanOrEqual(16);
  });

  it("rejects requests for what it has not revealed to that peer", async () => {
    const given = await Coordinating.begin();
    const [a, b] = await Promise.all([1, 2].map((n) => given.join(n, `127.2.0.${n}`, { interested: true })));
    if (!a || !b) throw new Error("two were to join");
    await given.when("both are told of 4", () => [a, b].every((raw) => revealedTo(raw).length === 4));
    // Who asks for nothing loses its slot, and only who has one can ask.
    const [asker, other] = a.wire.peerChoking ? [b, a] : [a, b];
    const theirs = revealedTo(other)[0] ?? -1;
    asker.request(theirs, 0, 100);
    await asker.received("reject");
    expect(asker.messages.find(([name]) => name === "reject")?.[1]).toBe(theirs);
    expect(asker.count("piece")).toBe(0);
  });

  it("reveals no piece to two peers", async () => {
    const given = await Coordinating.begin({ pieces: 24 });
    const raws = await Promise.all(
      [1, 2, 3, 4, 5].map((n) => given.join(n, `127.${n + 1}.0.1`, { interested: true })),
    );
    await given.when("all are unchoked", () => raws.every((raw) => revealedTo(raw).length >= 4));
    const told = raws.flatMap(revealedTo);
    expect(new Set(told).size).toBe(told.length);
  });

  it("reveals to others what it revealed to a peer that is gone", async () => {
    const given = await Coordinating.begin({ pieces: 4 });
    const gone = await given.join(1, "127.2.0.1", { interested: true });
    await given.when("it is told of all", () => revealedTo(gone).length === 4);
    for (const piece of revealedTo(gone)) gone.request(piece, 0, 1);
    await given.when("it is served", () => gone.count("piece") === 4);
    const other = await given.join(2, "127.3.0.1", { interested: true });
    await given.pass(2000);
    expect(revealedTo(other)).toEqual([]);
    gone.socket.destroy();
    await given.when("another one is told of all", () => revealedTo(other).length === 4);
  });

  it("is an ordinary seed once every piece has come out", async () => {
    const given = await Coordinating.begin({ pieces: 12 });
    const fetcher = await given.join(1, "127.2.0.1", { interested: true });
    const other = await given.join(2, "127.3.0.1");
    given.fetchAll(fetcher);
    await given.when("it was told of all", () => revealedTo(fetcher).length === 12);
    await given.when("the other one is told of all", () => revealedTo(other).length === 12);
    expect(new Set(revealedTo(other)).size).toBe(12);
    const late = await given.join(3, "127.4.0.1");
    expect(late.count("have-all")).toBe(1);
  });

  it("super-seeds to who joins while it does", async () => {
    const given = await Coordinating.begin({ pieces: 12 });
    const first = await given.join(1, "127.2.0.1", { interested: true });
    await given.when("4 are revealed", () => revealedTo(first).length === 4);
    await given.fetch(first, revealedTo(first)[0] ?? -1);
    const late = await given.join(2, "127.3.0.1", { interested: true });
    await given.when("4 more are", () => revealedTo(late).length === 4);
    expect(late.count("have-none")).toBe(1);
    expect(revealedTo(first).filter((piece) => revealedTo(late).includes(piece))).toEqual([]);
  });

  it("gives each piece once as long as some have not come out", async () => {
    const given = await Coordinating.begin({ pieces: 32 });
    const raws = await Promise.all(
      [1, 2, 3].map((n) => given.join(n, `127.${n + 1}.0.1`, { interested: true })),
    );
    for (const raw of raws) given.fetchAll(raw);
    const got = () => raws.flatMap((raw) => raw.blocks.map((block) => block.piece));
    await given.when("all have come out", () => new Set(got()).size === 32);
    // What remains is at the very end: a peer that has nothing left may be given what another one has.
    expect(got().length).toBeLessThanOrEqual(2 * (32 + raws.length));
  });

  it("serves stock clients in the same way, without the fast extension too", async () => {
    const given = await Coordinating.begin({ pieces: 6 });
    const raw = await given.join(1, "127.2.0.1", { stock: true, fast: false, interested: true });
    expect(raw.count("bitfield")).toBe(0);
    given.fetchAll(raw);
    await given.when("it has got all", () => raw.blocks.length === 12);
    expect(raw.messages.map(([name]) => name)).not.toContain("bitfield");
  });

  it("hangs up when the other side has announced all, though that does not know that this is a seed", async () => {
    const given = await Coordinating.begin({ pieces: 6 });
    const raw = await given.join(1, "127.2.0.1");
    const other = await given.join(2, "127.3.0.1");
    for (let piece = 0; piece < 6; piece++) raw.wire.have(piece);
    await given.when("it hangs up", () => raw.isClosed);
    expect(other.isClosed).toBe(false);
  });

  it("goes on super-seeding when somebody comes who has everything", async () => {
    const given = await Coordinating.begin();
    const other = await given.join(1, "127.3.0.1");
    const seed = await given.join(2, "127.2.0.1");
    seed.wire.haveAll();
    await given.when("that one is hung up on", () => seed.isClosed);
    await given.pass(1000);
    expect(revealedTo(other).length).toBe(1);
  });

  it("tells in the end that it is a seed, so that who is complete can go", async () => {
    const given = await Coordinating.begin({ pieces: 6 });
    // Before anything has come out: else it is told that this is a seed as soon as it joins.
    const other = await given.join(2, "127.3.0.1");
    other.wire.have(5);
    const fetcher = await given.join(1, "127.2.0.1", { interested: true });
    given.fetchAll(fetcher);
    await given.when("it is told of what it has announced, too", () => revealedTo(other).length === 6);
  });

  it("stays connected with another initial seed no longer than until it is an ordinary one", async () => {
    const given = await Coordinating.begin({ pieces: 6 });
    const { clock, torrent, tracker } = given;
    const second = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, clock, seeds: true });
    await given.when("they are connected", () => second.peers === 1 && given.seed.peers === 1);
    const fetcher = await given.join(1, "127.3.0.1", { interested: true });
    given.fetchAll(fetcher);
    await given.when("all have come out", () => fetcher.blocks.length === 12);
    // That one has still given nothing: it learns from the first that everything is there.
    await given.when("they part", () => second.peers === 0);
  });

  it("completes peers of ours, and gives little twice", async () => {
    const given = await Coordinating.begin({ pieces: 64 });
    const { torrent } = given;
    const tracker = await MeetingPoint.open();
    tracker.list(given.seed.endpoint);
    const peers = await Promise.all(
      [2, 3, 4].map((n) => TestPeer.start(torrent, { at: `127.${n}.0.1`, tracker, clock: given.clock })),
    );
    await given.when("all are complete", () => peers.every((peer) => peer.completed.size > 0), 25);
    expect(given.seed.sentBytes).toBeLessThan(2 * torrent.metainfo.length);
  });
});

describe("before the policy is known, a seed", () => {
  /** A seed whose tracker does not answer before it is released. */
  async function waiting() {
    const given = await Coordinating.begin({ pieces: 6 });
    const { clock, torrent, tracker } = given;
    const release = Promise.withResolvers<void>();
    tracker.announceHeld = release.promise;
    const seed = await TestPeer.start(torrent, {
      at: "127.2.0.1",
      tracker,
      clock,
      seeds: true,
      awaitsTracker: false,
    });
    const { infoHash, pieceCount } = torrent.metainfo;
    const joining = RawPeer.join(seed.endpoint, {
      infoHash,
      at: "127.3.0.1",
      clock,
      peerId: numberedPeerId(900_001),
      ctCache: { pieceCount },
    });
    // So long it waits to learn of which AS somebody is.
    await given.pass(LIMITS.peer.locateTimeoutMs);
    const raw = await joining;
    return { given, raw, seed, tracker, release: () => release.resolve() };
  }

  it("says that it has nothing, and tells of everything when the policy is a plain one", async () => {
    const { given, raw, release, tracker } = await waiting();
    expect(raw.count("have-none")).toBe(1);
    expect(revealedTo(raw)).toEqual([]);
    tracker.tell({ policy: CACHE });
    release();
    await given.when("it is told of all", () => revealedTo(raw).length === 6);
  });

  it("super-seeds when the policy is coordinated", async () => {
    const { given, raw, release, tracker } = await waiting();
    tracker.tell({ policy: COORDINATED });
    release();
    await given.when("a piece is revealed", () => revealedTo(raw).length > 0);
    await given.pass(1000);
    // A second one if the first is what the other seed has shown by now.
    expect(revealedTo(raw).length).toBeLessThanOrEqual(2);
  });

  it("waits for no longer than a tracker that never answers is waited for", async () => {
    const { given, raw, release, seed } = await waiting();
    await given.when("it is told of all", () => revealedTo(raw).length === 6, 100);
    expect(seed.torrent.status().role).toBe("independent");
    release();
  });
});

describe("a seed is an ordinary one at once", () => {
  it("without a tracker", async () => {
    const { torrent } = await Coordinating.begin();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.2", seeds: true });
    const raw = await RawPeer.join(seed.endpoint, {
      at: "127.2.0.1",
      infoHash: torrent.metainfo.infoHash,
    });
    await until("it is told of all", () => raw.count("have-all") === 1);
  });

  it("under another policy", async () => {
    const given = await Coordinating.begin({ word: { policy: CACHE } });
    const raw = await given.join(1, "127.2.0.1");
    expect(raw.count("have-all")).toBe(1);
  });
});

it("a peer that has downloaded what it has tells of all of it, under coordinated too", async () => {
  const given = await Coordinating.begin({ pieces: 6, seeds: false });
  const source = await given.join(1, "127.1.0.9");
  source.wire.haveAll();
  source.wire.unchoke();
  const { content, metainfo } = given.torrent;
  source.wire.on("request", (piece, begin, length) => {
    const start = piece * metainfo.pieceLength + begin;
    source.wire.piece(piece, begin, content.subarray(start, start + length));
  });
  await given.when("it is complete", () => given.seed.completed.size > 0);
  const raw = await given.join(2, "127.2.0.1");
  expect(raw.count("have-all")).toBe(1);
});
