import { createSocket } from "node:dgram";
import { ScaledClock, systemClock } from "@cachetorrent/clock";
import {
  type Address,
  asBytes,
  asDict,
  asText,
  type Bencodable,
  type BencodeDict,
  decodeBencodeDict,
  type Endpoint,
  encodeBencode,
  formatEndpoint,
  idBytes,
  isIPv6,
  LIMITS,
  unwrap,
} from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it, onTestFinished } from "vitest";
import { cutKrpc, isSoundKrpc } from "../src/discovery/krpc-message.ts";
import { parseMetainfo } from "../src/metainfo/metainfo.ts";
import { keptLog } from "./support/kept-log.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { saidOfDht } from "./support/said-of-dht.ts";
import { TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf, torrentWith } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const aTorrent = () => torrentOf([{ path: ["a"], content: noise(40 * 16 * KIB) }]);
const id = Buffer.alloc(20, 1);
const query = (q: string, a: Record<string, Bencodable>, t = "aa") => encodeBencode({ t, y: "q", q, a });

describe("peers that take part in the DHT", () => {
  it.each([
    ["IPv4", { first: "127.1.0.1", host: "127.1.0.1", others: ["127.2.0.1", "127.3.0.1"] }],
    ["IPv6", { first: "[::1]:0", host: "[::1]", others: ["[::1]:0", "[::1]:0"] }],
    ["IPv4, by one of both", { first: "[::]:0", host: "127.0.0.1", others: ["127.2.0.1", "127.3.0.1"] }],
    ["IPv6, by one of both", { first: "[::]:0", host: "[::1]", others: ["[::1]:0", "[::1]:0"] }],
  ] as const)(
    "find each other over %s, without a tracker: two know the third",
    async (_, { first, host, others: [one, another] }) => {
      const torrent = await aTorrent();
      const other = await torrentOf([{ path: ["b"], content: noise(16 * KIB, 2) }]);
      const node = await TestPeer.start(other, { at: first, dht: { bootstrap: [] } });
      const dht = { bootstrap: [`${host}:${node.endpoint.port}`] };
      // Of two who search at the same moment neither finds the other until they search again.
      const clock = new ScaledClock(systemClock, 10);
      await TestPeer.start(torrent, { at: one, clock, dht, seeds: true });
      const peer = await TestPeer.start(torrent, { at: another, clock, dht, byMagnet: {} });
      await until("the metadata is there", () => peer.torrent.status().metadata === undefined);
      await peer.complete();
    },
  );

  it("look again soon for whom they have not found, and so find who announced meanwhile", async () => {
    const torrent = await aTorrent();
    const other = await torrentOf([{ path: ["b"], content: noise(16 * KIB, 2) }]);
    const node = await TestPeer.start(other, { at: "127.1.0.1", dht: { bootstrap: [] } });
    const { log, lines } = keptLog();
    const dht = { bootstrap: [formatEndpoint(node.endpoint)] };
    await TestPeer.start(torrent, { at: "127.2.0.1", dht, log, clock: new ScaledClock(systemClock, 10) });
    await until("it has searched", () => lines.some(({ msg }) => msg === "announced to the DHT"));

    const { infoHash } = torrent.metainfo;
    const info_hash = idBytes(infoHash);
    let dialled = 0;
    const { port } = await RawPeer.listen({ at: "127.9.0.1", infoHash }, () => dialled++);
    const raw = await rawNode("127.9.0.1", node.endpoint);
    const { token } = await raw.answerTo("get_peers", { id, info_hash });
    await raw.answerTo("announce_peer", { id, info_hash, port, token: asBytes(token) as Uint8Array });
    await until("it dials who announced", () => dialled > 0);
  });

  it("listen at their port beside local discovery, though they know a node to ask at once", async () => {
    const torrent = await aTorrent();
    const first = await TestPeer.start(torrent, { at: "127.1.0.1", dht: { bootstrap: [] } });
    const dht = { bootstrap: [formatEndpoint(first.endpoint)] };
    const peer = TestPeer.start(torrent, { at: "127.2.0.1", dht, localDiscovery: true });
    await expect(peer).resolves.toBeDefined();
  });

  it("tell a peer their node's port, but not about a private torrent", async () => {
    const torrent = await aTorrent();
    const bytes = torrentWith({ private: 1 });
    const hidden = {
      bytes,
      metainfo: await parseMetainfo(bytes, "given.torrent"),
      content: new Uint8Array(),
    };
    const peer = await TestPeer.start([torrent, hidden], { at: "127.1.0.1", dht: { bootstrap: [] } });
    const said = ({ metainfo }: GivenTorrent) => saidOfDht(peer.endpoint, metainfo.infoHash);
    expect(await said(torrent)).toEqual({ ports: [peer.endpoint.port], isOffered: [true] });
    expect(await said(hidden)).toEqual({ ports: [], isOffered: [false] });
    expect([...peer.session.torrents].map(({ isDiscoverable }) => isDiscoverable)).toEqual([true, false]);
  });

  it("answer whoever asks, whatever came before", async () => {
    const peer = await TestPeer.start(await aTorrent(), { at: "127.1.0.1", dht: { bootstrap: [] } });
    const raw = await rawNode("127.9.0.1", peer.endpoint);
    const hostile = [
      Buffer.from("nonsense"),
      Buffer.from("d1:y1:qe"),
      query("find_node", { id, target: 5 }),
      query("get_peers", { id, info_hash: "short" }),
      query("announce_peer", { id, info_hash: id, port: 1, token: 5 }),
      query("put", { id, token: "x", v: "y" }),
      encodeBencode({ t: 5, y: "r", r: { id } }),
      encodeBencode({ t: "aa", y: "e", e: 5 }),
      Buffer.concat([Buffer.from("l".repeat(700)), Buffer.from("e".repeat(700))]),
    ];
    for (const bytes of hostile) await raw.send(bytes);
    expect(asBytes((await raw.answerTo("ping", { id })).id)?.length).toBe(20);
  });

  it.each([
    ["IPv4", "127.1.0.1", "127.9.0.1", "nodes", 26],
    ["IPv6", "[::1]:0", "::1", "nodes6", 38],
  ] as const)(
    "tell of the eight nodes that are closest, of whom they know by %s",
    async (_, at, from, list, size) => {
      const peer = await TestPeer.start(await aTorrent(), { at, dht: { bootstrap: [] } });
      const raw = await rawNode(from, peer.endpoint);
      // In buckets of their own: one has room for twenty. And apart in the first bits, which are all that the library compares.
      const { id: own } = await raw.answerTo("ping", { id });
      const ids = Array.from({ length: 30 }, (_, bit) => [[bit], [bit, bit + 2]]).flatMap((pair) =>
        pair.map((bits) => flipped(asBytes(own) as Uint8Array, bits)),
      );
      for (const one of ids) await raw.send(query("ping", { id: one }, "ping"));
      const target = ids[30] as Buffer;
      for (const given of [{ target }, { info_hash: target }]) {
        const reply = await raw.answerTo("target" in given ? "find_node" : "get_peers", { id, ...given });
        const nodes = Buffer.from(asBytes(reply[list]) as Uint8Array);
        const told = Array.from({ length: nodes.length / size }, (_, n) =>
          nodes.subarray(n * size, n * size + 20),
        );
        const closest = ids.toSorted((a, b) => Buffer.compare(distance(a, target), distance(b, target)));
        expect(told.map((one) => one.toString("hex"))).toEqual(
          closest.slice(0, 8).map((one) => one.toString("hex")),
        );
      }
    },
  );

  it.each([
    ["IPv6", { asker: "127.0.0.1", other: "::1", want: "n6", list: "nodes6", bytes: 38 }],
    ["IPv4", { asker: "::1", other: "127.0.0.1", want: "n4", list: "nodes", bytes: 26 }],
  ] as const)(
    "tell whoever wants them of nodes of %s, too (BEP 32)",
    async (_, { asker, bytes, list, other, want }) => {
      const { endpoint } = await TestPeer.start(await aTorrent(), { at: "[::]:0", dht: { bootstrap: [] } });
      const at = (address: string) => ({ address: address as Address, port: endpoint.port });
      const there = await rawNode(other, at(other));
      const hex = "0b".repeat(20);
      await there.answerTo("ping", { id: Buffer.from(hex, "hex") });
      const raw = await rawNode(asker, at(asker));
      for (const [name, given] of [
        ["find_node", { id, target: id }],
        ["get_peers", { id, info_hash: id }],
      ] as const) {
        expect(await raw.answerTo(name, given)).not.toHaveProperty(list);
        const reply = await raw.answerTo(name, { ...given, want: [want] });
        const nodes = Buffer.from(asBytes(reply[list]) as Uint8Array);
        expect(nodes.length).toBe(bytes);
        expect(nodes.toString("hex")).toContain(hex);
        expect(nodes.readUInt16BE(bytes - 2)).toBe(there.port);
      }
    },
  );

  it("that know no node over IPv6 ask for some over IPv4", async () => {
    const first = await TestPeer.start(await aTorrent(), { at: "[::]:0", dht: { bootstrap: [] } });
    const { port } = first.endpoint;
    const there = await rawNode("::1", { address: "::1" as Address, port });
    await there.answerTo("ping", { id });
    const dht = { bootstrap: [`127.0.0.1:${port}`] };
    const peer = await TestPeer.start(await aTorrent(), { at: "[::]:0", dht });
    await until("the node of IPv6 is asked", () => there.askedFrom.has(peer.endpoint.port));
  });
});

/** A node of which the test writes each message. */
async function rawNode(at: string, other: Endpoint) {
  const socket = createSocket(isIPv6(other.address) ? "udp6" : "udp4");
  onTestFinished(() => void socket.close());
  await new Promise<void>((resolve) => socket.bind(0, at, resolve));
  const replies: BencodeDict[] = [];
  const askedFrom = new Set<number>();
  socket.on("message", (bytes, from) => {
    const { r, t } = unwrap(decodeBencodeDict(bytes));
    const reply = asDict(r);
    if (!reply) askedFrom.add(from.port);
    else if (asText(t) === "aa") replies.push(reply);
  });
  const send = (bytes: Uint8Array) =>
    new Promise<void>((resolve) => socket.send(bytes, other.port, other.address, () => resolve()));
  return {
    send,
    port: socket.address().port,
    /** The ports that queries came from. */
    askedFrom,
    /** The reply to this query, while there is no other but to those with a transaction of another name. */
    async answerTo(name: string, given: Record<string, Bencodable>): Promise<BencodeDict> {
      replies.length = 0;
      await send(query(name, given));
      await until(`${name} is answered`, () => replies.length > 0);
      return replies[0] as BencodeDict;
    },
  };
}

/** An id that differs from the given one in these bits. */
function flipped(id: Uint8Array, bits: readonly number[]): Buffer {
  const other = Buffer.from(id);
  for (const bit of bits) other[bit >> 3] = (other[bit >> 3] as number) ^ (0x80 >> (bit & 7));
  return other;
}

function distance(a: Buffer, b: Buffer): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] as number)));
}

describe("a message of the DHT", () => {
  it.each([
    ["a ping", query("ping", { id })],
    ["a search for nodes", query("find_node", { id, target: id })],
    ["a search for peers", query("get_peers", { id, info_hash: id })],
    ["an announce", query("announce_peer", { id, info_hash: id, port: 1, token: "t" })],
    ["a reply", encodeBencode({ t: "aa", y: "r", r: { id, nodes: "", token: "t", values: ["abcdef"] } })],
    ["an error", encodeBencode({ t: "aa", y: "e", e: [201, "x"] })],
  ])("is sound as %s", (_, bytes) => {
    expect(isSoundKrpc(bytes)).toBe(true);
  });

  it.each([
    ["peers of another length", encodeBencode({ t: "aa", y: "r", r: { id, values: ["abcde"] } })],
    ["a reply without an id", encodeBencode({ t: "aa", y: "r", r: {} })],
    ["an id of 19 bytes", query("ping", { id: id.subarray(1) })],
    ["no transaction", encodeBencode({ y: "q", q: "ping", a: { id } })],
    ["1,401 bytes", query("ping", { id, x: Buffer.alloc(1345) })],
  ])("is not with %s", (_, bytes) => {
    expect(isSoundKrpc(bytes)).toBe(false);
  });

  it("is read or not, whatever comes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(isSoundKrpc(bytes)).toBeTypeOf("boolean");
      }),
    );
  });

  it("is cut where it would tell of more peers than fit into a datagram", () => {
    const values = Array.from({ length: 5000 }, () => Buffer.from("abcdef"));
    const long = encodeBencode({ t: "aa", y: "r", r: { id, token: "t", values } });
    const cut = cutKrpc(long) as Uint8Array;
    expect(cut.length).toBeLessThanOrEqual(LIMITS.discovery.dhtBytes);
    expect(isSoundKrpc(cut)).toBe(true);
    const token = Buffer.alloc(1400);
    expect(cutKrpc(encodeBencode({ t: "aa", y: "r", r: { id, token, values } }))).toBeUndefined();
    expect(cutKrpc(query("ping", { id, token }))).toBeUndefined();
  });
});
