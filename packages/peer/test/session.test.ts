import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, readContent, TestPeer, writeContent } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const MIB = KIB * KIB;

/** 39 pieces of 64 KiB, the last one short. */
const someTorrent = (seed = 1) =>
  torrentOf(
    [
      { path: ["a"], content: noise(1_000_000, seed) },
      { path: ["sub", "b"], content: noise(1_555_555, seed + 1) },
    ],
    64 * KIB,
  );

describe("a swarm of sessions", () => {
  it("a leecher completes from a seed, with the same bytes", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.complete();
    expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
  });

  it("leechers share: each uploads, and the seed gives less than all of them take", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, limitUp: 4 * MIB });
    const leechers = await Promise.all(
      [2, 3, 4].map((site) => TestPeer.start(torrent, { at: `127.${site}.0.1`, tracker })),
    );
    await Promise.all(leechers.map((leecher) => leecher.complete()));
    for (const leecher of leechers) {
      expect(leecher.sentBytes).toBeGreaterThan(0);
      expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
    }
    expect(seed.sentBytes).toBeLessThan(3 * torrent.content.length);
  });

  it("what one sent the other received, to the byte, after a clean stop", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.complete();
    await Promise.all([leecher.stop(), seed.stop()]);
    expect(leecher.receivedBytes).toBe(seed.sentBytes);
    expect(leecher.receivedBytes).toBe(torrent.content.length);
  });

  it("what one sent the other received, to the byte, when the receiver stops in mid transfer", async () => {
    const torrent = await torrentOf([{ path: ["big"], content: noise(16 * MIB) }], 256 * KIB);
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await until("something has come", () => leecher.receivedBytes > 0);
    await leecher.stop();
    await until("the seed is alone", () => seed.torrent.connectionCount === 0);
    expect(leecher.receivedBytes).toBe(seed.sentBytes);
    expect(leecher.receivedBytes).toBeLessThan(torrent.content.length);
  });
});

it("a torrent that was stopped in mid transfer has rates of 0", async () => {
  const torrent = await torrentOf([{ path: ["big"], content: noise(16 * MIB) }], 256 * KIB);
  const tracker = await MeetingPoint.open();
  const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
  const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
  await until("something is moving", () => leecher.torrent.status().rateIn > 0);
  expect(seed.torrent.status().rateOut).toBeGreaterThan(0);
  await Promise.all([leecher.stop(), seed.stop()]);
  const stopped = { state: "stopped", rateIn: 0, rateOut: 0 };
  expect(leecher.torrent.status()).toMatchObject(stopped);
  expect(seed.torrent.status()).toMatchObject(stopped);
});

describe("the accounts", () => {
  it("of a whole swarm agree to the byte, whoever leaves when, with blocks asked of two in the end", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seeds = await Promise.all(
      [1, 2].map((n) => TestPeer.start(torrent, { at: `127.1.0.${n}`, tracker, seeds: true })),
    );
    const leechers = await Promise.all(
      [2, 3, 4, 5].map((site) => TestPeer.start(torrent, { at: `127.${site}.0.1`, tracker })),
    );
    const [leaver, ...others] = leechers as [TestPeer, ...TestPeer[]];
    await until("something has come", () => leaver.receivedBytes > 0);
    await leaver.stop();
    await Promise.all(others.map((leecher) => leecher.complete()));
    const all = [...seeds, ...leechers];
    await Promise.all(all.map((peer) => peer.stop()));
    const sum = (of: (peer: TestPeer) => number) => all.reduce((total, peer) => total + of(peer), 0);
    expect(sum((peer) => peer.sentBytes)).toBe(sum((peer) => peer.receivedBytes));
    for (const peer of all) {
      for (const other of all) {
        // Every site but the first has one peer: its AS tells who it is.
        if (siteOf(peer) === 1 || siteOf(other) === 1) continue;
        expect(sentTo(peer, siteOf(other))).toBe(receivedFrom(other, siteOf(peer)));
      }
    }
  });
});

describe("torrents of all shapes", () => {
  const odd = 3 * 5 * 7 * KIB;
  it.each<[string, () => Promise<GivenTorrent>]>([
    ["pieces of 16 KiB", () => torrentOf([{ path: ["a"], content: noise(50 * 16 * KIB + 1) }], 16 * KIB)],
    ["pieces of 16 MiB", () => torrentOf([{ path: ["a"], content: noise(40 * MIB) }], 16 * MIB)],
    ["pieces of no power of two", () => torrentOf([{ path: ["a"], content: noise(9 * odd + 77) }], odd)],
    ["a single byte", () => torrentOf([{ path: ["a"], content: noise(1) }])],
    [
      "padding between files (BEP 47)",
      () =>
        torrentOf(
          [
            { path: ["a"], content: noise(40 * KIB, 1) },
            { path: [".pad", "24576"], content: new Uint8Array(24 * KIB), attr: "p" },
            { path: ["b"], content: noise(70 * KIB, 2) },
          ],
          64 * KIB,
        ),
    ],
    [
      "many small files, some of them empty",
      () =>
        torrentOf(
          Array.from({ length: 40 }, (_, i) => ({
            path: [`d${i % 3}`, `${i}`],
            content: noise(i % 4 === 0 ? 0 : 5000 * i, i),
          })),
          32 * KIB,
        ),
    ],
    ["nothing but empty files", () => torrentOf([{ path: ["a"], content: noise(0) }])],
  ])("%s : all bytes arrive", async (_, make) => {
    const torrent = await make();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    expect(seed.torrent.status().state).toBe("seeding");
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.complete();
    expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
  });

  it("several in one session arrive side by side", async () => {
    const torrents = await Promise.all([1, 11, 21].map((seed) => someTorrent(seed)));
    const tracker = await MeetingPoint.open();
    const dirs = await Promise.all(torrents.map(() => temporaryDirectory()));
    await Promise.all(
      torrents.map((torrent, i) =>
        TestPeer.start(torrent, { at: `127.1.0.${i + 1}`, tracker, seeds: true, dir: dirs[i] as string }),
      ),
    );
    const named = torrents.map((torrent, i) => renamed(torrent, `torrent ${i}`));
    const leecher = await TestPeer.start(named, { at: "127.2.0.1", tracker });
    for (const torrent of named) await leecher.complete(torrent);
    for (const torrent of named) {
      expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
    }
  });
});

describe("a torrent that was begun before", () => {
  it("fetches none of its verified pieces again", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    // Spoils the first piece and nothing else.
    await writeFile(join(dir, "torrent", "a"), spoilt(torrent.content.subarray(0, 1_000_000)));
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, dir });
    await leecher.complete();
    expect(leecher.receivedBytes).toBe(torrent.metainfo.pieceLength);
    expect((await readContent(torrent, dir)).equals(torrent.content)).toBe(true);
  });
});

describe("a torrent whose files cannot be written", () => {
  it("fails with the error, and others of the session go on", async () => {
    const [good, bad] = [renamed(await someTorrent(1), "good"), renamed(await someTorrent(2), "bad")];
    const tracker = await MeetingPoint.open();
    const leecher = await TestPeer.start([good, bad], { at: "127.2.0.1", tracker });
    // It was checked, and found nothing. Now a file takes the place of a directory that will be needed.
    await writeFile(join(leecher.dir, "bad"), "in the way");
    await TestPeer.start([good, bad], { at: "127.1.0.1", tracker, seeds: true });
    await until("it is complete or failed", () => leecher.completed.size + leecher.errors.length === 2);
    expect(leecher.errors.map((error) => error.code)).toEqual(["CT_ERR_FILE_IN_THE_WAY"]);
    expect((await readContent(good, leecher.dir)).equals(good.content)).toBe(true);
    expect([...leecher.session.torrents].map((torrent) => torrent.status().state)).toEqual([
      "seeding",
      "failed",
    ]);
  });
});

describe("limits", () => {
  it("no more is sent in a second than the upload limit and one block", async () => {
    const clock = new ManualClock();
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const limitUp = 256 * KIB;
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, seeds: true, limitUp });
    const raw = await RawPeer.join(seed.endpoint, {
      at: "127.9.0.1",
      infoHash: torrent.metainfo.infoHash,
      clock,
    });
    raw.wire.interested();
    await raw.received("unchoke");
    const began = clock.now();
    for (let piece = 0; piece < 20; piece++) {
      for (let begin = 0; begin < 64 * KIB; begin += 16 * KIB) raw.request(piece, begin, 16 * KIB);
    }
    await advanceUntil(
      clock,
      "a megabyte has come",
      () => {
        const allowed = limitUp * ((clock.now() - began) / 1000) + 2 * 16 * KIB;
        expect(seed.sentBytes).toBeLessThanOrEqual(allowed);
        return raw.count("piece") * 16 * KIB >= MIB;
      },
      10,
    );
  });

  it("no more is asked for in a second than the download limit and one block", async () => {
    const clock = new ManualClock();
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const limitDown = 128 * KIB;
    const leecher = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, limitDown });
    const raw = await RawPeer.join(
      leecher.endpoint,
      { at: "127.9.0.1", infoHash: torrent.metainfo.infoHash, clock },
      "all",
    );
    const began = clock.now();
    raw.wire.on("request", (piece, begin, length) => {
      const start = piece * torrent.metainfo.pieceLength + begin;
      raw.wire.piece(piece, begin, torrent.content.subarray(start, start + length));
    });
    raw.wire.unchoke();
    await advanceUntil(
      clock,
      "half a megabyte has come",
      () => {
        const allowed = limitDown * ((clock.now() - began) / 1000) + 2 * 16 * KIB;
        expect(raw.count("request") * 16 * KIB).toBeLessThanOrEqual(allowed);
        return leecher.receivedBytes >= MIB / 2;
      },
      10,
    );
    expect(clock.now() - began).toBeGreaterThan(3500);
  });
});

describe("the endgame", () => {
  it("asks two peers for the last blocks, and takes the request back from the slower one", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(64 * KIB) }], 64 * KIB);
    const tracker = await MeetingPoint.open();
    const leecher = await TestPeer.start(torrent, { at: "127.1.0.1", tracker });
    const { infoHash } = torrent.metainfo;
    const rawSeed = async (n: number) => {
      const options = { at: `127.9.0.${n}`, infoHash, peerId: numberedPeerId(900_000 + n) };
      const raw = await RawPeer.join(leecher.endpoint, options, "all");
      raw.wire.unchoke();
      return raw;
    };
    const slow = await rawSeed(1);
    await slow.received("request", 4);
    const fast = await rawSeed(2);
    fast.wire.on("request", (_, begin, length) => {
      fast.wire.piece(0, begin, torrent.content.subarray(begin, begin + length));
    });
    await leecher.complete();
    await slow.received("cancel", 4);
    expect(fast.count("request")).toBe(4);
  });
});

describe("stopping", () => {
  it("can be asked for twice, and leaves every verified piece on the disk", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, limitUp: 4 * MIB });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await until("something is verified", () => leecher.torrent.status().verifiedBytes > 0);
    await Promise.all([leecher.stop(), leecher.stop()]);
    await leecher.stop();
    const { state, verifiedBytes } = leecher.torrent.status();
    expect(state).toBe("stopped");
    const again = await TestPeer.start(torrent, { at: "127.3.0.1", dir: leecher.dir });
    expect(again.torrent.status().verifiedBytes).toBeGreaterThanOrEqual(verifiedBytes);
  });

  it("waits 2 s at most for a peer that does not close its side", async () => {
    const clock = new ManualClock();
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, seeds: true });
    const raw = await RawPeer.join(seed.endpoint, {
      at: "127.9.0.1",
      infoHash: torrent.metainfo.infoHash,
      clock,
    });
    raw.socket.pause();
    let isStopped = false;
    const stopped = seed.stop().then(() => {
      isStopped = true;
    });
    const began = clock.now();
    await advanceUntil(clock, "it has stopped", () => isStopped, 10);
    await stopped;
    expect(clock.now() - began).toBeLessThan(5000);
    expect(seed.session.connectionCount).toBe(0);
  });

  it("before anything came is quick, and no connection is left behind", async () => {
    const torrent = await someTorrent();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.stop();
    expect(leecher.session.connectionCount).toBe(0);
    await until("the seed is alone", () => seed.torrent.connectionCount === 0);
  });
});

function siteOf(peer: TestPeer): number {
  return Number(peer.endpoint.address.split(".")[1]);
}

function sentTo(peer: TestPeer, site: number): number {
  return peer.accounts.sentByAsn[site] ?? 0;
}

function receivedFrom(peer: TestPeer, site: number): number {
  return peer.accounts.roles.reduce((total, span) => total + (span.bytesByAsn[site] ?? 0), 0);
}

function spoilt(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy[5] = (copy[5] ?? 0) ^ 1;
  return copy;
}

/** The same pieces under another name on the disk: two torrents can then share a directory. */
function renamed(torrent: GivenTorrent, name: string): GivenTorrent {
  const files = torrent.metainfo.files.map((file) => ({ ...file, path: [name, ...file.path.slice(1)] }));
  return { ...torrent, metainfo: { ...torrent.metainfo, name, files } };
}
