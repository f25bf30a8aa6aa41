import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import type { Trace } from "../src/accounts/trace.ts";
import type { Storage } from "../src/disk/storage.ts";
import type { FilePriority } from "../src/selection/selection.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { fillUp, tinyFileSystem } from "./support/tiny-file-system.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const PIECE = 64 * KIB;
const [FIRST, MIDDLE, LAST] = [0, 1, 2];

/** Of 32 pieces: first has 0 to 10, middle 10 to 21, last 21 to 31. */
const threeFiles = () =>
  torrentOf(
    [
      { path: ["first"], content: noise(10.5 * PIECE, 1) },
      { path: ["middle"], content: noise(11 * PIECE, 2) },
      { path: ["sub", "last"], content: noise(10.5 * PIECE, 3) },
    ],
    PIECE,
  );

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, i) => from + i);

/** Which pieces a peer asked for. */
function requests(): { trace: Trace; asked: Set<number> } {
  const asked = new Set<number>();
  const trace: Trace = {
    enabled: true,
    event: (dir, _endpoint, _asn, m, fields) => {
      if (dir === "out" && m === "request") asked.add(Number(fields?.piece));
    },
    close: () => Promise.resolve(),
  };
  return { trace, asked };
}

/** A storage that remembers in which order pieces came. */
function orderedStorage(pieceCount: number) {
  const order: number[] = [];
  const pieces = new Map<number, Uint8Array>();
  const storage: Storage = {
    read: async (piece, begin, length) => (pieces.get(piece) as Uint8Array).slice(begin, begin + length),
    writePiece: async (piece, bytes) => {
      order.push(piece);
      pieces.set(piece, bytes.slice());
    },
    finish: () => Promise.resolve(),
    close: () => Promise.resolve(),
  };
  return { order, open: async () => ({ storage, have: new PieceSet(pieceCount) }) };
}

async function isWhole({ content, metainfo }: GivenTorrent, dir: string, file: number): Promise<boolean> {
  const { length = 0, offset = 0, path = [] } = metainfo.files[file] ?? {};
  return (await readFile(join(dir, ...path))).equals(content.subarray(offset, offset + length));
}

describe("a peer that skips files", () => {
  it("asks for no piece that only they have, is complete without them, and tells of what it holds", async () => {
    const torrent = await threeFiles();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const { asked, trace } = requests();
    const files = new Map<number, FilePriority>([
      [FIRST, "skip"],
      [LAST, "skip"],
    ]);
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, files, trace });
    await leecher.complete();
    expect([...asked].sort((a, b) => a - b)).toEqual(range(10, 21));
    expect(await isWhole(torrent, leecher.dir, MIDDLE)).toBe(true);
    expect(await readdir(join(leecher.dir, "torrent"))).toEqual(["middle"]);
    expect(leecher.torrent.status()).toMatchObject({
      state: "seeding",
      verifiedBytes: 12 * PIECE,
      wanted: { length: 12 * PIECE, verifiedBytes: 12 * PIECE },
    });
    expect(leecher.accounts.completedAt).toBeNull();
  });

  it("gets them when they are wanted after all, and is complete again then", async () => {
    const torrent = await threeFiles();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const files = new Map<number, FilePriority>([[LAST, "skip"]]);
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, files });
    await leecher.complete();
    leecher.completed.clear();
    await leecher.torrent.setFiles(new Map([[LAST, "high"]]));
    expect(leecher.torrent.status().state).toBe("downloading");
    await leecher.complete();
    expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
    expect(leecher.torrent.files).toEqual(["normal", "normal", "high"]);
  });

  it("asks for nothing more of what it skips in mid download", async () => {
    const torrent = await threeFiles();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, limitUp: 1024 * KIB });
    const { asked, trace } = requests();
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, trace });
    await until("some has come", () => leecher.torrent.status().verifiedBytes > 2 * PIECE);
    await leecher.torrent.setFiles(
      new Map([
        [FIRST, "skip"],
        [LAST, "skip"],
      ]),
    );
    const before = new Set(asked);
    await leecher.complete();
    const since = [...asked].filter((piece) => !before.has(piece));
    expect(since.every((piece) => piece >= 10 && piece <= 21)).toBe(true);
    expect(before.size).toBeLessThan(32);
    expect(await isWhole(torrent, leecher.dir, MIDDLE)).toBe(true);
    await leecher.torrent.setFiles(
      new Map([
        [FIRST, "low"],
        [LAST, "normal"],
      ]),
    );
    await until("all is there", () => leecher.torrent.status().verifiedBytes === torrent.content.length);
    await until("it is complete", () => leecher.torrent.status().state === "seeding");
    expect((await readContent(torrent, leecher.dir)).equals(torrent.content)).toBe(true);
  });

  it("fetches those of high priority before the others, and those of low priority last", async () => {
    const torrent = await threeFiles();
    const { order, open } = orderedStorage(torrent.metainfo.pieceCount);
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, limitUp: 4096 * KIB });
    const files = new Map<number, FilePriority>([
      [FIRST, "low"],
      [LAST, "high"],
    ]);
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, files, openStorage: open });
    await leecher.complete();
    expect(new Set(order.slice(0, 11))).toEqual(new Set(range(21, 31)));
    expect(new Set(order.slice(11, 22))).toEqual(new Set(range(10, 20)));
  });
});

describe("on a full disk", () => {
  const SMALL = 1;
  const PIECE = 16 * KIB;
  /** Of 6 pieces: first has 0, small lies in 1 as a whole, and last goes from there to the end. */
  const torrentWithSmall = () =>
    torrentOf(
      [
        { path: ["first"], content: noise(PIECE + 100, 1) },
        { path: ["small"], content: noise(200, 2) },
        { path: ["last"], content: noise(4.5 * PIECE, 3) },
      ],
      PIECE,
    );

  /** Has all of the first file, and of the others what lies in its pieces; there is no room for more. */
  async function fullPartialSeed(dir: string) {
    const torrent = await torrentWithSmall();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const files = new Map<number, FilePriority>([
      [SMALL, "skip"],
      [LAST, "skip"],
    ]);
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, files, dir });
    await leecher.complete();
    leecher.completed.clear();
    return { leecher, makeRoom: await fillUp(dir), torrent };
  }

  it("files that are chosen pause the torrent at once, and come when there is room", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const { leecher, makeRoom, torrent } = await fullPartialSeed(dir);
    await leecher.torrent.setFiles(new Map([[LAST, "high"]]));
    expect(leecher.torrent.files).toEqual(["normal", "skip", "high"]);
    expect(leecher.torrent.status()).toMatchObject({
      state: "paused",
      paused: expect.stringMatching(/: no space is left on the disk, 56\.\d+ KiB more are needed$/),
      wanted: { length: torrent.content.length, verifiedBytes: 2 * PIECE },
    });
    await makeRoom();
    await leecher.complete();
    expect(await isWhole(torrent, dir, LAST)).toBe(true);
  });

  it("a file of which all is there is not told of as complete before it is in its place", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const { leecher, makeRoom, torrent } = await fullPartialSeed(dir);
    await leecher.torrent.setFiles(new Map([[SMALL, "normal"]]));
    expect(leecher.torrent.status().paused).toMatch(/: no space is left on the disk$/);
    expect(leecher.completed.size).toBe(0);
    await makeRoom();
    await leecher.complete();
    expect(leecher.torrent.status().state).toBe("seeding");
    expect(await isWhole(torrent, dir, SMALL)).toBe(true);
  });

  it("files that are skipped after all leave it complete without room", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const { leecher } = await fullPartialSeed(dir);
    await leecher.torrent.setFiles(new Map([[LAST, "normal"]]));
    expect(leecher.torrent.status().state).toBe("paused");
    expect(leecher.torrent.state).toBe("paused");
    await leecher.torrent.setFiles(new Map([[LAST, "skip"]]));
    await leecher.complete();
    expect(leecher.torrent.status().state).toBe("seeding");
  });

  it("a start with files that were chosen meanwhile is paused, and takes other orders", async (context) => {
    const dir = await tinyFileSystem();
    if (!dir) return context.skip("mounting a file system needs root");
    const { leecher, makeRoom, torrent } = await fullPartialSeed(dir);
    await leecher.stop();
    const again = await TestPeer.start(torrent, { at: "127.2.0.2", dir });
    expect(again.torrent.status()).toMatchObject({ state: "paused", verifiedBytes: 2 * PIECE });
    await again.torrent.setFiles(new Map([[LAST, "skip"]]));
    expect(again.torrent.files).toEqual(["normal", "normal", "skip"]);
    expect(again.completed.size).toBe(0);
    await makeRoom();
    await again.complete();
    expect(await isWhole(torrent, dir, SMALL)).toBe(true);
  });
});

describe("a sequential download", () => {
  it("completes pieces nearly in order, from several peers at once, to the very end", async () => {
    const torrent = await threeFiles();
    const { order, open } = orderedStorage(torrent.metainfo.pieceCount);
    const tracker = await MeetingPoint.open();
    const limitUp = 1024 * KIB;
    for (const at of ["127.1.0.1", "127.1.0.2"]) {
      await TestPeer.start(torrent, { at, tracker, seeds: true, limitUp });
    }
    const leecher = await TestPeer.start(torrent, {
      at: "127.2.0.1",
      tracker,
      isSequential: true,
      openStorage: open,
    });
    await leecher.complete();
    expect([...order].sort((a, b) => a - b)).toEqual(range(0, 31));
    // Each of two peers has a few under way at a time: a second's worth, 16 pieces, at the very most.
    const farthest = Math.max(...order.map((piece, i) => Math.abs(piece - i)));
    expect(farthest).toBeLessThanOrEqual(16);
    const inversions = order.slice(1).filter((piece, i) => piece < (order[i] ?? 0)).length;
    expect(inversions).toBeLessThan(order.length / 2);
    expect(Math.max(...order.slice(0, 8))).toBeLessThan(24);
  });
});

describe("a peer with a rule for when to stop", () => {
  it("stops sharing when it has sent enough, and says why", async () => {
    const torrent = await threeFiles();
    const tracker = await MeetingPoint.open();
    const seed = await TestPeer.start(torrent, {
      at: "127.1.0.1",
      tracker,
      seeds: true,
      stopRule: { ratio: 1 },
    });
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker });
    await leecher.complete();
    await until("the seed has stopped", () => seed.shared.length > 0);
    expect(seed.shared).toEqual(["it has sent 1 times its size"]);
    expect(seed.torrent.status().state).toBe("stopped");
    expect(leecher.torrent.status().state).toBe("seeding");
  });

  it("does not stop before it is complete, and goes by a rule that is set later", async () => {
    const torrent = await threeFiles();
    const tracker = await MeetingPoint.open();
    const leecher = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, stopRule: { ratio: 0 } });
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    await leecher.complete();
    await until("the leecher has stopped", () => leecher.shared.length > 0);
    expect(seed.shared).toEqual([]);
    seed.torrent.setStopRule({ afterMs: 0 });
    await until("the seed has stopped", () => seed.shared.length > 0);
    expect(seed.shared).toEqual(["it has seeded for 0 s"]);
  });
});
