import { type Clock, ManualClock } from "@cachetorrent/clock";
import { CtError, LIMITS, PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import type { Storage } from "../src/disk/storage.ts";
import { settled } from "./support/event-queue.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { openStorage } from "./support/storing.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

it("a download is complete once it is verified and written, and flushed after that", async () => {
  const { flush, leecher, torrent, dir } = await given();
  await leecher.complete();
  expect(leecher.torrent.status().state).toBe("seeding");
  expect(leecher.flushed.size).toBe(0);
  expect(await readContent(torrent, dir)).toEqual(torrent.content);
  flush.resolve();
  await until("it is flushed", () => leecher.flushed.size === 1);
});

describe("where nobody waits for it", () => {
  it("the flush begins when others have had their turn", async () => {
    const clock = new ManualClock();
    const { flush, leecher } = await given({ clock });
    await leecher.complete();
    clock.advance(LIMITS.peer.flushRestMs - 1);
    await settled();
    expect(flush.isAsked).toBe(false);
    clock.advance(1);
    await until("it begins", () => flush.isAsked);
    flush.resolve();
    await until("it is flushed", () => leecher.flushed.size === 1);
  });

  it("a stop does not wait for that", async () => {
    const { flush, leecher } = await given({ clock: new ManualClock() });
    await leecher.complete();
    const stopped = leecher.stop();
    flush.resolve();
    await stopped;
    expect(flush.isAsked).toBe(true);
  });
});

it("where more is wanted meanwhile, all is flushed when that is there, too", async () => {
  const torrent = await torrentOf([
    { path: ["first"], content: noise(100 * KIB) },
    { path: ["other"], content: noise(100 * KIB, 2) },
  ]);
  const tracker = await MeetingPoint.open();
  const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
  const clock = new ManualClock();
  const files = new Map([[1, "skip"]] as const);
  const leecher = await TestPeer.start(torrent, {
    at: "127.2.0.1",
    tracker,
    clock,
    files,
    flushesAtOnce: false,
  });
  await leecher.complete();
  await seed.stop();
  await leecher.torrent.setFiles(new Map([[1, "normal"]]));
  clock.advance(LIMITS.peer.flushRestMs);
  await TestPeer.start(torrent, { at: "127.1.0.2", tracker, seeds: true });
  await advanceUntil(clock, "the rest is there, and flushed", () => leecher.flushed.size === 1);
  expect(leecher.torrent.have?.isFull).toBe(true);
  expect(leecher.errors).toEqual([]);
});

it("who is stopped meanwhile has flushed before it is gone", async () => {
  const { flush, leecher } = await given();
  await leecher.complete();
  let isGone = false;
  const stopped = leecher.stop().then(() => {
    isGone = true;
  });
  await until("it has left", () => leecher.torrent.connectionCount === 0);
  expect(isGone).toBe(false);
  flush.resolve();
  await stopped;
});

it("of one that is stopped before it is complete nothing is told to be flushed", async () => {
  const { flush, leecher, whole } = await given({ holdsWhole: true });
  await until("all is written", () => whole.isAsked);
  const stopped = leecher.stop();
  whole.resolve();
  flush.resolve();
  await stopped;
  expect([leecher.completed.size, leecher.flushed.size]).toEqual([0, 0]);
});

it("what the disk turns out not to take fails the torrent, complete or not", async () => {
  const { flush, leecher } = await given();
  await leecher.complete();
  const lost = new CtError("CT_ERR_STORAGE", "cannot flush");
  flush.reject(lost);
  await until("it is told", () => leecher.errors.length > 0);
  expect(leecher.errors).toEqual([lost]);
  expect(leecher.flushed.size).toBe(0);
  expect(leecher.torrent.status().state).toBe("failed");
});

/** A leecher of which the disk takes its time to flush, and a seed. */
async function given({ clock, holdsWhole = false }: { clock?: Clock; holdsWhole?: boolean } = {}) {
  const torrent = await torrentOf([
    { path: ["a"], content: noise(100 * KIB) },
    { path: ["empty"], content: new Uint8Array() },
  ]);
  const tracker = await MeetingPoint.open();
  const dir = await temporaryDirectory();
  const files = await openStorage(torrent.metainfo, dir);
  const flush = { isAsked: false, ...Promise.withResolvers<void>() };
  const finished = Promise.withResolvers<void>();
  const whole = { isAsked: false, ...Promise.withResolvers<void>() };
  if (!holdsWhole) whole.resolve();
  const storage: Storage = {
    read: (piece, begin, length) => files.read(piece, begin, length),
    writePiece: (piece, bytes) => files.writePiece(piece, bytes),
    makeWhole: async () => {
      whole.isAsked = true;
      await whole.promise;
      await files.makeWhole();
    },
    finish: async () => {
      flush.isAsked = true;
      await flush.promise;
      await files.finish();
      finished.resolve();
    },
    close: async () => {
      // Else nothing could be written of one that is stopped before it is whole.
      if (holdsWhole) await finished.promise;
      await files.close();
    },
  };
  await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
  const have = new PieceSet(torrent.metainfo.pieceCount);
  const openOurs = async () => ({ storage, have });
  const leecher = await TestPeer.start(torrent, {
    at: "127.2.0.1",
    tracker,
    openStorage: openOurs,
    ...(clock ? { clock, flushesAtOnce: false } : {}),
  });
  return { dir, flush, leecher, torrent, whole };
}
