import { createSocket } from "node:dgram";
import { once } from "node:events";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { decodeLsd, encodeLsd } from "../src/discovery/lsd-message.ts";
import { parseMetainfo } from "../src/metainfo/metainfo.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { infoHash } from "./support/samples.ts";
import { TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf, torrentWith } from "./support/torrents.ts";
import { until } from "./support/until.ts";

describe("a message of local discovery", () => {
  it("is as BEP 14 has it", () => {
    const message = { port: 6881, infoHashes: [infoHash], cookie: "abc" };
    const bytes = encodeLsd(message, "239.192.152.143:6771");
    expect(Buffer.from(bytes).toString()).toBe(
      `BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\nPort: 6881\r\nInfohash: ${infoHash}\r\ncookie: abc\r\n\r\n\r\n`,
    );
    expect(decodeLsd(bytes)).toEqual(message);
  });

  it.each([
    ["of another protocol", "M-SEARCH * HTTP/1.1\r\nPort: 1\r\n"],
    ["without a port", `BT-SEARCH * HTTP/1.1\r\nInfohash: ${infoHash}\r\n`],
    ["with port 0", `BT-SEARCH * HTTP/1.1\r\nPort: 0\r\nInfohash: ${infoHash}\r\n`],
    ["with port 65536", `BT-SEARCH * HTTP/1.1\r\nPort: 65536\r\nInfohash: ${infoHash}\r\n`],
    ["without an info-hash", "BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: 12\r\n"],
    [
      "that is too long",
      `BT-SEARCH * HTTP/1.1\r\nPort: 1\r\nInfohash: ${infoHash}\r\nx: ${"x".repeat(1400)}`,
    ],
  ])("%s is none", (_, text) => {
    expect(decodeLsd(Buffer.from(text))).toBeUndefined();
  });

  it("is read or not, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1500 }), (tail) => {
        const bytes = Buffer.concat([Buffer.from("BT-SEARCH * HTTP/1.1\r\nPort: 1\r\n"), tail]);
        expect(decodeLsd(bytes)?.port ?? 1).toBeGreaterThan(0);
      }),
    );
  });
});

describe("peers in one network, by local discovery", () => {
  it("find each other without a tracker, by magnet link too", async () => {
    const torrent = await torrentOf([{ path: ["a"], content: noise(40 * 16 * KIB) }]);
    await TestPeer.start(torrent, { at: "127.1.0.1", seeds: true, localDiscovery: true });
    const peer = await TestPeer.start(torrent, { at: "127.2.0.1", localDiscovery: true });
    const byMagnet = await TestPeer.start(torrent, { at: "127.3.0.1", localDiscovery: true, byMagnet: {} });
    await Promise.all([peer.complete(), byMagnet.complete()]);
  });

  it("do not say that they have a private torrent", async () => {
    const bytes = torrentWith({ private: 1 });
    const given = { bytes, metainfo: await parseMetainfo(bytes, "given.torrent"), content: new Uint8Array() };
    const open = await torrentOf([{ path: ["a"], content: noise(16 * KIB) }]);
    const options = { localDiscovery: true };
    const one = await TestPeer.start([given, open], { ...options, at: "127.1.0.1" });
    const other = await TestPeer.start([given, open], { ...options, at: "127.2.0.1" });
    const peersOf = (peer: TestPeer) => [...peer.session.torrents].map((torrent) => torrent.status().peers);
    await until("they met about the other", () => peersOf(one)[1] === 1 && peersOf(other)[1] === 1);
    expect([peersOf(one)[0], peersOf(other)[0]]).toEqual([0, 0]);
    expect([...one.session.torrents].map(({ isDiscoverable }) => isDiscoverable)).toEqual([false, true]);
  });

  it("do not dial who says that it has a private torrent", async () => {
    const bytes = torrentWith({ private: 1, name: "told of by multicast" });
    const hidden = { bytes, metainfo: await parseMetainfo(bytes, "given"), content: new Uint8Array() };
    const open = await torrentOf([{ path: ["told of by multicast"], content: noise(16 * KIB) }]);
    await TestPeer.start([hidden, open], { at: "127.1.0.1", localDiscovery: true });
    const socket = createSocket("udp4").bind(0, "127.2.0.1");
    onTestFinished(() => void socket.close());
    await once(socket, "listening");
    socket.setMulticastInterface("127.2.0.1");
    const tellOf = async ({ metainfo }: GivenTorrent) => {
      const met: RawPeer[] = [];
      const options = { at: "127.2.0.1", infoHash: metainfo.infoHash };
      const { port } = await RawPeer.listen(options, (raw) => void met.push(raw));
      const message = { port, infoHashes: [metainfo.infoHash], cookie: "of nobody here" };
      socket.send(encodeLsd(message, "239.192.152.143:6771"), 6771, "239.192.152.143");
      return met;
    };
    const [ofHidden, ofOpen] = [await tellOf(hidden), await tellOf(open)];
    await until("who has the open one is dialled", () => ofOpen.length > 0);
    expect(ofHidden).toEqual([]);
  });
});
