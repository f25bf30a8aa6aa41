import { ManualClock, seededRandom } from "@cachetorrent/clock";
import { type Endpoint, encodeBencode, LIMITS, type Policy, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { parseMetainfo } from "../src/metainfo/metainfo.ts";
import { PeerTable } from "../src/neighbours/peer-table.ts";
import { CACHE, COORDINATED, MeetingPoint } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { RawPex } from "./support/raw-pex.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf, torrentWith } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const PIECES = 40;
const aTorrent = () => torrentOf([{ path: ["a"], content: noise(PIECES * 16 * KIB) }]);

/** Who is dialled there, as they come. */
async function listening({ metainfo }: GivenTorrent, at: string, n: number) {
  const met: RawPeer[] = [];
  const options = {
    at,
    infoHash: metainfo.infoHash,
    peerId: numberedPeerId(n),
    ctCache: { pieceCount: PIECES },
  };
  const at_ = await RawPeer.listen(options, (raw) => {
    met.push(raw);
    raw.handshake();
  });
  return { endpoint: at_, met, peerId: options.peerId };
}

/** A member of AS 1 that is led by another, and is told by a third one of an endpoint inside, one outside and one of an AS that nobody knows. */
async function told(policy: Policy) {
  const torrent = await aTorrent();
  const tracker = await MeetingPoint.open();
  const head = await listening(torrent, "127.1.0.9", 900_009);
  tracker.tell({ policy, leaders: [head] });
  const peer = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, exchangesPeers: true });
  await until("the head is met", () => head.met.length > 0);
  const inside = await listening(torrent, "127.1.0.7", 900_007);
  const outside = await listening(torrent, "127.2.0.7", 900_027);
  const nowhere = await listening(torrent, "127.3.0.7", 900_037);
  tracker.places.set(nowhere.endpoint.address, UNKNOWN_ASN);
  const gossip = await RawPeer.dial(peer.endpoint, { at: "127.1.0.3", infoHash: torrent.metainfo.infoHash });
  const pex = new RawPex(gossip);
  gossip.handshake();
  await gossip.received("extended");
  pex.send({ added: [outside.endpoint, nowhere.endpoint, inside.endpoint], dropped: [] });
  await until("the tracker was asked where they are", () =>
    [inside, outside, nowhere].every((one) => tracker.located.some(({ port }) => port === one.endpoint.port)),
  );
  return { head, inside, nowhere, outside, peer };
}

describe("peers that other peers tell of", () => {
  it("are met, where there is no tracker", async () => {
    const torrent = await aTorrent();
    const seed = await TestPeer.start(torrent, {
      at: "127.1.0.1",
      seeds: true,
      exchangesPeers: true,
      limitUp: 16 * KIB,
    });
    const options = { exchangesPeers: true, byMagnet: { peers: [seed.endpoint] } };
    const one = await TestPeer.start(torrent, { ...options, at: "127.2.0.1" });
    const other = await TestPeer.start(torrent, { ...options, at: "127.3.0.1" });
    await until("the two know each other", () => one.peers === 2 && other.peers === 2);
    expect(one.torrent.status().state).toBe("downloading");
  });

  it("are not spoken of about a private torrent, nor where that is switched off", async () => {
    const { bytes } = await aTorrent();
    const info = { name: "f", length: 20_000, "piece length": 16 * KIB, pieces: new Uint8Array(40) };
    const isPrivate = encodeBencode({ info: { ...info, private: 1 } });
    const spoken = async (torrent: Uint8Array, exchangesPeers: boolean) => {
      const metainfo = await parseMetainfo(torrent, "given.torrent");
      const given = { metainfo, bytes: torrent, content: new Uint8Array() };
      const peer = await TestPeer.start(given, { at: "127.1.0.1", exchangesPeers });
      const raw = await RawPeer.join(peer.endpoint, { at: "127.2.0.1", infoHash: metainfo.infoHash });
      await raw.received("extended");
      return Object.keys(raw.wire.peerExtendedMapping);
    };
    expect(await spoken(bytes, true)).toContain("ut_pex");
    expect(await spoken(bytes, false)).not.toContain("ut_pex");
    expect(await spoken(isPrivate, true)).not.toContain("ut_pex");
  });

  it("are not dialled about a private torrent, of which nobody was asked to tell", async () => {
    const open = await aTorrent();
    const bytes = torrentWith({ private: 1, name: "told of by peers" });
    const hidden = { bytes, metainfo: await parseMetainfo(bytes, "given"), content: new Uint8Array() };
    const peer = await TestPeer.start([hidden, open], { at: "127.1.0.1", exchangesPeers: true });
    const tellOf = async (torrent: GivenTorrent, n: number) => {
      const stranger = await listening(torrent, `127.1.0.${n}`, 900_000 + n);
      const { infoHash } = torrent.metainfo;
      const gossip = await RawPeer.dial(peer.endpoint, { at: "127.1.0.3", infoHash });
      const pex = new RawPex(gossip);
      gossip.handshake();
      await gossip.received("extended");
      return { ...stranger, gossip, pex };
    };
    const [ofHidden, ofOpen] = [await tellOf(hidden, 4), await tellOf(open, 5)];
    expect(ofHidden.pex.id).toBeUndefined();
    const id = ofOpen.pex.id ?? expect.unreachable();
    ofHidden.pex.sendUnasked(id, { added: [ofHidden.endpoint], dropped: [] });
    await ofHidden.gossip.ping();
    ofOpen.pex.sendUnasked(id, { added: [ofOpen.endpoint], dropped: [] });
    await until("the one of the open torrent is met", () => ofOpen.met.length > 0);
    await ofOpen.met[0]?.received("extended");
    expect(ofHidden.met).toEqual([]);
  });

  it("are dialled by a follower if they are in its AS, and not if they are in another or in one that nobody knows", async () => {
    const { inside, nowhere, outside, peer } = await told(CACHE);
    expect(peer.torrent.status().role).toBe("follower");
    await until("the one inside is met", () => inside.met.length > 0);
    await inside.met[0]?.received("extended");
    expect(outside.met).toEqual([]);
    expect(nowhere.met).toEqual([]);
  });

  it("are for a member under `coordinated` what their AS makes them: outside it asks for what was granted only", async () => {
    const { head, outside, peer } = await told(COORDINATED);
    expect(peer.torrent.status().role).toBe("member");
    await until("the one outside is met", () => outside.met.length > 0);
    const raw = outside.met[0] as RawPeer;
    await raw.received("extended");
    raw.wire.haveAll();
    raw.wire.unchoke();
    await until("the head is asked", () => head.met.some((one) => one.toldOf("claim").length > 0));
    expect(head.met.flatMap((one) => one.toldOf("claim"))[0]?.from).toEqual(outside.endpoint);
    expect(raw.count("request")).toBe(0);
  });

  it("are read from one message a minute, and no more of them than a message may have", async () => {
    const torrent = await aTorrent();
    const clock = new ManualClock();
    const peer = await TestPeer.start(torrent, { at: "127.1.0.1", clock, exchangesPeers: true });
    const met = await Promise.all([4, 5].map((n) => listening(torrent, `127.1.0.${n}`, 900_000 + n)));
    const raw = await RawPeer.dial(peer.endpoint, { at: "127.1.0.3", infoHash: torrent.metainfo.infoHash });
    const pex = new RawPex(raw);
    raw.handshake();
    await until("hands are shaken", () => {
      clock.advance(100);
      return raw.count("extended") > 0;
    });
    const [first, second] = met.map((one) => one.endpoint) as [Endpoint, Endpoint];
    pex.send({ added: [first], dropped: [] });
    pex.send({ added: [second], dropped: [] });
    await until("the first is met", () => {
      clock.advance(100);
      return met[0]?.met.length === 1;
    });
    await raw.ping();
    expect(met[1]?.met).toEqual([]);
    clock.advance(LIMITS.discovery.pexLeastMs);
    pex.send({ added: [second], dropped: [] });
    await until("the second is met", () => {
      clock.advance(100);
      return met[1]?.met.length === 1;
    });
  });
});

describe("the table of peers, of those that no tracker told of,", () => {
  const nobody = () => false;
  const numbered = (n: number) => endpoint(`198.19.${n >> 8}.${n & 255}:6881`);

  it("gives those first that a tracker told of", () => {
    const table = new PeerTable(seededRandom(1), nobody);
    table.hearOf(Array.from({ length: 100 }, (_, n) => numbered(n)));
    table.learn([numbered(1000), numbered(7)]);
    expect([table.next(0, nobody), table.next(0, nobody)].map((one) => one?.address).sort()).toEqual(
      [numbered(7).address, numbered(1000).address].sort(),
    );
    expect(table.next(0, nobody)).toBeDefined();
    expect(table.isListed(numbered(7))).toBe(true);
    expect(table.isListed(numbered(8))).toBe(false);
  });

  it("keeps a quarter at most, so that a tracker's find room", () => {
    const table = new PeerTable(seededRandom(1), nobody);
    table.hearOf(Array.from({ length: 3000 }, (_, n) => numbered(n)));
    expect(table.size).toBe(LIMITS.discovery.heardOfMost);
    table.learn([numbered(5000)]);
    expect(table.isListed(numbered(5000))).toBe(true);
  });
});
