import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { keptLog } from "./support/kept-log.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";
import { numberedPeerId, TestPeer, type TestPeerOptions } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const SECOND = 1000;

const aTorrent = () => torrentOf([{ path: ["a"], content: noise(300 * KIB) }], 64 * KIB);

async function atRest(options: Partial<TestPeerOptions> = {}) {
  const clock = new ManualClock();
  const torrent = await aTorrent();
  const tracker = await MeetingPoint.open();
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, ...options });
  const raw = { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash };
  return { clock, torrent, tracker, peer, raw };
}

describe("a peer that dials us", () => {
  it("and sends half a handshake is dropped after 10 s", async () => {
    const { clock, peer, raw } = await atRest();
    const slow = await RawPeer.dial(peer.endpoint, raw);
    slow.socket.write(Buffer.from("\x13BitTorrent protocol"));
    // Another one who came later has been answered: the first was accepted by then.
    await RawPeer.join(peer.endpoint, { ...raw, clock });
    clock.advance(9 * SECOND);
    expect(slow.isClosed).toBe(false);
    clock.advance(1 * SECOND);
    await slow.closed();
  });

  it("and sends a handshake less its peer id is dropped after 10 s", async () => {
    const { clock, peer, raw } = await atRest();
    const slow = await RawPeer.dial(peer.endpoint, raw);
    slow.socket.write(Buffer.concat([Buffer.from("\x13BitTorrent protocol"), Buffer.alloc(8)]));
    slow.socket.write(Buffer.from(raw.infoHash, "hex"));
    const began = clock.now();
    await advanceUntil(clock, "it is dropped", () => slow.isClosed);
    expect(clock.now() - began).toBeGreaterThan(10 * SECOND);
    await until("it is forgotten", () => peer.torrent.connectionCount === 0);
  });

  it("gets in although another host holds as many silent connections as it can", async () => {
    const { clock, peer, raw } = await atRest();
    const silent = await Promise.all(
      Array.from({ length: 210 }, () => RawPeer.dial(peer.endpoint, { ...raw, at: "127.9.0.2" })),
    );
    await until("those beyond 200 are dropped", () => silent.filter((one) => one.isClosed).length === 10);
    await RawPeer.join(peer.endpoint, { ...raw, clock });
    await until("one made way", () => silent.filter((one) => one.isClosed).length === 11);
  });

  it("is not kept waiting for the word of a tracker that has failed twice", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const tracker = await ScriptedTracker.listen();
    await tracker.close();
    const { lines, log } = keptLog();
    const given = { at: "127.1.0.1", seeds: true, tracker, awaitsTracker: false, clock, log };
    const peer = await TestPeer.start(torrent, given);
    const failures = () => lines.filter(({ event }) => event === "tracker").length;
    const raw = { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash };
    await advanceUntil(clock, "it has failed", () => failures() === 1);
    const early = await RawPeer.dial(peer.endpoint, { ...raw, peerId: numberedPeerId(900_001) });
    early.handshake();
    // It may be no more than late: until then there is hope.
    await advanceUntil(clock, "it has failed again", () => failures() === 2);
    expect(early.count("handshake")).toBe(0);
    const dialledAt = clock.now();
    await RawPeer.join(peer.endpoint, { ...raw, clock });
    expect(clock.now() - dialledAt).toBeLessThan(LIMITS.peer.locateAgainMs);
    await early.received("handshake");
  });

  it("for another torrent is dropped", async () => {
    const { peer, raw } = await atRest();
    const other = await RawPeer.dial(peer.endpoint, {
      ...raw,
      infoHash: "ab".repeat(20) as typeof raw.infoHash,
    });
    other.handshake();
    await other.closed();
  });

  it("and speaks another protocol is dropped at its first byte, unless that may be encryption", async () => {
    const { peer, raw } = await atRest({ encryption: "off" });
    const other = await RawPeer.dial(peer.endpoint, raw);
    other.socket.write("G");
    await other.closed();
  });

  it("and breaks the protocol is dropped", async () => {
    const { clock, peer, raw } = await atRest();
    const other = await RawPeer.join(peer.endpoint, { ...raw, clock });
    other.wire.have(4_000_000);
    await other.closed();
    await until("it is forgotten", () => peer.torrent.connectionCount === 0);
  });

  it("and breaks the protocol is told of at info, but not more often than once a minute", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const { lines, log } = keptLog();
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, log });
    const breakProtocol = async (n: number): Promise<string> => {
      const { infoHash } = torrent.metainfo;
      const raw = await RawPeer.join(peer.endpoint, { at: `127.9.0.${n}`, infoHash, clock });
      raw.wire.have(4_000_000);
      await raw.closed();
      await until("it is forgotten", () => peer.torrent.connectionCount === 0);
      return raw.from;
    };
    const told = (level: number) =>
      lines.filter((line) => line.level === level && line.msg.startsWith("protocol error"));
    const [first, second, third] = [await breakProtocol(1), await breakProtocol(2), await breakProtocol(3)];
    expect(told(30)).toMatchObject([{ event: "disconnected", endpoint: first, count: 1 }]);
    expect(told(20)).toMatchObject([{ endpoint: second }, { endpoint: third }]);
    clock.advance(60 * SECOND);
    expect(told(30).slice(1)).toMatchObject([{ event: "disconnected", endpoint: third, count: 2 }]);
    await breakProtocol(4);
    await peer.session.stop();
    expect(told(30).slice(2)).toMatchObject([{ count: 1 }]);
  });

  it("and floods us with messages of interest is dropped, but not for a burst", async () => {
    const { clock, peer, raw } = await atRest();
    const other = await RawPeer.join(peer.endpoint, { ...raw, clock });
    const flicker = Buffer.from([0, 0, 0, 1, 2, 0, 0, 0, 1, 3]);
    other.socket.write(Buffer.concat(new Array(10_000).fill(flicker)));
    await other.ping();
    other.socket.write(Buffer.concat(new Array(30_000).fill(flicker)));
    await other.closed();
  });

  it("and floods us with requests while it is choked is dropped, but not for a burst", async () => {
    const { clock, peer, raw } = await atRest();
    // Without the fast extension nothing answers these, so that no unread answers end the connection.
    const join = (n: number) => {
      const peerId = numberedPeerId(900_000 + n);
      return RawPeer.join(peer.endpoint, { ...raw, clock, fast: false, peerId });
    };
    const [eager, flood] = [await join(1), await join(2)];
    const request = Buffer.from([0, 0, 0, 13, 6, ...Buffer.alloc(11), 1]);
    eager.socket.write(Buffer.concat(new Array(20_000).fill(request)));
    eager.wire.interested();
    await eager.received("unchoke");
    flood.socket.write(Buffer.concat(new Array(60_000).fill(request)));
    await flood.closed();
    expect(eager.isClosed).toBe(false);
  });

  it("is let in while there is room, and not beyond", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, maxConnections: 2 });
    const raw = (n: number) => ({
      at: `127.9.0.${n}`,
      infoHash: torrent.metainfo.infoHash,
      peerId: numberedPeerId(900_000 + n),
    });
    await RawPeer.join(peer.endpoint, raw(1));
    const second = await RawPeer.join(peer.endpoint, raw(2));
    const third = await RawPeer.dial(peer.endpoint, raw(3));
    third.handshake();
    await third.closed();
    second.socket.destroy();
    await until("there is room again", () => peer.torrent.connectionCount === 1);
    await RawPeer.join(peer.endpoint, raw(4));
  });
});

describe("a site behind one address", () => {
  it("of 60 peers that dial us in the same moment gets in, all of them", async () => {
    const torrent = await aTorrent();
    const { infoHash } = torrent.metainfo;
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    const site = Array.from({ length: 60 }, (_, n) => ({ n, at: "127.9.0.1", infoHash }));
    const raws = await Promise.all(
      site.map(({ n, ...raw }) =>
        RawPeer.join(peer.endpoint, { ...raw, peerId: numberedPeerId(900_000 + n) }),
      ),
    );
    expect(raws.filter(({ isClosed }) => isClosed)).toEqual([]);
    expect(peer.torrent.connectionCount).toBe(60);
  });
});

describe("a host that takes every connection there is", () => {
  async function crowded(onDialled: (raw: RawPeer) => void = (raw) => raw.socket.destroy()) {
    const torrent = await aTorrent();
    const { infoHash } = torrent.metainfo;
    const tracker = await MeetingPoint.open();
    tracker.list(await RawPeer.listen({ at: "127.9.0.6", infoHash }, onDialled));
    const clock = new ManualClock();
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, maxConnections: 8 });
    let peers = 0;
    const join = (at: string) => {
      const peerId = numberedPeerId(900_000 + ++peers);
      return RawPeer.join(peer.endpoint, { at, infoHash, peerId, clock });
    };
    await until("the one who hangs up is gone", () => peer.torrent.connectionCount === 0);
    const crowd: RawPeer[] = [];
    for (let n = 0; n < 8; n++) crowd.push(await join("127.9.0.1"));
    const left = () => crowd.filter((one) => !one.isClosed);
    return { clock, peer, join, crowd, left };
  }

  it("gives up the newest of them, down to its share, for others that dial us", async () => {
    const { crowd, join, left, peer } = await crowded();
    for (let n = 1; n <= 3; n++) {
      await join("127.9.0.2").catch((error: Error) => expect(error.message).toBe("it was not let in"));
      await join("127.9.0.3").catch((error: Error) => expect(error.message).toBe("it was not let in"));
    }
    await until("both have their share", () => left().length === 4);
    expect(left()).toEqual(crowd.slice(0, 4));
    expect(peer.torrent.connectionCount).toBe(8);
    await join("127.9.0.4");
    await join("127.9.0.4");
    await until("it has its share", () => left().length === 2);
    await expect(join("127.9.0.5")).rejects.toThrow("it was not let in");
  });

  it("gets none back", async () => {
    const { join, left } = await crowded();
    await join("127.9.0.2");
    await until("there is a place less", () => left().length === 7);
    await expect(join("127.9.0.1")).rejects.toThrow("it was not let in");
  });

  it("keeps nobody from being dialled", async () => {
    let isThere = false;
    let isDialled = false;
    const { clock, left } = await crowded((raw) => {
      isDialled = isThere;
      if (isThere) raw.wire.on("handshake", () => raw.handshake());
      else raw.socket.destroy();
    });
    isThere = true;
    await advanceUntil(clock, "it is dialled again", () => isDialled, 100);
    // At first encrypted, since it hung up: that it does not answer.
    await advanceUntil(clock, "there is a place less", () => left().length === 7, 100);
  });
});

describe("a peer that we dial", () => {
  it("and that hangs up after the handshake is dialled ever more seldom", async () => {
    const clock = new ManualClock();
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const dialledAt: number[] = [];
    const listening = await RawPeer.listen(
      { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash },
      (raw) => {
        dialledAt.push(clock.now());
        raw.handshake();
        raw.wire.on("handshake", () => raw.socket.end());
      },
    );
    tracker.list(listening);
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock });
    await advanceUntil(clock, "it was dialled four times", () => dialledAt.length === 4, 100);
    const [first = 0, second = 0, third = 0, fourth = 0] = dialledAt;
    expect(second - first).toBeGreaterThanOrEqual(10 * SECOND);
    expect(third - second).toBeGreaterThanOrEqual(20 * SECOND);
    expect(fourth - third).toBeGreaterThanOrEqual(40 * SECOND);
  });
});

describe("a connection", () => {
  it("is kept alive after 60 s and dropped after 120 s of silence", async () => {
    const { clock, peer, raw } = await atRest();
    const other = await RawPeer.join(peer.endpoint, { ...raw, clock });
    await other.ping();
    clock.advance(61 * SECOND);
    await other.received("keep-alive");
    expect(other.isClosed).toBe(false);
    clock.advance(60 * SECOND);
    await other.closed();
  });

  it("stays while the other side keeps it alive", async () => {
    const { clock, peer, raw } = await atRest();
    const other = await RawPeer.join(peer.endpoint, { ...raw, clock });
    for (let i = 0; i < 3; i++) {
      clock.advance(100 * SECOND);
      other.wire.keepAlive();
      await other.ping();
    }
    expect(peer.torrent.connectionCount).toBe(1);
  });

  it("of a peer with our own id is closed", async () => {
    const { clock, peer, raw } = await atRest();
    const self = await RawPeer.dial(peer.endpoint, { ...raw, peerId: peer.peerId });
    self.handshake();
    await until("it is closed", () => {
      clock.advance(1);
      return self.isClosed;
    });
  });

  it("of two complete peers is closed", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const other = await RawPeer.join(
      seed.endpoint,
      { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash },
      "all",
    );
    await other.closed();
  });

  it("stands once between two peers that dial each other at the same time", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    const [one, two] = [endpoint("127.1.0.1:26881"), endpoint("127.2.0.1:26881")];
    tracker.list(one);
    tracker.list(two);
    const peers = await Promise.all(
      [one, two].map(({ address, port }) => TestPeer.start(torrent, { at: `${address}:${port}`, tracker })),
    );
    const counts = () => peers.map((peer) => peer.torrent.connectionCount);
    await until("both have shaken hands", () => peers.every((peer) => peer.peers > 0));
    await until("one connection is left", () => counts().every((count) => count === 1));
    expect(counts()).toEqual([1, 1]);
  });

  it("is not opened to our own endpoint, which trackers hand out too", async () => {
    const torrent = await aTorrent();
    const tracker = await MeetingPoint.open();
    tracker.list(endpoint("127.1.0.1:26882"));
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1:26882", tracker });
    expect(peer.torrent.connectionCount).toBe(0);
  });
});
