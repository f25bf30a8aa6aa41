import { describe, expect, test } from "vitest";
import {
  decodeUdpTrackerAnswer,
  decodeUdpTrackerRequest,
  encodeUdpTrackerAnswer,
  encodeUdpTrackerRequest,
  infoHashFromBytes,
  LIMITS,
  peerIdFromBytes,
  type UdpAnnounceRequest,
  unwrap,
} from "../src/index.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");
const bytesOf = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

const announce: UdpAnnounceRequest = {
  action: "announce",
  transactionId: 0x01020304,
  connectionId: 0xdeadbeef01234567n,
  infoHash: infoHashFromBytes(new Uint8Array(20).fill(0xaa)),
  peerId: peerIdFromBytes(new Uint8Array(20).fill(0xbb)),
  downloaded: 1,
  left: 2,
  uploaded: 3,
  event: "started",
  key: 0x0a0b0c0d,
  port: 6881,
  urlData: "",
};

describe("requests over UDP", () => {
  test("a connect is laid out as BEP 15 says", () => {
    const bytes = encodeUdpTrackerRequest({ action: "connect", transactionId: 0xfffefdfc });
    expect(hex(bytes)).toBe("000004172710198000000000fffefdfc");
  });

  test("an announce is laid out as BEP 15 says", () => {
    const layout = [
      "deadbeef01234567 00000001 01020304",
      "aa".repeat(20),
      "bb".repeat(20),
      "0000000000000001 0000000000000002 0000000000000003",
      "00000002 00000000 0a0b0c0d ffffffff 1ae1",
    ];
    expect(hex(encodeUdpTrackerRequest(announce))).toBe(layout.join("").replaceAll(" ", ""));
  });

  test("path and query of the URL follow it, in parts of 255 bytes (BEP 41)", () => {
    const urlData = `/announce?key=${"k".repeat(300)}`;
    const options = encodeUdpTrackerRequest({ ...announce, urlData }).subarray(98);
    expect([...options.subarray(0, 2)]).toEqual([2, 255]);
    expect([...options.subarray(257, 259)]).toEqual([2, urlData.length - 255]);
    expect(options.length).toBe(urlData.length + 4);
  });

  test("options that are not known, and those after the end, are passed over (BEP 41)", () => {
    const options = bytesOf("01 07 02 ffff 02 02 2f61 00 02 01 62");
    const bytes = Buffer.concat([encodeUdpTrackerRequest(announce), options]);
    expect(unwrap(decodeUdpTrackerRequest(bytes))).toEqual({ ...announce, urlData: "/a" });
  });

  test("URL data has a bound", () => {
    const most = "u".repeat(LIMITS.udpTracker.urlBytes);
    expect(unwrap(decodeUdpTrackerRequest(encodeUdpTrackerRequest({ ...announce, urlData: most })))).toEqual({
      ...announce,
      urlData: most,
    });
    expect(() => encodeUdpTrackerRequest({ ...announce, urlData: `${most}u` })).toThrow(RangeError);
    const more = Buffer.concat([
      encodeUdpTrackerRequest({ ...announce, urlData: most }),
      bytesOf("02 01 75"),
    ]);
    expect(decodeUdpTrackerRequest(more)).toMatchObject({ ok: false, error: { code: "CT_ERR_ANNOUNCE" } });
  });

  test.each([
    ["15 bytes", "000004172710198000000000fffefd", "too short"],
    ["another protocol", "000004172710198100000000fffefdfc", "no connect request"],
    ["a scrape", "000004172710198000000002fffefdfc", "unknown action: 2"],
    ["half an announce", "000004172710198000000001fffefdfc", "too short for an announce"],
  ])("%s is no request", (_, text, message) => {
    expect(decodeUdpTrackerRequest(bytesOf(text))).toMatchObject({
      error: { message: expect.stringContaining(message) },
    });
  });
});

describe("answers over UDP", () => {
  const head = "00000001 01020304 00000708 00000002 00000003";

  test("peers are of 6 bytes over IPv4 and of 18 over IPv6", () => {
    const known = { action: "announce", transactionId: 0x01020304, interval: 1800, leechers: 2, seeders: 3 };
    expect(unwrap(decodeUdpTrackerAnswer(bytesOf(`${head} c6120001 1ae1`), "IPv4"))).toEqual({
      ...known,
      peers: [{ address: "198.18.0.1", port: 6881 }],
    });
    const v6 = `${head} 20010db8000000000000000000000001 1ae1`;
    expect(unwrap(decodeUdpTrackerAnswer(bytesOf(v6), "IPv6"))).toEqual({
      ...known,
      peers: [{ address: "2001:db8::1", port: 6881 }],
    });
  });

  test("a peer with port 0 is none", () => {
    expect(unwrap(decodeUdpTrackerAnswer(bytesOf(`${head} c6120001 0000`), "IPv4"))).toMatchObject({
      peers: [],
    });
  });

  test("of a datagram as large as there are, so many peers are taken as the limit says", () => {
    const peers = Buffer.alloc(65_502 - 20, 1);
    const answer = unwrap(decodeUdpTrackerAnswer(Buffer.concat([bytesOf(head), peers]), "IPv4"));
    expect(answer.action === "announce" && answer.peers.length).toBe(LIMITS.udpTracker.peers);
  });

  test("an error is cut off", () => {
    const long = encodeUdpTrackerAnswer({ action: "error", transactionId: 1, message: "x".repeat(60_000) });
    expect(unwrap(decodeUdpTrackerAnswer(long, "IPv4"))).toMatchObject({ message: "x".repeat(500) });
  });

  test.each([
    ["nothing", "", "too short for an answer"],
    ["7 bytes", "00000000010203", "too short for an answer"],
    ["half a connection id", "00000000 01020304 0506", "too short for a connection id"],
    ["half an announce's", "00000001 01020304 0506", "too short for an answer to an announce"],
    ["a part of a peer", `${head} c6120001 1a`, "no multiple of 6"],
    ["another action", "00000007 01020304", "unknown action: 7"],
  ])("%s is no answer", (_, text, message) => {
    expect(decodeUdpTrackerAnswer(bytesOf(text), "IPv4")).toMatchObject({
      error: { code: "CT_ERR_ANSWER", message: expect.stringContaining(message) },
    });
  });
});
