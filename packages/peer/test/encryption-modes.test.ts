import { ManualClock } from "@cachetorrent/clock";
import { formatEndpoint } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { ENCRYPTION_MODES, type EncryptionMode } from "../src/encryption/encryption-mode.ts";
import { KeyExchange } from "../src/encryption/key-exchange.ts";
import { keptLog, type LogLine } from "./support/kept-log.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { type Overheard, tapped } from "./support/tapped.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

/** What somebody on the way can read: all, all but the first handshake, or nothing; or there is no way. */
type Way = "plain" | "encrypted handshake" | "encrypted" | "none";

/** When a peer of one mode dials one of the other, in the order of the modes. */
const WAYS: Readonly<Record<EncryptionMode, readonly Way[]>> = {
  off: ["plain", "plain", "plain", "none"],
  allow: ["plain", "plain", "plain", "encrypted"],
  prefer: ["plain", "encrypted handshake", "encrypted", "encrypted"],
  require: ["none", "encrypted", "encrypted", "encrypted"],
};

const aTorrent = () => torrentOf([{ path: ["a"], content: noise(300 * KIB) }], 64 * KIB);

/** A leecher that dials a seed, and what is overheard between them. */
async function between(dialling: EncryptionMode, dialled: EncryptionMode) {
  const torrent = await aTorrent();
  // Nobody tells the seed of anybody, so it dials nobody.
  const seed = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true, encryption: dialled });
  const { at, overheard } = await tapped(seed.endpoint);
  const tracker = await MeetingPoint.open();
  tracker.list(at);
  const clock = new ManualClock();
  const { lines: leecherLines, log: leecherLog } = keptLog();
  const leecher = await TestPeer.start(torrent, {
    at: "127.1.0.2",
    tracker,
    encryption: dialling,
    clock,
    log: leecherLog,
  });
  return { clock, dialledAt: formatEndpoint(at), leecher, leecherLines, overheard, torrent };
}

function wayOf({ fromDialler, fromDialled }: Overheard, content: Buffer): Way | "mixed" {
  const isNamed = fromDialler.includes("BitTorrent protocol");
  const isContentSeen = fromDialled.includes(content.subarray(0, 64));
  if (isNamed !== isContentSeen) return "mixed";
  if (!isNamed) return "encrypted";
  return fromDialler.indexOf("\x13BitTorrent protocol") === 0 ? "plain" : "encrypted handshake";
}

describe.each(ENCRYPTION_MODES)("a peer with `--encryption %s`", (dialling) => {
  it.each(ENCRYPTION_MODES.map((mode, at) => [mode, WAYS[dialling][at]] as const))(
    "that dials one with `%s` comes to it: %s",
    async (dialled, way) => {
      const { clock, leecher, overheard, torrent } = await between(dialling, dialled);
      if (way === "none") {
        await advanceUntil(clock, "it was dialled twice in vain", () => overheard.length > 2);
        expect(leecher.peers).toBe(0);
        expect(leecher.receivedBytes).toBe(0);
        return;
      }
      await advanceUntil(clock, "the download is complete", () => leecher.completed.size > 0, 10);
      expect(await readContent(torrent, leecher.dir)).toEqual(torrent.content);
      const last = overheard.at(-1);
      expect(last && wayOf(last, Buffer.from(torrent.content))).toBe(way);
      // Payload alone counts, whatever it was wrapped in.
      expect(leecher.receivedBytes).toBe(torrent.content.length);
    },
  );
});

describe("encryption", () => {
  it("that is preferred and not to be had costs a second dial, once", async () => {
    const { clock, leecher, overheard } = await between("prefer", "off");
    await advanceUntil(clock, "the download is complete", () => leecher.completed.size > 0, 10);
    expect(overheard).toHaveLength(2);
  });

  it("that is begun and not gone on with is dropped after 10 s, on either side", async () => {
    const torrent = await aTorrent();
    const { infoHash } = torrent.metainfo;
    const clock = new ManualClock();
    const tracker = await MeetingPoint.open();
    const dialled: RawPeer[] = [];
    tracker.list(await RawPeer.listen({ at: "127.9.0.2", infoHash }, (raw) => void dialled.push(raw)));
    const { log, reasonsFor } = keptLog();
    const peer = await TestPeer.start(torrent, {
      at: "127.1.0.1",
      tracker,
      encryption: "require",
      clock,
      log,
    });
    await advanceUntil(clock, "it has dialled", () => dialled.length > 0);
    const raw = await RawPeer.dial(peer.endpoint, { at: "127.9.0.1", infoHash });
    raw.socket.write(new KeyExchange().publicKey);
    await until("it is answered", () => raw.socket.bytesRead >= 96);
    await until("it has begun", () => (dialled[0]?.socket.bytesRead ?? 0) >= 96);
    clock.advance(9_000);
    expect([raw.isClosed, dialled[0]?.isClosed]).toEqual([false, false]);
    clock.advance(1_000);
    await raw.closed();
    await dialled[0]?.closed();
    expect(reasonsFor(raw.from)).toEqual(["no handshake in time"]);
    await until("it is forgotten", () => peer.torrent.connectionCount === 0);
  });

  it("that is required and was not offered is told of, once a minute", async () => {
    const torrent = await aTorrent();
    const clock = new ManualClock();
    const { lines, log } = keptLog();
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1", encryption: "require", clock, log });
    const refused: RawPeer[] = [];
    for (let n = 0; n < 3; n++) {
      const raw = await RawPeer.dial(peer.endpoint, {
        at: "127.9.0.1",
        infoHash: torrent.metainfo.infoHash,
      });
      raw.handshake();
      await raw.closed();
      refused.push(raw);
    }
    const told = () => toldOf(lines, "refused");
    const msg = "not encrypted, and --encryption is require";
    expect(told()).toEqual([{ count: 1, endpoint: refused[0]?.from, msg }]);
    clock.advance(60_000);
    await until("the others are told of", () => told().length > 1);
    expect(told().slice(1)).toEqual([{ count: 2, endpoint: refused[2]?.from, msg }]);
  });

  it("that is required and that a peer does not take is told of by whoever dialled it, once a minute", async () => {
    const { clock, dialledAt, leecher, leecherLines } = await between("require", "off");
    const msg = "does not take encryption, and --encryption is require";
    await advanceUntil(clock, "it is told of", () => toldOf(leecherLines, "passed over").length > 0, 10);
    expect(toldOf(leecherLines, "passed over")).toEqual([{ count: 1, endpoint: dialledAt, msg }]);
    await advanceUntil(
      clock,
      "the later ones are told of",
      () => toldOf(leecherLines, "passed over").length > 1,
    );
    expect(toldOf(leecherLines, "passed over")[1]).toMatchObject({ endpoint: dialledAt, msg });
    expect(leecher.peers).toBe(0);
  });
});

/** What an operator who asked for no more than the default sees of it. */
function toldOf(lines: readonly LogLine[], wanted: string) {
  return lines
    .filter(({ event, level }) => event === wanted && level >= 30)
    .map(({ count, endpoint, msg }) => ({ count, endpoint, msg }));
}
