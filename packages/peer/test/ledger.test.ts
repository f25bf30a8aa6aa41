import { expect, test } from "vitest";
import { Ledger } from "../src/accounts/ledger.ts";
import { asn, infoHash, peerId } from "./support/samples.ts";

const OWN = asn(64502);
const OTHER = asn(64503);
const UNKNOWN = asn(0);

test("a torrent's accounts begin empty, in the role pending", () => {
  const ledger = new Ledger(peerId);
  ledger.torrent(infoHash, 1000.4);
  expect(JSON.parse(JSON.stringify(ledger))).toEqual({
    peerId,
    torrents: [
      {
        infoHash,
        asn: 0,
        startedAt: 1000,
        firstAnnounceAt: null,
        completedAt: null,
        roles: [{ role: "pending", from: 1000, to: null, bytesByAsn: {}, piecesByAsn: {} }],
        sentByAsn: {},
        escapes: 0,
        webSeedBytes: 0,
        externalPieces: "",
      },
    ],
  });
});

test("what is received is entered under the role of its time and the sender's AS", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.received(OTHER, 10, 0);
  torrent.roleChanged("leader", 2000);
  torrent.received(OTHER, 5, 0);
  torrent.received(OTHER, 6, 0);
  torrent.received(OWN, 3, 0);
  torrent.pieceVerified(OTHER);
  torrent.pieceVerified(OTHER);
  expect(torrent.toJSON().roles).toEqual([
    { role: "pending", from: 1000, to: 2000, bytesByAsn: { 64503: 10 }, piecesByAsn: {} },
    {
      role: "leader",
      from: 2000,
      to: null,
      bytesByAsn: { 64502: 3, 64503: 11 },
      piecesByAsn: { 64503: 2 },
    },
  ]);
});

test("the role it has already opens no span", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.roleChanged("pending", 2000);
  expect(torrent.toJSON().roles).toHaveLength(1);
});

test("only the first announce and the first completion count", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  for (const at of [1500, 1600]) torrent.announced(at);
  for (const at of [2500, 2600]) torrent.completed(at);
  expect(torrent.toJSON()).toMatchObject({ firstAnnounceAt: 1500, completedAt: 2500 });
});

test("bytes are internal from the own AS, and external from any other and the unknown one", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.asn = OWN;
  torrent.received(OWN, 1, 0);
  torrent.received(OTHER, 20, 0);
  torrent.received(UNKNOWN, 300, 0);
  expect([torrent.internalBytes, torrent.externalBytes]).toEqual([1, 320]);
});

test("for a peer of unknown AS everything is external", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.received(UNKNOWN, 300, 0);
  torrent.received(OTHER, 20, 0);
  expect([torrent.internalBytes, torrent.externalBytes]).toEqual([0, 320]);
});

test("pieces are external when any byte of them came from outside, by the AS that is known at last", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.received(OWN, 1, 0);
  torrent.received(OTHER, 1, 1);
  torrent.received(OWN, 1, 1);
  torrent.received(UNKNOWN, 1, 9);
  expect(torrent.toJSON().externalPieces).toBe("c040");
  torrent.asn = OWN;
  expect(torrent.toJSON().externalPieces).toBe("4040");
});

test("external pieces are told as far as the last one, however many there are", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.received(OTHER, 1, 0);
  torrent.received(UNKNOWN, 1, 409_599);
  const { externalPieces } = torrent.toJSON();
  expect(externalPieces).toBe(`80${"00".repeat(51_198)}01`);
});

test("what is sent is entered by the receiver's AS, and escapes are counted", () => {
  const torrent = new Ledger(peerId).torrent(infoHash, 1000);
  torrent.sent(OTHER, 10);
  torrent.sent(UNKNOWN, 4);
  torrent.sent(OTHER, 10);
  torrent.escaped();
  expect(torrent.toJSON()).toMatchObject({ sentByAsn: { 0: 4, 64503: 20 }, escapes: 1 });
  expect(torrent.sentBytes).toBe(24);
});

test("of a torrent that begins anew the sums do, whatever AS is known later, and the accounts go on", () => {
  const ledger = new Ledger(peerId);
  ledger.beginAnew(infoHash);
  const torrent = ledger.torrent(infoHash, 1000);
  const move = () => {
    torrent.received(OWN, 10, 0);
    torrent.received(OTHER, 5, 0);
    torrent.sent(OTHER, 7);
  };
  move();
  ledger.beginAnew(infoHash);
  expect(torrent).toMatchObject({ internalBytes: 0, externalBytes: 0, sentBytes: 0 });
  torrent.asn = OWN;
  expect(torrent).toMatchObject({ internalBytes: 0, externalBytes: 0, sentBytes: 0 });
  move();
  expect(torrent).toMatchObject({ internalBytes: 10, externalBytes: 5, sentBytes: 7 });
  ledger.beginAnew(infoHash);
  move();
  expect(torrent).toMatchObject({ internalBytes: 10, externalBytes: 5, sentBytes: 7 });
  expect(ledger.traffic).toEqual([
    { asn: OWN, receivedByAsn: { 64502: 30, 64503: 15 }, sentByAsn: { 64503: 21 } },
  ]);
});

test("one torrent has one account, whoever asks for it", () => {
  const ledger = new Ledger(peerId);
  ledger.torrent(infoHash, 1000).sent(OWN, 1);
  expect(ledger.torrent(infoHash, 2000).toJSON()).toMatchObject({ startedAt: 1000, sentByAsn: { 64502: 1 } });
});

test("every entry shows in the count of entries", () => {
  const ledger = new Ledger(peerId);
  const torrent = ledger.torrent(infoHash, 1000);
  const entries: (() => void)[] = [
    () => torrent.received(OWN, 1, 0),
    () => torrent.sent(OWN, 1),
    () => torrent.pieceVerified(OWN),
    () => torrent.roleChanged("leader", 2000),
    () => torrent.announced(2000),
    () => torrent.completed(2000),
    () => torrent.escaped(),
    () => {
      torrent.asn = OWN;
    },
  ];
  for (const enter of entries) {
    const before = ledger.entries;
    enter();
    expect(ledger.entries).toBe(before + 1);
  }
});
