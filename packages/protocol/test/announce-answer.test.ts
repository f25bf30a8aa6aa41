import { describe, expect, test } from "vitest";
import {
  type AnnounceAnswer,
  type Asn,
  type CtAnswer,
  decodeAnnounceAnswer,
  decodeLeadersAnswer,
  encodeAnnounceAnswer,
  encodeFailure,
  encodeLeadersAnswer,
  LIMITS,
  parseEndpoint,
  peerIdFromBytes,
  UNKNOWN_ASN,
  unwrap,
} from "../src/index.ts";

const endpoint = (text: string) => unwrap(parseEndpoint(text));
const peerId = peerIdFromBytes(Buffer.from("-CT0100-0123456789ab"));
const A = 64500 as Asn;

const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const raw = (message: string) => Uint8Array.from(Buffer.from(message, "latin1"));
const decode = (message: string) => unwrap(decodeAnnounceAnswer(raw(message)));

const ct: CtAnswer = {
  asn: A,
  policy: { name: "biased", externalPercent: 10 },
  leaders: { term: 7, leaders: [{ peerId, endpoint: endpoint("198.18.0.1:6881"), up: 2, down: 3 }] },
};

const CT_COMMON =
  "7:leadersld4:downi3e2:id20:-CT0100-0123456789ab2:ip10:198.18.0.14:porti6881e2:upi2eee" +
  "6:policyd16:external percenti10e4:name6:biasede4:termi7e1:vi1e";

const answer: AnnounceAnswer = {
  interval: 1800,
  minInterval: 60,
  complete: 1,
  incomplete: 2,
  peers: [
    { endpoint: endpoint("198.18.0.1:6881"), asn: A },
    { endpoint: endpoint("[2001:db8::1]:80"), asn: UNKNOWN_ASN },
  ],
};

describe("an announce answer on the wire", () => {
  test("for a stock client: compact lists by family (BEP 23, BEP 7), no AS numbers", () => {
    expect(text(encodeAnnounceAnswer(answer, { compact: true }))).toBe(
      "d8:completei1e10:incompletei2e8:intervali1800e12:min intervali60e" +
        "5:peers6:\xc6\x12\x00\x01\x1a\xe16:peers618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50e",
    );
  });

  test("for a member: `ct`, with the AS of each entry in order", () => {
    expect(text(encodeAnnounceAnswer({ ...answer, ct }, { compact: true }))).toBe(
      `d8:completei1e2:ctd3:asni64500e4:asns4:\0\0\xfb\xf45:asns64:\0\0\0\0${CT_COMMON}e10:incompletei2e` +
        "8:intervali1800e12:min intervali60e" +
        "5:peers6:\xc6\x12\x00\x01\x1a\xe16:peers618:\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01\0\x50e",
    );
  });

  test("`peers6` is sent only when not empty", () => {
    const nobody = { interval: 1, complete: 0, incomplete: 0, peers: [] };
    expect(text(encodeAnnounceAnswer(nobody, { compact: true }))).toBe(
      "d8:completei0e10:incompletei0e8:intervali1e5:peers0:e",
    );
  });

  test("with dictionaries: peer ids unless unwanted, AS numbers for members only", () => {
    const one = {
      interval: 1,
      complete: 0,
      incomplete: 0,
      peers: [{ endpoint: endpoint("[::1]:9"), asn: A, peerId }],
    };
    expect(text(encodeAnnounceAnswer(one, { compact: false }))).toBe(
      "d8:completei0e10:incompletei0e8:intervali1e5:peersld2:ip3:::17:peer id20:-CT0100-0123456789ab4:porti9eeee",
    );
    expect(text(encodeAnnounceAnswer(one, { compact: false, noPeerId: true }))).toBe(
      "d8:completei0e10:incompletei0e8:intervali1e5:peersld2:ip3:::14:porti9eeee",
    );
    const forMember = { ...one, ct: { policy: { name: "bittorrent" as const } } };
    expect(text(encodeAnnounceAnswer(forMember, { compact: false, noPeerId: true }))).toBe(
      "d8:completei0e2:ctd6:policyd4:name10:bittorrente1:vi1ee10:incompletei0e8:intervali1e" +
        "5:peersld3:asni64500e2:ip3:::14:porti9eeee",
    );
  });

  test("a failure is a dictionary with its reason", () => {
    expect(text(encodeFailure("unknown peer"))).toBe("d14:failure reason12:unknown peere");
  });
});

describe("an answer of any tracker", () => {
  test("a failure reason is an error with that text, cut at 500 characters", () => {
    expect(decodeAnnounceAnswer(encodeFailure("no such torrent"))).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_TRACKER_FAILURE", message: "no such torrent" },
    });
    const long = decodeAnnounceAnswer(encodeFailure("x".repeat(10_000)));
    expect(long.ok ? "" : long.error.message).toHaveLength(500);
  });

  test.each([
    ["HTML", "<html>502 Bad Gateway</html>"],
    ["nothing", ""],
    ["a list", "le"],
    ["no interval", "d5:peers0:e"],
    ["a negative interval", "d8:intervali-1e5:peers0:e"],
    ["a compact list of a broken length", "d8:intervali1e5:peers7:1234567e"],
    ["a `ct` without a version", "d2:ctd6:policyd4:name5:cacheee8:intervali1ee"],
    ["a malformed leader", "d2:ctd7:leadersldee4:termi1e1:vi1ee8:intervali1ee"],
    ["more leaders than any tracker lists", `d2:ctd7:leadersl${"de".repeat(81)}e1:vi1ee8:intervali1ee`],
  ])("%s is refused", (_, message) => {
    expect(decodeAnnounceAnswer(raw(message))).toMatchObject({ ok: false, error: { code: "CT_ERR_ANSWER" } });
  });

  test("one larger than its bound is refused", () => {
    const size = LIMITS.bencode.answerBytes;
    expect(decodeAnnounceAnswer(raw(`d8:intervali1e1:x${size}:${"x".repeat(size)}e`))).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_ANSWER" },
    });
  });

  test("with only an interval has no peers", () => {
    expect(decode("d8:intervali1800ee")).toEqual({ interval: 1800, complete: 0, incomplete: 0, peers: [] });
  });

  test("unknown keys are ignored", () => {
    expect(decode("d11:external ip4:abcd8:intervali1e10:tracker id1:xe").peers).toEqual([]);
  });

  test("entries with port 0, out of range or with a host name are left out, and keep their AS in step", () => {
    const asns = "\0\0\0\x01\0\0\0\x02";
    expect(
      decode(`d2:ctd4:asns8:${asns}1:vi1ee8:intervali1e5:peers12:\x0a\0\0\x01\0\0\x0a\0\0\x02\0\x50e`).peers,
    ).toEqual([{ endpoint: endpoint("10.0.0.2:80"), asn: 2 }]);
    expect(
      decode(
        "d8:intervali1e5:peersl" +
          "d2:ip8:10.0.0.14:porti0ee" +
          "d2:ip8:10.0.0.14:porti65536ee" +
          "d2:ip11:example.org4:porti80ee" +
          "d2:ip8:10.0.0.1e" +
          "i7e" +
          "d2:ip8:10.0.0.27:peer id3:abc4:porti80ee" +
          "ee",
      ).peers,
    ).toEqual([{ endpoint: endpoint("10.0.0.2:80"), asn: UNKNOWN_ASN }]);
  });

  test("a list of AS numbers that is too short leaves the rest unknown", () => {
    const peers = "\x0a\0\0\x01\0\x50\x0a\0\0\x02\0\x50";
    expect(
      decode(`d2:ctd4:asns5:\0\0\0\x01\xff1:vi1ee8:intervali1e5:peers12:${peers}e`).peers.map(
        ({ asn }) => asn,
      ),
    ).toEqual([1, 0]);
  });

  test("a policy this version does not know is told by name", () => {
    const decoded = decode("d2:ctd6:policyd4:name9:federated6:reliefi1ee1:vi1ee8:intervali1ee");
    expect(decoded.ct).toEqual({ policy: { name: "unknown", said: "federated" } });
  });

  test("the unknown AS is no AS, and an external percentage is at most 100", () => {
    const decoded = decode(
      "d2:ctd3:asni0e6:policyd16:external percenti900e4:name6:biasede1:vi1ee8:intervali1ee",
    );
    expect(decoded.ct).toEqual({ policy: { name: "biased", externalPercent: 100 } });
  });
});

describe("the answer of the leaders' long poll", () => {
  test("is the `ct` dictionary itself", () => {
    expect(text(encodeLeadersAnswer(ct))).toBe(`d3:asni64500e${CT_COMMON}e`);
    expect(unwrap(decodeLeadersAnswer(encodeLeadersAnswer(ct)))).toEqual(ct);
  });

  test("before the first election it names no leaders", () => {
    const pending: CtAnswer = { asn: A, policy: { name: "bittorrent" } };
    expect(text(encodeLeadersAnswer(pending))).toBe("d3:asni64500e6:policyd4:name10:bittorrente1:vi1ee");
  });

  test("is a failure for an unknown peer", () => {
    expect(decodeLeadersAnswer(encodeFailure("unknown peer"))).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_TRACKER_FAILURE", message: "unknown peer" },
    });
  });
});
