import { describe, expect, test } from "vitest";
import {
  type Asn,
  decodeLeadersQuery,
  decodeLocateAnswer,
  decodeLocateQuery,
  decodeScrapeQuery,
  encodeLeadersQuery,
  encodeLocateAnswer,
  encodeLocateQuery,
  encodeScrapeAnswer,
  infoHashFromBytes,
  LIMITS,
  parseEndpoint,
  peerIdFromBytes,
  unwrap,
} from "../src/index.ts";

const endpoint = (text: string) => unwrap(parseEndpoint(text));
const infoHash = infoHashFromBytes(Buffer.from("aaaaaaaaaaaaaaaaaaa/"));
const peerId = peerIdFromBytes(Buffer.from("-CT0100-0123456789ab"));
const WHO = "info_hash=aaaaaaaaaaaaaaaaaaa%2f&peer_id=-CT0100-0123456789ab";

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

describe("the leaders' long poll", () => {
  test("names the peer, the swarm and the term it knows", () => {
    const query = { infoHash, peerId, term: 1_800_000_000_000 };
    expect(encodeLeadersQuery(query)).toBe(`${WHO}&term=1800000000000`);
    expect(unwrap(decodeLeadersQuery(`${WHO}&term=1800000000000`))).toEqual(query);
  });

  test("without a term knows none; a term that is no number is refused", () => {
    expect(unwrap(decodeLeadersQuery(WHO)).term).toBe(0);
    for (const term of ["", "x", "-1"]) {
      expect(decodeLeadersQuery(`${WHO}&term=${term}`)).toMatchObject({ error: { code: "CT_ERR_ANNOUNCE" } });
    }
    expect(decodeLeadersQuery("term=1").ok).toBe(false);
  });
});

describe("locate", () => {
  test("asks for endpoints of both families in hex", () => {
    const query = {
      infoHash,
      peerId,
      endpoints: [endpoint("198.18.0.1:6881"), endpoint("[2001:db8::1]:80")],
    };
    const encoded = `${WHO}&ep=c61200011ae1,20010db80000000000000000000000010050`;
    expect(encodeLocateQuery(query)).toBe(encoded);
    expect(unwrap(decodeLocateQuery(encoded))).toEqual(query);
    expect(unwrap(decodeLocateQuery(encoded.toUpperCase().replace(/^.*&EP=/, `${WHO}&ep=`)))).toEqual(query);
  });

  test.each(["", "c61200011a", "c61200011ae1,", "c61200011ae1c61200011ae1", "c61200011aeg"])(
    "ep=%s is refused",
    (ep) => {
      expect(decodeLocateQuery(`${WHO}&ep=${ep}`)).toMatchObject({
        ok: false,
        error: { code: "CT_ERR_ANNOUNCE" },
      });
    },
  );

  test("asks for at most 50 endpoints", () => {
    const most = LIMITS.tracker.locateEndpoints;
    const ask = (count: number) =>
      decodeLocateQuery(`${WHO}&ep=${Array(count).fill("c61200011ae1").join(",")}`);
    expect(unwrap(ask(most)).endpoints).toHaveLength(50);
    expect(ask(most + 1)).toMatchObject({ ok: false, error: { message: "more than 50 endpoints" } });
  });

  test("is answered with 4 bytes and one bit for each, most significant first", () => {
    const located = [64500, 0, 1, 2, 3, 4, 5, 6, 7].map((asn, i) => ({
      asn: asn as Asn,
      known: i % 8 === 0,
    }));
    const bytes = encodeLocateAnswer(located);
    expect(text(bytes)).toBe(
      "d4:asns36:\0\0\xfb\xf4\0\0\0\0\0\0\0\x01\0\0\0\x02\0\0\0\x03\0\0\0\x04\0\0\0\x05\0\0\0\x06\0\0\0\x07" +
        "5:known2:\x80\x80e",
    );
    expect(unwrap(decodeLocateAnswer(bytes, 9))).toEqual(located);
  });

  test("an answer to another number of endpoints is refused", () => {
    const bytes = encodeLocateAnswer([{ asn: 1 as Asn, known: true }]);
    expect(decodeLocateAnswer(bytes, 1).ok).toBe(true);
    expect(decodeLocateAnswer(bytes, 2)).toMatchObject({ ok: false, error: { code: "CT_ERR_ANSWER" } });
  });
});

describe("scrape", () => {
  const hashOf = (first: number) =>
    infoHashFromBytes(Uint8Array.from({ length: 20 }, (_, i) => (i === 0 ? first : 0x61)));

  test("asks for several info-hashes, among other parameters", () => {
    const query = `info_hash=${"%80"}${"a".repeat(19)}&key=1&info_hash=%2F${"a".repeat(19)}`;
    expect(unwrap(decodeScrapeQuery(query))).toEqual([hashOf(0x80), hashOf(0x2f)]);
  });

  test("without an info-hash is a full one", () => {
    expect(unwrap(decodeScrapeQuery(""))).toEqual([]);
    expect(unwrap(decodeScrapeQuery("xinfo_hash=a"))).toEqual([]);
  });

  test("with a broken info-hash, or more than 64, is refused", () => {
    expect(decodeScrapeQuery("info_hash=abc")).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_ANNOUNCE" },
    });
    const ask = (count: number) =>
      decodeScrapeQuery(
        Array(count)
          .fill(`info_hash=${"a".repeat(20)}`)
          .join("&"),
      );
    expect(unwrap(ask(64))).toHaveLength(64);
    expect(ask(65).ok).toBe(false);
  });

  test("is answered by raw info-hashes in the order of their bytes (BEP 48)", () => {
    const entry = (n: number) => ({ incomplete: n + 2, complete: n, downloaded: n + 1 });
    const files = new Map([
      [hashOf(0xff), entry(7)],
      [hashOf(0x00), entry(1)],
      [hashOf(0x80), entry(4)],
    ]);
    const tail = "a".repeat(19);
    expect(text(encodeScrapeAnswer(files))).toBe(
      "d5:filesd" +
        `20:\x00${tail}d8:completei1e10:downloadedi2e10:incompletei3ee` +
        `20:\x80${tail}d8:completei4e10:downloadedi5e10:incompletei6ee` +
        `20:\xff${tail}d8:completei7e10:downloadedi8e10:incompletei9ee` +
        "ee",
    );
    expect(text(encodeScrapeAnswer(new Map()))).toBe("d5:filesdee");
  });
});
