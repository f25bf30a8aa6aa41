import { readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import { type Endpoint, encodeBencode, LIMITS, PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { FileStorage } from "../src/disk/file-storage.ts";
import { type Metainfo, parseMetainfo } from "../src/metainfo/metainfo.ts";
import { NO_LIMITS } from "../src/rates/rate-limits.ts";
import type { TorrentStatus } from "../src/status.ts";
import { keptLog } from "./support/kept-log.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawMetadata } from "./support/raw-metadata.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { RawPex } from "./support/raw-pex.ts";
import { type Asked, ScriptedTracker } from "./support/scripted-tracker.ts";
import { tapped } from "./support/tapped.ts";
import { readContent, TestPeer, type TestPeerOptions } from "./support/test-peer.ts";
import {
  type GivenTorrent,
  hashesOf,
  KIB,
  noise,
  temporaryDirectory,
  torrentOfLongInfo,
} from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const PIECE = LIMITS.metadata.pieceBytes;

/** Listens, offers metadata of that size, and answers as it is told. */
async function rawSource(
  { metainfo }: GivenTorrent,
  at: string,
  answer: (metadata: RawMetadata, piece: number) => void,
  size = metainfo.info.length,
) {
  const sources: { raw: RawPeer; metadata: RawMetadata }[] = [];
  const endpoint = await RawPeer.listen({ infoHash: metainfo.infoHash, at }, (raw) => {
    const metadata = new RawMetadata(raw, size);
    sources.push({ raw, metadata });
    raw.handshake();
    raw.wire.on("extended", (name) => {
      if (name !== "ut_metadata") return;
      const last = metadata.messages.at(-1);
      if (last?.m === "request") answer(metadata, last.piece);
    });
  });
  return { endpoint, sources };
}

function give(metadata: RawMetadata, piece: number, { info }: Metainfo, spoil = false): void {
  const bytes = Uint8Array.from(info.subarray(piece * PIECE, (piece + 1) * PIECE));
  if (spoil) bytes[0] = (bytes[0] ?? 0) ^ 1;
  metadata.send({ m: "data", piece, totalSize: info.length, bytes });
}

async function privateTorrent(): Promise<GivenTorrent> {
  const content = noise(100 * KIB);
  const shape = { name: "secret", length: content.length, "piece length": 16 * KIB };
  const bytes = encodeBencode({ info: { ...shape, pieces: hashesOf(content, 16 * KIB), private: 1 } });
  return { bytes, content, metainfo: await parseMetainfo(bytes, "given.torrent") };
}

/** Dials, and gives the pieces in this order when all are asked for. */
async function dialAndGive(to: Endpoint, { metainfo }: GivenTorrent, pieces: readonly number[]) {
  const raw = await RawPeer.dial(to, { at: "127.4.0.1", infoHash: metainfo.infoHash });
  const metadata = new RawMetadata(raw, metainfo.info.length);
  raw.handshake();
  await metadata.received("request", pieces.length);
  for (const piece of pieces) give(metadata, piece, metainfo);
}

describe("a peer with a magnet link", () => {
  it("gets the metadata from a peer that its tracker names, and then the content", async () => {
    const torrent = await torrentOfLongInfo();
    const tracker = await MeetingPoint.open();
    await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true });
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, byMagnet: {} });
    expect(peer.torrent.status()).toMatchObject({ state: "metadata", infoHash: torrent.metainfo.infoHash });
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
    expect(peer.torrent.status()).toMatchObject({ state: "seeding", name: "torrent", asn: 2 });
    expect(peer.torrent.status().metadata).toBeUndefined();
  });

  it("gets it without a tracker from a peer that the link names, and from one that dials it", async () => {
    const torrent = await torrentOfLongInfo();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", byMagnet: { peers: [seed.endpoint] } });
    await peer.complete();
    const dialled = await TestPeer.start(torrent, { at: "127.3.0.1", byMagnet: {} });
    await dialAndGive(dialled.endpoint, torrent, [2, 1, 0]);
    await until("it is the torrent", () => dialled.torrent.status().state === "downloading");
  });

  it.each(["prefer", "require"] as const)(
    "gets it encrypted with `--encryption %s`, in and out",
    async (encryption) => {
      const torrent = await torrentOfLongInfo();
      const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true, encryption: "require" });
      const { at, overheard } = await tapped(seed.endpoint);
      const byMagnet = { peers: [at] };
      const peer = await TestPeer.start(torrent, { at: "127.2.0.1", encryption, byMagnet });
      await peer.complete();
      expect(overheard.length).toBeGreaterThan(0);
      expect(overheard.some(({ fromDialler }) => fromDialler.includes("BitTorrent protocol"))).toBe(false);
      // Nobody tells this one of anybody: it has its metadata from whoever dials it.
      const dialled = await TestPeer.start(torrent, { at: "127.3.0.1", encryption: "require", byMagnet: {} });
      const tracker = await MeetingPoint.open();
      tracker.list(dialled.endpoint);
      await TestPeer.start(torrent, { at: "127.1.0.2", seeds: true, tracker, encryption });
      await until("it is the torrent", () => dialled.torrent.status().state === "downloading");
    },
  );

  it("dials nobody for the content before what there is of it was checked, however long that takes", async () => {
    const torrent = await torrentOfLongInfo();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    const { at, overheard } = await tapped(seed.endpoint);
    const clock = new ManualClock();
    const checking = Promise.withResolvers<void>();
    const checked = Promise.withResolvers<void>();
    const dir = await temporaryDirectory();
    const openStorage = async () => {
      checking.resolve();
      await checked.promise;
      const storage = await FileStorage.open(torrent.metainfo, dir);
      return { storage, have: new PieceSet(torrent.metainfo.pieceCount) };
    };
    const options = { at: "127.2.0.1", byMagnet: { peers: [at] }, clock, dir, openStorage };
    const peer = await TestPeer.start(torrent, options);
    await checking.promise;
    expect(overheard).toHaveLength(1);
    // Of what AS it is, is not known by then; and a connection takes a few turns.
    clock.advance(LIMITS.peer.locateTimeoutMs + 1);
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve));
    expect(overheard).toHaveLength(1);
    checked.resolve();
    await advanceUntil(clock, "it is complete", () => peer.torrent.status().state === "seeding");
    expect(overheard).toHaveLength(2);
  });

  it("takes over limits, and a rule to stop by, that were set before there was metadata", async () => {
    const torrent = await torrentOfLongInfo();
    const peer = await TestPeer.start(torrent, {
      at: "127.2.0.1",
      byMagnet: {},
      limits: { up: 9_000_000 },
    });
    expect(peer.torrent.limits).toEqual(NO_LIMITS);
    peer.torrent.setLimits({ down: 5_000_000 });
    expect(() => peer.torrent.setLimits({ up: 0 })).toThrow("up must be above 0");
    expect(peer.torrent.files).toEqual([]);
    await expect(peer.torrent.setFiles(new Map([[0, "skip"]]))).rejects.toThrow("before the metadata");
    peer.torrent.setStopRule({ ratio: 0 });
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    peer.torrent.hearOf([seed.endpoint]);
    await until("it stops by its rule", () => peer.shared.length > 0);
    expect(peer.shared).toEqual(["it has sent 0 times its size"]);
    expect(peer.torrent.limits).toEqual({ ...NO_LIMITS, down: 5_000_000 });
    expect(peer.session.limits).toEqual({ ...NO_LIMITS, up: 9_000_000 });
    expect(new Set(peer.torrent.files)).toEqual(new Set(["normal"]));
  });

  it("says that it has nobody to ask, without trackers and DHT, until somebody comes", async () => {
    const torrent = await torrentOfLongInfo();
    const log = keptLog();
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", log: log.log, byMagnet: {} });
    expect(peer.torrent.status()).toMatchObject({ state: "metadata", tracker: "none" });
    expect(log.lines.map(({ msg }) => msg)).toContainEqual(
      expect.stringMatching(/^the link names no tracker, and the DHT is off: --dht finds peers/),
    );
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    peer.torrent.hearOf([seed.endpoint]);
    await peer.complete();
    expect(peer.torrent.status().tracker).toBeUndefined();
  });

  it.each<[string, () => Promise<Partial<TestPeerOptions>>]>([
    ["the DHT", async () => ({ dht: { bootstrap: [] } })],
    ["a tracker", async () => ({ tracker: await ScriptedTracker.listen(), awaitsTracker: false })],
  ])("does not say so where %s may know somebody", async (_, somebody) => {
    const torrent = await torrentOfLongInfo();
    const log = keptLog();
    const options = { at: "127.2.0.1", log: log.log, byMagnet: {}, ...(await somebody()) };
    const peer = await TestPeer.start(torrent, options);
    expect(peer.torrent.status()).toMatchObject({ state: "metadata" });
    expect(peer.torrent.status().tracker).toBeUndefined();
    expect(log.lines.filter(({ event }) => event === "metadata")).toEqual([]);
  });

  it("does not warn where the link names a peer, and says so as long as it does not come", async () => {
    const torrent = await torrentOfLongInfo();
    const log = keptLog();
    const nobody = { address: "127.3.0.1", port: 9 } as Endpoint;
    const peer = await TestPeer.start(torrent, {
      at: "127.2.0.1",
      log: log.log,
      byMagnet: { peers: [nobody] },
    });
    await until("it has dialled in vain", () => peer.torrent.status().tracker === "none");
    expect(log.lines.filter(({ event }) => event === "metadata")).toEqual([]);
  });

  it("bans who sends metadata of something else, and gets it from another", async () => {
    const torrent = await torrentOfLongInfo();
    const log = keptLog();
    const liar = await rawSource(torrent, "127.3.0.1", (metadata, piece) =>
      give(metadata, piece, torrent.metainfo, true),
    );
    const peers = [liar.endpoint];
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", log: log.log, byMagnet: { peers } });
    await until("the liar is banned", () => log.lines.some(({ event }) => event === "banned"));
    const again = await RawPeer.dial(peer.endpoint, { at: "127.3.0.1", infoHash: torrent.metainfo.infoHash });
    again.handshake();
    await again.closed();
    expect(again.count("handshake")).toBe(0);
    await dialAndGive(peer.endpoint, torrent, [0, 1, 2]);
    await until("it is the torrent", () => peer.torrent.status().state === "downloading");
  });

  it.each<[string, (metadata: RawMetadata, piece: number) => void]>([
    ["rejects", (metadata, piece) => metadata.send({ m: "reject", piece })],
    [
      "sends pieces that were not asked for",
      (metadata) => metadata.send({ m: "data", piece: 9, totalSize: 40_000, bytes: new Uint8Array(PIECE) }),
    ],
    [
      "sends a piece beyond the end",
      (metadata) =>
        metadata.send({ m: "data", piece: 2 ** 40, totalSize: 40_000, bytes: new Uint8Array(PIECE) }),
    ],
  ])("leaves a peer that %s", async (_, answer) => {
    const torrent = await torrentOfLongInfo();
    const source = await rawSource(torrent, "127.3.0.1", answer);
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", byMagnet: { peers: [source.endpoint] } });
    await until("it was dialled", () => source.sources.length > 0);
    await source.sources[0]?.raw.closed();
    expect(peer.torrent.status().state).toBe("metadata");
  });

  it("that finds its torrent private knows nobody any more but whom the tracker tells of (BEP 27)", async () => {
    const torrent = await privateTorrent();
    const { infoHash } = torrent.metainfo;
    let heardOf = 0;
    const other = await RawPeer.listen({ infoHash, at: "127.4.0.1" }, () => heardOf++);
    let dials = 0;
    const source = await RawPeer.listen({ infoHash, at: "127.3.0.1" }, (raw) => {
      dials++;
      const metadata = new RawMetadata(raw, torrent.metainfo.info.length);
      const pex = new RawPex(raw);
      raw.handshake();
      raw.wire.on("extended", async (name) => {
        if (name !== "ut_metadata") return;
        pex.send({ added: [other], dropped: [] });
        await until("the one that it was told of is dialled", () => heardOf > 0);
        give(metadata, 0, torrent.metainfo);
      });
    });
    const tracker = await MeetingPoint.open();
    const found = { exchangesPeers: true, localDiscovery: true, byMagnet: { peers: [source] } };
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", tracker, ...found });
    expect(peer.torrent.isDiscoverable).toBe(true);
    await until("it is the torrent", () => peer.torrent.status().state === "downloading");
    expect(peer.torrent.isDiscoverable).toBe(false);
    await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true, tracker });
    await peer.complete();
    expect({ dials, heardOf }).toEqual({ dials: 1, heardOf: 1 });
  });

  it("asks nothing of a peer whose metadata would be larger than 16 MiB, and says so", async () => {
    const torrent = await torrentOfLongInfo();
    const log = keptLog();
    const source = await rawSource(torrent, "127.3.0.1", () => undefined, LIMITS.metadata.bytes + 1);
    const peers = [source.endpoint];
    await TestPeer.start(torrent, { at: "127.2.0.1", log: log.log, byMagnet: { peers } });
    await until("it was dialled", () => source.sources.length > 0);
    await source.sources[0]?.raw.closed();
    expect(source.sources[0]?.metadata.messages).toEqual([]);
    expect(log.lines.map(({ msg }) => msg)).toContainEqual(expect.stringContaining("16777217 bytes"));
  });

  it("leaves a peer that is silent for 20 s", async () => {
    const torrent = await torrentOfLongInfo();
    const clock = new ManualClock();
    const source = await rawSource(torrent, "127.3.0.1", () => undefined);
    await TestPeer.start(torrent, { at: "127.2.0.1", clock, byMagnet: { peers: [source.endpoint] } });
    await until("it was asked", () => (source.sources[0]?.metadata.messages.length ?? 0) === 3);
    const askedAt = clock.now();
    await advanceUntil(clock, "it was left", () => source.sources[0]?.raw.isClosed === true);
    expect(clock.now() - askedAt).toBeGreaterThanOrEqual(LIMITS.metadata.silenceMs);
  });

  it("fetches from three at a time, whoever offers it", async () => {
    const torrent = await torrentOfLongInfo();
    const sources = await Promise.all(
      [3, 4, 5, 6, 7].map((n) => rawSource(torrent, `127.${n}.0.1`, () => undefined)),
    );
    const peers = sources.map(({ endpoint }) => endpoint);
    await TestPeer.start(torrent, { at: "127.2.0.1", byMagnet: { peers } });
    const raws = () => sources.flatMap((source) => source.sources);
    await until("all shook hands", () => raws().filter(({ raw }) => raw.count("extended") > 0).length === 5);
    const asked = () => raws().filter(({ metadata }) => metadata.messages.length > 0);
    await until("some were asked", () => asked().length === LIMITS.metadata.downloadsAtOnce);
    asked()[0]?.raw.socket.destroy();
    await until("another one is asked", () => asked().length === LIMITS.metadata.downloadsAtOnce + 1);
  });

  it("keeps the metadata: started again, it needs nobody", async () => {
    const torrent = await torrentOfLongInfo();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    const peers = [seed.endpoint];
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", byMagnet: { peers } });
    await peer.complete();
    await Promise.all([peer.stop(), seed.stop()]);
    const again = await TestPeer.start(torrent, { at: "127.2.0.1", dir: peer.dir, byMagnet: {} });
    await again.complete();
    expect(again.torrent.status()).toMatchObject({ state: "seeding", name: "torrent" });
  });

  it("fetches it again where what was kept is damaged, and never takes it for the torrent", async () => {
    const torrent = await torrentOfLongInfo();
    const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
    const first = await TestPeer.start(torrent, { at: "127.2.0.1", byMagnet: { peers: [seed.endpoint] } });
    await first.complete();
    await first.stop();
    const kept = `.${torrent.metainfo.infoHash}.torrent`;
    expect(await readdir(first.dir)).toContain(kept);
    await rm(join(first.dir, "torrent"), { recursive: true });
    await writeFile(join(first.dir, kept), "d4:infod");
    const options = { at: "127.2.0.1", dir: first.dir, byMagnet: { peers: [seed.endpoint] } };
    const second = await TestPeer.start(torrent, options);
    await second.complete();
    expect((await readContent(torrent, second.dir)).equals(torrent.content)).toBe(true);
  });

  it("tells that its tracker is not reached, or refuses, as long as that lasts and it is not stopped", async () => {
    const tracker = await ScriptedTracker.listen();
    const clock = new ManualClock();
    const options = { at: "127.2.0.1", tracker, clock, byMagnet: {} };
    const { torrent } = await TestPeer.start(await torrentOfLongInfo(), options);
    expect(torrent.status()).not.toHaveProperty("tracker");
    const answers: readonly [(asked: Asked) => void, TorrentStatus["tracker"]][] = [
      [(asked) => asked.reset(), "unreachable"],
      [(asked) => asked.accept({ interval: 1, minInterval: 1 }), undefined],
      [(asked) => asked.fail("not today"), "refused"],
    ];
    for (const [answer, trouble] of answers) {
      const asked = tracker.next();
      await advanceUntil(clock, "it announces", () => torrent.trackers()[0]?.isAsked === true);
      answer(await asked);
      await until("that is known", () => torrent.status().tracker === trouble);
    }
    expect(torrent.status().state).toBe("metadata");
    const stopped = torrent.stop();
    (await tracker.next()).accept();
    await stopped;
    expect(torrent.status()).not.toHaveProperty("tracker");
  });

  it("ends at once when it is stopped in the middle", async () => {
    const torrent = await torrentOfLongInfo();
    const source = await rawSource(torrent, "127.3.0.1", () => undefined);
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", byMagnet: { peers: [source.endpoint] } });
    await until("it was asked", () => (source.sources[0]?.metadata.messages.length ?? 0) > 0);
    await peer.stop();
    await source.sources[0]?.raw.closed();
    expect(peer.torrent.status().state).toBe("stopped");
  });
});
