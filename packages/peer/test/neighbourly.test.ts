import { describe, expect, it } from "vitest";
import { MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, readContent, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = 16 * KIB;

/** 6 pieces of 2 blocks. */
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(6 * 2 * BLOCK) }], 2 * BLOCK);

async function given() {
  const torrent = await aTorrent();
  const tracker = await MeetingPoint.open();
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker });
  const join = (n: number, fast = true) => {
    const { infoHash } = torrent.metainfo;
    return RawPeer.join(peer.endpoint, {
      at: `127.9.0.${n}`,
      infoHash,
      fast,
      peerId: numberedPeerId(900_000 + n),
    });
  };
  return { torrent, peer, join };
}

function serve(raw: RawPeer, { content, metainfo }: GivenTorrent): void {
  raw.wire.on("request", (piece, begin, length) => {
    const start = piece * metainfo.pieceLength + begin;
    raw.wire.piece(piece, begin, content.subarray(start, start + length));
  });
}

describe("a downloading peer", () => {
  it("is interested in whoever has a piece it lacks, until it has it, and tells the others", async () => {
    const { join, peer, torrent } = await given();
    const [giver, other] = [await join(1), await join(2)];
    serve(giver, torrent);
    giver.wire.have(3);
    await giver.received("interested");
    giver.wire.unchoke();
    await giver.received("uninterested");
    await other.received("have");
    expect(other.messages.filter(([name]) => name === "have")).toEqual([["have", 3]]);
    expect(other.count("interested")).toBe(0);
    giver.wire.have(4);
    await giver.received("interested", 2);
    await until("that one is there too", () => peer.receivedBytes === 4 * BLOCK);
    await other.received("have", 2);
    expect(giver.count("have")).toBe(0);
  });

  it("takes haves, and bitfields in mid connection, as they come", async () => {
    const { join, peer, torrent } = await given();
    const giver = await join(1, false);
    serve(giver, torrent);
    giver.wire.unchoke();
    giver.wire.have(0);
    await until("the first piece is there", () => peer.receivedBytes === 2 * BLOCK);
    giver.wire.bitfield(Buffer.of(0b1110_0000));
    await until("two more are there", () => peer.receivedBytes === 6 * BLOCK);
    giver.wire.bitfield(Buffer.of(0b1111_1100));
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  });

  it("takes have all in mid connection as the rest of the haves", async () => {
    const { join, peer, torrent } = await given();
    const giver = await join(1);
    serve(giver, torrent);
    giver.wire.unchoke();
    giver.wire.have(0);
    await until("the first piece is there", () => peer.receivedBytes === 2 * BLOCK);
    giver.wire.haveAll();
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  });

  it.each([
    ["without the fast extension by the choke itself", false],
    ["with it by each reject", true],
  ])("knows that its requests are void, %s, and asks anew when unchoked", async (_, fast) => {
    const { join, peer, torrent } = await given();
    const giver = await join(1, fast);
    giver.wire.bitfield(Buffer.of(0b1111_1100));
    giver.wire.unchoke();
    await giver.received("request", 4);
    giver.wire.choke();
    serve(giver, torrent);
    giver.wire.unchoke();
    await peer.complete();
    expect(giver.count("request")).toBe(4 + 12);
    expect(giver.count("cancel")).toBe(0);
  });

  it("goes on with others when one disconnects with blocks under way", async () => {
    const { join, peer, torrent } = await given();
    const [leaver, other] = [await join(1), await join(2)];
    leaver.wire.haveAll();
    leaver.wire.unchoke();
    await leaver.received("request", 4);
    serve(other, torrent);
    leaver.socket.resetAndDestroy();
    other.wire.haveAll();
    other.wire.unchoke();
    await peer.complete();
    expect((await readContent(torrent, peer.dir)).equals(torrent.content)).toBe(true);
  });

  it("uploads what it has verified to whoever asks", async () => {
    const { join, torrent } = await given();
    const [giver, taker] = [await join(1), await join(2)];
    serve(giver, torrent);
    giver.wire.have(5);
    giver.wire.unchoke();
    await taker.received("have");
    taker.wire.interested();
    await taker.received("unchoke");
    taker.request(5, BLOCK, BLOCK);
    await taker.received("piece");
    expect(taker.blocks[0]?.block).toEqual(Uint8Array.from(torrent.content.subarray(11 * BLOCK, 12 * BLOCK)));
  });
});
