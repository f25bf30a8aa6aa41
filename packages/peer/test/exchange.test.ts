import { ManualClock, seededRandom } from "@cachetorrent/clock";
import { LIMITS, PieceSet } from "@cachetorrent/protocol";
import Wire from "bittorrent-protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { TorrentLedger } from "../src/accounts/ledger.ts";
import { noTrace } from "../src/accounts/trace.ts";
import { Content } from "../src/disk/content.ts";
import { DirectIo } from "../src/disk/direct-io.ts";
import { FileStorage } from "../src/disk/file-storage.ts";
import { PieceCache } from "../src/disk/piece-cache.ts";
import { BufferBudget } from "../src/exchange/buffer-budget.ts";
import { Exchange } from "../src/exchange/exchange.ts";
import type { ExchangeWatcher } from "../src/exchange/exchange-parts.ts";
import { UploadPump } from "../src/exchange/upload-pump.ts";
import { pieceSize } from "../src/metainfo/metainfo.ts";
import type { LimitChanges } from "../src/rates/rate-limits.ts";
import { SessionRates } from "../src/rates/session-rates.ts";
import { TorrentRates } from "../src/rates/torrent-rates.ts";
import { IndependentRole } from "../src/roles/independent.ts";
import { Selection } from "../src/selection/selection.ts";
import { Wanted } from "../src/selection/wanted.ts";
import { Connection } from "../src/wire/connection.ts";
import { asn, endpoint, otherPeerId, peerId, silent } from "./support/samples.ts";
import { socketPair } from "./support/socket-pair.ts";
import { writeContent } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

/** A peer without duties. */
const nobody: ExchangeWatcher = {
  introduced: () => undefined,
  told: () => undefined,
  mapped: () => undefined,
  has: () => undefined,
  choked: () => undefined,
  unchoked: () => undefined,
  received: () => undefined,
  snubbed: () => undefined,
  fellSilent: () => undefined,
  shown: () => undefined,
  spoiled: () => undefined,
  held: () => undefined,
  closed: () => undefined,
};

interface Given {
  readonly limits?: LimitChanges;
  readonly cache?: PieceCache;
  readonly slots?: number;
  /** It has everything, on a disk that only threads read from. */
  readonly isDiskFar?: boolean;
}

/** An exchange of the torrent in the folder, and how stock peers connect with it. */
async function exchangeOf({ metainfo }: GivenTorrent, dir: string, given: Given = {}) {
  const { cache = new PieceCache(1e9), isDiskFar = false, limits = {}, slots = 4 } = given;
  const clock = new ManualClock();
  const budget = new BufferBudget(1e9);
  const shape = { pieceCount: metainfo.pieceCount, pieceSize: (piece: number) => pieceSize(metainfo, piece) };
  const farDisk = async () => ({
    storage: await FileStorage.open(metainfo, dir, {
      selection: new Selection(metainfo),
      io: DirectIo.never(),
    }),
    have: PieceSet.full(metainfo.pieceCount),
  });
  const elsewhere = isDiskFar ? farDisk : undefined;
  const content = new Content({ metainfo, dir, cache, clock, log: silent, elsewhere });
  await content.open();
  onTestFinished(() => content.close());
  const exchange = new Exchange({
    shape,
    have: content.have,
    wanted: new Wanted(metainfo, content.have, new Selection(metainfo)),
    role: new IndependentRole(slots),
    watcher: nobody,
    clock,
    random: seededRandom(1),
    choker: "tit-for-tat",
    budget,
    rates: new TorrentRates(new SessionRates(clock, silent), clock, limits),
    pump: new UploadPump(clock),
    ledger: new TorrentLedger(metainfo.infoHash, clock.now()),
    content,
    refuse: () => undefined,
    ban: () => undefined,
    toldOfPeers: () => undefined,
    closed: () => undefined,
    completed: () => undefined,
    failed: () => undefined,
  });
  const connect = async () => {
    const [ours, theirs] = await socketPair();
    const connection = new Connection({
      socket: ours,
      direction: "out",
      remote: endpoint("127.0.0.1:6881"),
      asn: asn(1),
      infoHash: metainfo.infoHash,
      peerId,
      shape,
      owner: exchange,
      clock,
      log: silent,
      trace: noTrace,
      extendedHandshake: {},
    });
    exchange.add(connection);
    const wire = new Wire();
    wire.on("data", (bytes) => theirs.write(bytes));
    theirs.on("data", (bytes: Uint8Array) => wire.write(bytes));
    wire.on("handshake", () => wire.handshake(metainfo.infoHash, otherPeerId, { fast: true }));
    return wire;
  };
  return { clock, budget, exchange, connect };
}

/** Remembers what was read. */
class WatchedCache extends PieceCache {
  readonly reads: string[] = [];

  /** The pieces of these, in order. */
  get pieces(): number[] {
    return this.reads.map((key) => Number(key.split(":")[1])).toSorted((a, b) => a - b);
  }

  override load(key: string, read: () => Promise<Uint8Array>): Promise<Uint8Array> {
    return super.load(key, () => {
      this.reads.push(key);
      return read();
    });
  }
}

it("an exchange that stops gives back the buffers of the pieces it had begun", async () => {
  const torrent = await torrentOf([{ path: ["a"], content: noise(256 * KIB) }], 64 * KIB);
  const { budget, connect, exchange } = await exchangeOf(torrent, await temporaryDirectory());
  const wire = await connect();
  wire.on("handshake", () => {
    wire.haveAll();
    wire.unchoke();
  });
  await until("a piece is begun", () => budget.usedBytes > 0);
  exchange.stop();
  await until("all is closed", () => exchange.connections.size === 0);
  expect(budget.usedBytes).toBe(0);
});

describe("an upload", () => {
  it.each([
    { pieceLength: 256 * KIB, ahead: 4 },
    { pieceLength: 1024 * KIB, ahead: 1 },
  ])(
    "has of pieces of $pieceLength bytes $ahead read before their turn, and no more",
    async ({ pieceLength, ahead }) => {
      const torrent = await torrentOf([{ path: ["a"], content: noise(8 * pieceLength) }], pieceLength);
      const dir = await temporaryDirectory();
      await writeContent(torrent, dir);
      const cache = new WatchedCache(1e9);
      const { clock, connect } = await exchangeOf(torrent, dir, { cache, limits: { up: 1 } });
      const wire = await connect();
      const got: number[] = [];
      wire.on("handshake", () => {
        wire.haveNone();
        wire.interested();
      });
      wire.on("unchoke", () => {
        for (let piece = 0; piece < 8; piece++) wire.request(piece, 0, 16 * KIB, () => got.push(piece));
      });
      // A full bucket, and the least that comes after it, let a block pass each.
      await until("the limit is reached", () => {
        clock.advance(10);
        return got.length === 2;
      });
      // Reads begin with the block before them.
      expect(cache.pieces).toEqual([0, 1, 2, 3, 4, 5].slice(0, 2 + ahead));
    },
  );

  it("to many at once reads nothing twice that it reads before its turn", async () => {
    const [peers, each, pieceLength] = [8, 6, 256 * KIB];
    const torrent = await torrentOf(
      [{ path: ["a"], content: noise(peers * each * pieceLength) }],
      pieceLength,
    );
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    // As large as that of a session.
    const cache = new WatchedCache(LIMITS.peer.pieceBufferBytes / 3);
    const { connect } = await exchangeOf(torrent, dir, { cache, slots: peers, isDiskFar: true });
    let got = 0;
    for (let peer = 0; peer < peers; peer++) {
      const wire = await connect();
      wire.on("handshake", () => {
        wire.haveNone();
        wire.interested();
      });
      wire.on("unchoke", () => {
        for (let piece = peer * each; piece < (peer + 1) * each; piece++)
          for (let begin = 0; begin < pieceLength; begin += 16 * KIB)
            wire.request(piece, begin, 16 * KIB, () => got++);
      });
    }
    await until("all is sent", () => got === (peers * each * pieceLength) / (16 * KIB));
    expect(cache.pieces).toEqual(Array.from({ length: peers * each }, (_, piece) => piece));
  });

  it("is shared by bytes and not by requests, where a limit holds it back", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(64 * 256 * KIB) }], 256 * KIB);
    const dir = await temporaryDirectory();
    await writeContent(torrent, dir);
    const { clock, connect, exchange } = await exchangeOf(torrent, dir, { limits: { up: 4096 * KIB } });
    const lengths = [128 * KIB, 16 * KIB, 16 * KIB];
    const got = lengths.map(() => 0);
    const unchoked = lengths.map(async (_, peer) => {
      const wire = await connect();
      wire.on("handshake", () => {
        wire.haveNone();
        wire.interested();
      });
      wire.on("piece", (_piece, _begin, block) => {
        got[peer] = (got[peer] ?? 0) + block.length;
      });
      await new Promise<void>((resolve) => wire.on("unchoke", resolve));
      return wire;
    });
    for (const [peer, wire] of (await Promise.all(unchoked)).entries()) {
      const length = lengths[peer] ?? 0;
      // 6 MiB each, more than will be sent.
      for (let at = 0; at < 6 * 1024 * KIB; at += length)
        wire.request(Math.floor(at / (256 * KIB)), at % (256 * KIB), length, () => undefined);
    }
    // All have asked before much is sent.
    await until("all wait", () => [...exchange.connections].every(({ upload }) => !upload.queue.isEmpty));
    await until("9 MiB are sent", () => {
      clock.advance(5);
      return got.reduce((sum, one) => sum + one, 0) >= 9 * 1024 * KIB;
    });
    // Each a third, but for what was sent before the others had asked.
    for (const bytes of got) expect(Math.abs(bytes - 3 * 1024 * KIB)).toBeLessThan(512 * KIB);
  });
});
