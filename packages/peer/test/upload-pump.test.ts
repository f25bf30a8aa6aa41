import { LIMITS, PieceSet } from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import type { Storage } from "../src/disk/storage.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { openStorage } from "./support/storing.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = LIMITS.peer.blockBytes;
const PIECE = LIMITS.peer.sectionBytes;
/** Each of a piece of its own: half as many again as the cache has room for. */
const LEECHERS = 12;

it("of what was written lately it reads what it sends, though many ask for more together than the cache holds", async () => {
  const { leechers, read } = await given();
  for (const leecher of leechers) await leecher.received("piece", PIECE / BLOCK);
  expect(read()).toBe(LEECHERS * PIECE);
});

it("what a limit holds back it does not read before its turn", async () => {
  const { leechers, read } = await given({ limitUp: 2_000_000 });
  const received = () => leechers.reduce((sum, leecher) => sum + leecher.count("piece"), 0);
  await until("some were sent", () => received() > 2 * LEECHERS);
  // What has left and not come yet is a few blocks: they are sent one at a time.
  expect(read()).toBeLessThan((received() + LEECHERS) * BLOCK);
});

it("for more than the cache has room for it reads what was there before by itself, and hardly more than it sends", async () => {
  const { leechers, read, readByThreads } = await given({ isOld: true });
  for (const [at, leecher] of leechers.entries()) askForPiece(leecher, LEECHERS + at);
  for (const leecher of leechers) await leecher.received("piece", (2 * PIECE) / BLOCK);
  // Before it knows that there are several it has a thread read a whole piece for each.
  expect(read()).toBeLessThan(4 * LEECHERS * PIECE);
  expect(readByThreads()).toBeLessThan(2 * LEECHERS * PIECE);
});

it("for one a thread reads what was there before", async () => {
  const { leechers, read, readByThreads } = await given({ isOld: true, count: 1 });
  const blocks = PIECE / BLOCK;
  for (const leecher of leechers) {
    await leecher.received("piece", blocks);
    askForPiece(leecher, 1);
    await leecher.received("piece", 2 * blocks);
  }
  expect(read()).toBe(2 * PIECE);
  expect(readByThreads()).toBe(read());
});

/** A peer that has written its pieces, lately or before it started, with leechers that ask for all of one each; and how many bytes it has read for them. */
async function given({ count = LEECHERS, isOld = false, limitUp = Number.POSITIVE_INFINITY } = {}) {
  const torrent = await torrentOf([{ path: ["a"], content: noise(2 * LEECHERS * PIECE) }], PIECE);
  const { infoHash, pieceCount } = torrent.metainfo;
  const directory = await temporaryDirectory();
  const written = await openStorage(torrent.metainfo, directory);
  for (let piece = 0; piece < pieceCount; piece++) await written.writePiece(piece, pieceOf(torrent, piece));
  const files = isOld ? await openStorage(torrent.metainfo, directory) : written;
  let [bytes, bytesByThreads] = [0, 0];
  const storage: Storage = {
    read: (piece, begin, length) => {
      bytes += length;
      bytesByThreads += length;
      return files.read(piece, begin, length);
    },
    isAtHand: (piece, fromDisk) => files.isAtHand(piece, fromDisk),
    readAtOnce: (piece, begin, length, fromDisk) => {
      const section = files.readAtOnce(piece, begin, length, fromDisk);
      bytes += section?.length ?? 0;
      return section;
    },
    writePiece: (piece, written) => files.writePiece(piece, written),
    finish: () => files.finish(),
    close: () => files.close(),
  };
  const peer = await TestPeer.start(torrent, {
    at: "127.1.0.1",
    limitUp,
    uploadSlots: LEECHERS,
    openStorage: async () => ({ storage, have: PieceSet.full(pieceCount) }),
  });
  const leechers: RawPeer[] = [];
  for (let n = 0; n < count; n++) {
    const options = { at: `127.9.0.${n + 1}`, infoHash, peerId: numberedPeerId(900_000 + n) };
    leechers.push(await RawPeer.join(peer.endpoint, options));
  }
  for (const leecher of leechers) {
    leecher.wire.interested();
    await leecher.received("unchoke");
  }
  for (const [piece, leecher] of leechers.entries()) askForPiece(leecher, piece);
  return { leechers, read: () => bytes, readByThreads: () => bytesByThreads };
}

function askForPiece(leecher: RawPeer, piece: number): void {
  for (let begin = 0; begin < PIECE; begin += BLOCK) leecher.request(piece, begin, BLOCK);
}
