import { ManualClock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import type { ChokerKind } from "../src/exchange/choker.ts";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { advanceUntil, until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const PEERS = 8;

/** A seed that 8 peers, each of an AS of its own, want something of; its clock is moved by hand. */
async function given(choker: ChokerKind) {
  const torrent = await torrentOf([{ path: ["a"], content: noise(8 * BLOCK) }], 2 * BLOCK);
  const clock = new ManualClock(1_700_000_000_000);
  const tracker = await MeetingPoint.open();
  const seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, seeds: true, choker, clock });
  const { infoHash } = torrent.metainfo;
  const peers: RawPeer[] = [];
  for (let n = 1; n <= PEERS; n++) {
    const options = { infoHash, at: `127.${10 + n}.0.1`, peerId: numberedPeerId(900_000 + n), clock };
    const raw = await RawPeer.join(seed.endpoint, options);
    raw.wire.interested();
    peers.push(raw);
  }
  const unchoked = () => peers.filter((raw) => raw.count("unchoke") > raw.count("choke"));
  return { clock, peers, unchoked };
}

/** Until it has all that the seed said so far: a request of one byte is rejected while it is choked, and served otherwise. */
async function heard(raw: RawPeer): Promise<void> {
  const answers = () => raw.count("reject") + raw.count("piece");
  const before = answers();
  raw.socket.write(Buffer.from([0, 0, 0, 13, 6, ...Buffer.alloc(11), 1]));
  await until("the seed answers", () => answers() > before);
}

describe.for<ChokerKind>(["tit-for-tat", "random"])("on the wire, the %s choker", (kind) => {
  it("has 4 slots and one more at random, and gives them anew every 10 s", async () => {
    const { clock, peers, unchoked } = await given(kind);
    await advanceUntil(clock, "the slots are taken", () => unchoked().length === LIMITS.peer.uploadSlots + 1);
    const first = new Set(unchoked());
    const later = new Set<RawPeer>(first);
    for (let round = 0; round < 12 && later.size < PEERS; round++) {
      clock.advance(LIMITS.peer.rechokeMs);
      for (const raw of peers) await heard(raw);
      expect(unchoked().length).toBe(LIMITS.peer.uploadSlots + 1);
      for (const raw of unchoked()) later.add(raw);
    }
    expect(later.size).toBe(PEERS);
  });
});
