import { encodeBencode, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { RawMetadata } from "./support/raw-metadata.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, torrentOfLongInfo } from "./support/torrents.ts";
import { until } from "./support/until.ts";

async function askingSeed(torrent: GivenTorrent) {
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true });
  const { infoHash } = torrent.metainfo;
  const raw = await RawPeer.dial(peer.endpoint, { at: "127.2.0.1", infoHash });
  const metadata = new RawMetadata(raw);
  raw.handshake();
  await raw.received("extended");
  return { raw, metadata };
}

describe("a peer that has the metadata", () => {
  it("says how long it is, and gives every piece of it that is asked for", async () => {
    const torrent = await torrentOfLongInfo();
    const { metadata, raw } = await askingSeed(torrent);
    const { info } = torrent.metainfo;
    expect(raw.wire.peerExtendedHandshake.metadata_size).toBe(info.length);
    for (const piece of [2, 0, 1]) metadata.send({ m: "request", piece });
    await metadata.received("data", 3);
    const data = metadata.of("data");
    expect(data.map(({ piece }) => piece)).toEqual([2, 0, 1]);
    for (const { totalSize } of data) expect(totalSize).toBe(info.length);
    const inOrder = data.toSorted((a, b) => a.piece - b.piece).map(({ bytes }) => bytes);
    expect(Buffer.concat(inOrder).equals(info)).toBe(true);
  });

  it("rejects a piece that there is none of, and takes no offence at a message of a later version", async () => {
    const { metadata } = await askingSeed(await torrentOfLongInfo());
    metadata.sendUnknown();
    metadata.send({ m: "request", piece: 3 });
    await metadata.received("reject", 1);
    expect(metadata.messages).toEqual([{ m: "reject", piece: 3 }]);
  });

  it("gives it away twice over one connection, and rejects what is asked beyond", async () => {
    const { metadata } = await askingSeed(await torrentOfLongInfo());
    for (let times = 1; times <= 4; times++) {
      for (const piece of [0, 1, 2]) metadata.send({ m: "request", piece });
      await until("all is answered", () => metadata.messages.length === 3 * times);
    }
    expect(metadata.of("data")).toHaveLength(3 * LIMITS.metadata.timesServed);
    expect(metadata.of("reject")).toHaveLength(6);
  });

  it.each([
    ["no bencode", Buffer.from("nonsense")],
    ["no type", encodeBencode({ piece: 0 })],
    ["a negative piece", encodeBencode({ msg_type: 0, piece: -1 })],
    ["no piece", encodeBencode({ msg_type: 0 })],
    ["data without its size", encodeBencode({ msg_type: 1, piece: 0 })],
    [
      "more data than a piece has",
      Buffer.concat([
        encodeBencode({ msg_type: 1, piece: 0, total_size: 99_999 }),
        Buffer.alloc(16 * KIB + 1),
      ]),
    ],
  ])("closes a connection that sends %s", async (_, bytes) => {
    const { metadata, raw } = await askingSeed(await torrentOfLongInfo());
    metadata.send(bytes);
    await raw.closed();
    expect(raw.isClosed).toBe(true);
  });

  it("closes a connection that floods it with requests", async () => {
    const { metadata, raw } = await askingSeed(await torrentOfLongInfo());
    for (let n = 0; n <= 30 * LIMITS.metadata.messagesPerSecond; n++)
      metadata.send({ m: "request", piece: 0 });
    await raw.closed();
    expect(metadata.of("data").length).toBeLessThanOrEqual(6);
  });
});
