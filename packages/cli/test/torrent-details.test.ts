import type { TorrentView } from "@cachetorrent/control";
import type { PeerDetails } from "@cachetorrent/peer";
import type { InfoHash } from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import { peerLines, torrentText } from "../src/daemon/torrent-details.ts";

const torrent: TorrentView = {
  infoHash: "ab".repeat(20) as InfoHash,
  name: "release",
  state: "downloading",
  length: 1000,
  verifiedBytes: 0,
  checkedFraction: 1,
  rateIn: 0,
  rateOut: 0,
  internalBytes: 0,
  externalBytes: 0,
  sentBytes: 0,
  peers: 0,
  role: "independent",
  asn: 0 as TorrentView["asn"],
  leads: false,
  dir: "/srv",
  addedAt: 0,
  limits: {} as TorrentView["limits"],
  stopRule: {},
};

it("a torrent's status has a line for each web seed: what it gave, what it does, and why it does nothing", () => {
  const text = torrentText({
    ...torrent,
    webSeeds: [
      { url: "http://h/", state: "asking", receivedBytes: 1024 },
      { url: "http://i/", state: "resting", receivedBytes: 0, restsUntil: 5000, reason: "answered 503" },
      { url: "http://j/", state: "dropped", receivedBytes: 0, reason: "sent bad\u001b[2J data" },
    ],
  });
  expect(text.split("\n").filter((line) => line.startsWith("web seed"))).toEqual([
    "web seed   http://h/, 1.00 KiB received, asking",
    "web seed   http://i/, 0 B received, resting until 1970-01-01T00:00:05.000Z, it answered 503",
    "web seed   http://j/, 0 B received, left out, it sent bad\ufffd[2J data",
  ]);
});

const waiting: TorrentView = { ...torrent, role: "pending" };

it.each<[string, TorrentView]>([
  ["independent", torrent],
  ["leader, elected leader, term 3", { ...torrent, role: "leader", leads: true, term: 3 }],
  ["pending, waiting for the tracker", waiting],
  ["pending, no tracker answers", { ...waiting, tracker: "unreachable" }],
  ["pending, the tracker refuses", { ...waiting, state: "seeding", tracker: "refused" }],
  ["pending, waiting for leaders, term 2", { ...waiting, policy: "cache", term: 2 }],
  ["pending, waiting for metadata", { ...waiting, state: "metadata" }],
  ["pending, no tracker answers", { ...waiting, state: "metadata", tracker: "unreachable" }],
  ["pending, no tracker: --dht finds peers", { ...waiting, state: "metadata", tracker: "none" }],
  // These wait for nobody.
  ["pending", { ...waiting, state: "checking" }],
  ["pending", { ...waiting, state: "paused" }],
  ["pending", { ...waiting, state: "stopped" }],
  ["pending", { ...waiting, state: "failed" }],
])("a torrent's status says of its role: %s", (words, view) => {
  expect(torrentText(view).split("\n")).toContain(`role       ${words}`);
});

it("a torrent's status says in words what its claim books have seen, where it may keep one", () => {
  const claims = { asked: 40, granted: 1, denied: 3, expired: 0 };
  expect(torrentText({ ...torrent, claims }).split("\n")).toContain(
    "claim book  40 claims asked, 3 denied; 1 piece granted, 0 grants expired",
  );
});

it.each<[string, string, Partial<TorrentView>]>([
  ["state", "stopped by its rule (at ratio 2)", { state: "stopped", stopRule: { ratio: 2 } }],
  ["state", "stopped by its rule", { state: "stopped" }],
  ["state", "seeding", { state: "seeding", stopRule: { ratio: 2 } }],
  ["size", "unknown", { state: "metadata", length: 0, metadata: { received: 0, size: 0 } }],
])("a torrent's status says of its %s: %s", (title, words, more) => {
  expect(torrentText({ ...torrent, ...more }).split("\n")).toContain(`${title.padEnd(10)} ${words}`);
});

it("a torrent's status says nothing of web seeds and claims where there are none", () => {
  expect(torrentText(torrent)).not.toMatch(/web seed|claim/);
});

it("peers are lines of a table: who has dialled, on which side they are, how much they have, and what they run", () => {
  const hex = (id: string) => Buffer.from(id.padEnd(20, "0"), "latin1").toString("hex");
  const peer = { direction: "out", isInternal: false, fraction: 1, rateIn: 0, rateOut: 0, isMember: true };
  const peers = [
    { ...peer, endpoint: "198.18.2.1:6881", asn: 64502, peerId: hex("-CT0100-"), rateIn: 2_000_000 },
    {
      ...peer,
      direction: "in",
      endpoint: "198.18.1.7:51413",
      asn: 64501,
      isInternal: true,
      fraction: 0.4567,
    },
    { ...peer, endpoint: "[2001:db8::1]:1", asn: 0, fraction: 0, rateOut: 1500 },
  ].map((one) => ({ peerId: hex("-T\u001b4060-"), ...one }));
  peers[1] = { ...(peers[1] as (typeof peers)[0]), isMember: false };
  expect(peerLines(peers as unknown as PeerDetails[])).toEqual([
    "PEER                      AS  SIDE        HAS         IN        OUT  CLIENT",
    "to 198.18.2.1:6881     64502  external   100%  2.00 MB/s      0 B/s  CT0100",
    "from 198.18.1.7:51413  64501  internal  45.6%      0 B/s      0 B/s  T\ufffd4060, stock",
    "to [2001:db8::1]:1         ?  external   0.0%      0 B/s  1.50 kB/s  T\ufffd4060",
  ]);
  expect(peerLines([])).toEqual(["no peers"]);
});
