import { describe, expect, test } from "vitest";
import {
  type CtCacheMessage,
  DENY_REASONS,
  decodeCtCache,
  encodeCtCache,
  LIMITS,
  peerIdFromBytes,
  RELEASE_REASONS,
  unwrap,
} from "../src/index.ts";
import { decode, endpoint, expectRefused, raw, read, text } from "./ct-cache-text.ts";

const from = endpoint("198.18.2.9:51413");
const ADDRESS = "6:\xc6\x12\x02\x09\xc8\xd5";
const FROM = `4:from${ADDRESS}`;
const v6 = endpoint("[2001:db8::9]:6881");
const ADDRESS6 = `18:\x20\x01\x0d\xb8${"\0".repeat(11)}\x09\x1a\xe1`;
const head = peerIdFromBytes(Buffer.from("-CT0100-0123456789ab"));

const named = (m: string) => `1:m${m.length}:${m}`;
const integers = (count: number, value = 0) => `l${`i${value}e`.repeat(count)}e`;

describe("a message about claims on the wire", () => {
  test.each<[string, CtCacheMessage]>([
    [
      `d${FROM}1:m5:claim1:ni2e1:pli3ei0ee1:qi9e1:ti7e2:upi4000ee`,
      { m: "claim", q: 9, pieces: [3, 0], n: 2, from, up: 4000, term: 7 },
    ],
    [
      "d1:m5:grant1:pli3ee1:qi9e1:ti7e3:ttli10000ee",
      { m: "grant", q: 9, pieces: [3], ttlMs: 10_000, term: 7 },
    ],
    ["d1:m4:deny1:qi9e1:ti7e3:whyi5ee", { m: "deny", q: 9, why: "window", term: 7 }],
    [
      "d4:head20:-CT0100-0123456789ab1:m4:deny1:qi9e1:ti7e5:taken3:\xff\0\x103:whyi3ee",
      { m: "deny", q: 9, why: "not head", taken: raw("\xff\0\x10"), head, term: 7 },
    ],
    ["d1:m5:taken1:pli0ei19ee1:ti7ee", { m: "taken", pieces: [0, 19], term: 7 }],
    ["d4:bits3:\xff\0\x101:m5:taken1:ti7ee", { m: "taken_map", bits: raw("\xff\0\x10"), from: 0, term: 7 }],
    ["d4:bits1:\x804:fromi16e1:m5:taken1:ti7ee", { m: "taken_map", bits: raw("\x80"), from: 16, term: 7 }],
    ["d1:m5:renew1:pli3ei4ee1:ti7ee", { m: "renew", pieces: [3, 4], term: 7 }],
    ["d1:m6:revoke1:pi3e1:ti7ee", { m: "revoke", piece: 3, term: 7 }],
    [`d${FROM}1:m7:release1:pi3e1:ti7e3:whyi2ee`, { m: "release", piece: 3, why: "stalled", from, term: 7 }],
    [
      "d1:m4:open1:pli3ei4ee1:ti7e3:ttlli10000ei0eee",
      { m: "open", pieces: [3, 4], ttlsMs: [10_000, 0], term: 7 },
    ],
    [
      `d1:m5:where3:notl${ADDRESS}${ADDRESS6}e1:pi3e1:qi9e1:ti7ee`,
      { m: "where", q: 9, piece: 3, not: [from, v6], term: 7 },
    ],
    [
      `d3:epsl${ADDRESS6}${ADDRESS}e1:m7:holders1:pi3e1:qi9e1:ti7ee`,
      { m: "holders", q: 9, piece: 3, endpoints: [v6, from], term: 7 },
    ],
  ])("%j", (written, message) => {
    expect(text(encodeCtCache(message))).toBe(written);
    expect(decode(written)).toEqual(message);
  });

  test("each reason of a denial and of a release has its number, counted from 1", () => {
    DENY_REASONS.forEach((why, i) => {
      const written = text(encodeCtCache({ m: "deny", q: 9, why, term: 7 }));
      expect(written).toContain(`3:whyi${i + 1}e`);
      expect(decode(written)).toMatchObject({ why });
    });
    RELEASE_REASONS.forEach((why, i) => {
      const written = text(encodeCtCache({ m: "release", piece: 3, why, from, term: 7 }));
      expect(written).toContain(`3:whyi${i + 1}e`);
      expect(decode(written)).toMatchObject({ why });
    });
  });

  test.each([
    ["0", "3:whyi0e"],
    ["one beyond those known", "3:whyi6e"],
    ["a text", "3:why4:busy"],
    ["none", ""],
  ])("a reason that is %s blames nobody and says nothing of the pieces", (_, why) => {
    expect(decode(`d1:m4:deny1:qi9e1:ti7e${why}e`)).toMatchObject({ why: "window" });
    expect(decode(`d${FROM}1:m7:release1:pi3e1:ti7e${why}e`)).toMatchObject({ why: "leaving" });
  });

  test("times and capacities are told in whole numbers", () => {
    const open = { m: "open", pieces: [3], ttlsMs: [1.5], term: 7 } as const;
    expect(decode(text(encodeCtCache(open)))).toMatchObject({ ttlsMs: [2] });
    const grant = { m: "grant", q: 9, pieces: [3], ttlMs: 0.4, term: 7 } as const;
    expect(decode(text(encodeCtCache(grant)))).toMatchObject({ ttlMs: 0 });
    const claim = { m: "claim", q: 9, pieces: [3], n: 1, from, up: 1.5, term: 7 } as const;
    expect(decode(text(encodeCtCache(claim)))).toMatchObject({ up: 2 });
  });
});

describe("a claim", () => {
  const claim = (body: string) => read(`d${FROM}1:m5:claim${body}e`);

  test("is for 1 to 64 pieces, and its capacity is clipped", () => {
    const most = `1:ni1000e1:ple1:qi9e1:ti7e2:upi${Number.MAX_SAFE_INTEGER}e`;
    expect(unwrap(claim(most))).toMatchObject({
      n: LIMITS.claims.candidates,
      up: LIMITS.election.capacityMost,
    });
    expect(claim("1:ni0e1:ple1:qi9e1:ti7e2:upi0e").ok).toBe(false);
  });

  test.each([
    ["a number of the question", "1:ni1e1:ple1:ti7e2:upi0e"],
    ["a number of pieces", "1:ple1:qi9e1:ti7e2:upi0e"],
    ["a capacity", "1:ni1e1:ple1:qi9e1:ti7e"],
    ["pieces", "1:ni1e1:qi9e1:ti7e2:upi0e"],
  ])("is refused without %s", (_, body) => {
    expect(claim(body)).toMatchObject({ ok: false, error: { code: "CT_ERR_EXTENSION" } });
  });

  test("is refused without a neighbour", () => {
    expectRefused("d1:m5:claim1:ni1e1:ple1:qi9e1:ti7e2:upi0ee", "no endpoint");
    expectRefused("d4:fromi8e1:m5:claim1:ni1e1:ple1:qi9e1:ti7e2:upi0ee", "no endpoint");
  });
});

describe("a denial's map", () => {
  const deny = (taken: string) => `d1:m4:deny1:qi9e1:ti7e5:taken${taken.length}:${taken}3:whyi1ee`;

  test("is that of all pieces", () => {
    expect(decode(deny("\0\0\x10"))).toMatchObject({ taken: raw("\0\0\x10") });
    expectRefused(deny("\0\0"), "no map of 20 pieces");
    expectRefused(deny("\0\0\0\0"), "no map of 20 pieces");
    expectRefused(deny("\0\0\x08"), "spare bits set");
  });

  test("is left out when it is too long for a message", () => {
    const most = LIMITS.claims.bitsPerMessage;
    const message = (length: number) =>
      ({ m: "deny", q: 9, why: "held", taken: new Uint8Array(length), term: 7 }) as const;
    const longest = decodeCtCache(encodeCtCache(message(most)), most * 8);
    expect(longest).toMatchObject({ value: { taken: new Uint8Array(most) } });
    const without = unwrap(decodeCtCache(encodeCtCache(message(most + 1)), most * 8 + 1));
    expect(without).toEqual({ m: "deny", q: 9, why: "held", term: 7 });
    expectRefused(deny("\0".repeat(most + 1)), "bytes of taken", most * 8 + 1);
  });

  test("may be of any length where the number of pieces is not known", () => {
    expect(decode(deny("\xff\xff"), Number.POSITIVE_INFINITY)).toMatchObject({ taken: raw("\xff\xff") });
  });

  test("stands beside a head whose id has 20 bytes", () => {
    expectRefused("d4:head4:-CT01:m4:deny1:qi9e1:ti7ee", "a peer id of 4 bytes");
  });
});

describe("what is taken", () => {
  test("is a list or a map", () => {
    expectRefused("d1:m5:taken1:ti7ee", "no bits");
    expectRefused("d1:m5:taken1:pi3e1:ti7ee", "no list of pieces");
    expectRefused("d4:bits3:\0\0\x081:m5:taken1:ti7ee", "spare bits set");
  });

  test("comes in parts when there are more than fit one message", () => {
    const most = LIMITS.claims.bitsPerMessage;
    const map = (bits: string) => `d4:bits${bits.length}:${bits}1:m5:taken1:ti7ee`;
    expect(decode(map("\xff".repeat(most)), most * 8)).toMatchObject({ m: "taken_map", from: 0 });
    expectRefused(map("\xff".repeat(most + 1)), `${most + 1} bytes of bits`, most * 8 + 8);
  });
});

describe.each([
  ["claim", LIMITS.claims.candidates, `${FROM}`, "1:ni1e", "1:qi9e1:ti7e2:upi0e"],
  ["grant", LIMITS.claims.candidates, "", "", "1:qi9e1:ti7e3:ttli1e"],
  ["taken", LIMITS.claims.piecesPerMessage, "", "", "1:ti7e"],
  ["renew", LIMITS.claims.piecesPerMessage, "", "", "1:ti7e"],
])("the pieces of a %s", (m, most, before, between, after) => {
  const message = (p: string) => `d${before}${named(m)}${between}${p}${after}e`;

  test(`are at most ${most}, and those of the torrent`, () => {
    expect(decode(message(`1:p${integers(most, 19)}`))).toMatchObject({ pieces: Array(most).fill(19) });
    expectRefused(message(`1:p${integers(most + 1)}`), `${m}: ${most + 1} pieces, more than ${most}`);
    expectRefused(message("1:pli20ee"), `${m}: a piece that is none of 20`);
    expectRefused(message("1:pl1:3e"), `${m}: a piece that is none of 20`);
  });
});

describe.each([
  ["revoke", "", ""],
  ["release", FROM, "3:whyi1e"],
  ["where", "", ""],
  ["holders", "3:epsle", ""],
])("the piece of a %s", (m, before, after) => {
  const rest = m === "where" ? "3:notle" : "";
  const q = m === "where" || m === "holders" ? "1:qi9e" : "";
  const message = (p: string) => `d${before}${named(m)}${rest}${p}${q}1:ti7e${after}e`;

  test("is one of the torrent", () => {
    expect(decode(message("1:pi19e"))).toMatchObject({ piece: 19 });
    expectRefused(message("1:pi20e"), `${m}: a piece that is none of 20`);
    expectRefused(message("1:pi-1e"), `${m}: no piece`);
    expectRefused(message("1:pli3ee"), `${m}: no piece`);
    expectRefused(message(""), `${m}: no piece`);
  });
});

describe("the claims that a member tells a new head", () => {
  const open = (pieces: string, ttls: string) => `d1:m4:open1:p${pieces}1:ti7e3:ttl${ttls}e`;

  test("each have the time that they are still good for", () => {
    const { piecesPerMessage, ttlMostMs } = LIMITS.claims;
    expect(decode(open(integers(piecesPerMessage), integers(piecesPerMessage)))).toMatchObject({ m: "open" });
    expect(decode(open("li3ee", `li${ttlMostMs + 1}ee`))).toMatchObject({ ttlsMs: [ttlMostMs] });
    expectRefused(open("li3ee", "le"), "not a ttl for each piece");
    expectRefused(open("le", "li3ee"), "not a ttl for each piece");
    expectRefused(open("li3ee", "i3e"), "not a ttl for each piece");
    expectRefused(open("li3ee", "li-1ee"), "a ttl that is no count");
  });
});

describe("the endpoints of where and holders", () => {
  const where = (not: string) => `d1:m5:where3:not${not}1:pi3e1:qi9e1:ti7ee`;
  const holders = (eps: string) => `d3:eps${eps}1:m7:holders1:pi3e1:qi9e1:ti7ee`;
  const many = (count: number) => `l${ADDRESS.repeat(count)}e`;

  test("are bounded", () => {
    const { endpointsExcepted, holdersMost } = LIMITS.claims;
    expect(decode(where(many(endpointsExcepted)))).toMatchObject({ m: "where" });
    expectRefused(where(many(endpointsExcepted + 1)), "endpoints, more than");
    expect(decode(holders(many(holdersMost)))).toMatchObject({ m: "holders" });
    expectRefused(holders(many(holdersMost + 1)), "endpoints, more than");
  });

  test.each([
    ["of 7 bytes", "l7:\xc6\x12\x02\x09\xc8\xd5\x01e"],
    ["with port 0", "l6:\xc6\x12\x02\x09\0\0e"],
    ["that is a number", "li3ee"],
  ])("are refused with one %s", (_, list) => {
    expectRefused(where(list), "not has what is no endpoint");
    expectRefused(holders(list), "eps has what is no endpoint");
  });

  test("are lists", () => {
    expectRefused(where("i3e"), "no list not");
    expectRefused(holders(ADDRESS), "no list eps");
  });
});
