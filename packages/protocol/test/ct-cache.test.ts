import { describe, expect, test } from "vitest";
import {
  CT_CACHE,
  type CtCacheMessage,
  decodeCtCache,
  encodeCtCache,
  LIMITS,
  REFUSALS,
  unwrap,
} from "../src/index.ts";
import { decode, endpoint, expectRefused, PIECES, raw, read, text } from "./ct-cache-text.ts";

const dest = endpoint("198.18.2.9:51413");
const DEST = "4:dest6:\xc6\x12\x02\x09\xc8\xd5";

const integers = (count: number, piece = 0) => `l${`i${piece}e`.repeat(count)}e`;
const bits = (bytes: string) => `4:bits${bytes.length}:${bytes}`;
const fwdBitfield = (bytes: string, from = "") => `d${bits(bytes)}${from}1:m12:fwd_bitfield1:ti7ee`;

describe("a ct_cache message on the wire", () => {
  test.each<[string, CtCacheMessage]>([
    [`d${DEST}1:m12:leader_start1:ti7ee`, { m: "leader_start", dest, term: 7 }],
    [`d${DEST}1:m14:leader_started1:ti7ee`, { m: "leader_started", dest, term: 7 }],
    [`d${DEST}1:m14:leader_refused1:ti7e3:whyi2ee`, { m: "leader_refused", dest, why: "full", term: 7 }],
    [`d${DEST}1:m11:leader_stop1:ti7ee`, { m: "leader_stop", dest, term: 7 }],
    [
      "d4:bits3:\xff\x00\x101:m12:fwd_bitfield1:ti7ee",
      { m: "fwd_bitfield", bits: raw("\xff\x00\x10"), from: 0, term: 7 },
    ],
    [
      "d4:bits1:\x804:fromi16e1:m12:fwd_bitfield1:ti7ee",
      { m: "fwd_bitfield", bits: raw("\x80"), from: 16, term: 7 },
    ],
    ["d1:m8:fwd_have1:pli0ei19ee1:ti7ee", { m: "fwd_have", pieces: [0, 19], term: 7 }],
    ["d1:m4:want1:pli3ee1:ti7ee", { m: "want", pieces: [3], term: 7 }],
  ])("%j", (written, message) => {
    expect(text(encodeCtCache(message))).toBe(written);
    expect(decode(written)).toEqual(message);
  });

  test("each refusal has its number, counted from 1", () => {
    REFUSALS.forEach((why, i) => {
      const written = text(encodeCtCache({ m: "leader_refused", dest, why, term: 7 }));
      expect(written).toContain(`3:whyi${i + 1}e`);
      expect(decode(written)).toMatchObject({ why });
    });
  });

  test("an IPv6 destination has 18 bytes", () => {
    const message: CtCacheMessage = { m: "leader_start", dest: endpoint("[2001:db8::9]:6881"), term: 0 };
    expect(text(encodeCtCache(message))).toContain("4:dest18:\x20\x01\x0d\xb8");
    expect(decode(text(encodeCtCache(message)))).toEqual(message);
  });

  test("keys that this version does not know are ignored, and what they hold", () => {
    expect(decode("d1:m4:want4:mored1:ali1eee1:pli3ee1:ti7ee")).toEqual({
      m: "want",
      pieces: [3],
      term: 7,
    });
  });
});

describe("a message of a later version", () => {
  test("is no error: its name is unknown", () => {
    expect(decode("d1:m5:later1:pli99ee1:ti7ee")).toEqual({ m: "unknown", said: "later", term: 7 });
  });

  test.each(["constructor", "unknown", ""])("may be named %j", (name) => {
    expect(decode(`d1:m${name.length}:${name}1:ti7ee`)).toEqual({ m: "unknown", said: name, term: 7 });
  });

  test("is told with 64 characters of its name", () => {
    expect(decode(`d1:m1000:${"x".repeat(1000)}1:ti7ee`)).toMatchObject({ said: "x".repeat(64) });
  });

  test.each([
    ["0", "3:whyi0e"],
    ["one beyond those known", `3:whyi${REFUSALS.length + 1}e`],
    ["a negative one", "3:whyi-1e"],
    ["a text", "3:why4:busy"],
    ["none", ""],
  ])("a refusal's reason that is %s is read as unreachable", (_, why) => {
    expect(decode(`d${DEST}1:m14:leader_refused1:ti7e${why}e`)).toMatchObject({ why: "unreachable" });
  });
});

describe("a message without what all have", () => {
  test.each([
    ["no m", "d1:pli3ee1:ti7ee"],
    ["an m that is no text", "d1:mi1e1:ti7ee"],
    ["no t", "d1:m4:want1:pli3eee"],
    ["a negative t", "d1:m4:want1:pli3ee1:ti-7ee"],
    ["a t that is no integer", "d1:m4:want1:pli3ee1:t1:7e"],
  ])("is refused: %s", (_, message) => {
    expectRefused(message, "a message without m or t");
  });

  test.each([
    ["nothing", "", "ends in the middle"],
    ["a list", "l4:wante", "expected a dictionary"],
    ["bytes after the end", "d1:m4:want1:pli3ee1:ti7ee!", "bytes after the end"],
    ["the key __proto__", "d9:__proto__d1:m4:wante1:pli3ee1:ti7ee", "the key __proto__"],
    ["a key twice", "d1:m4:want1:pli3ee1:pli4ee1:ti7ee", 'the key "p" twice'],
    ["a t beyond 2^53", "d1:m4:want1:pli3ee1:ti9007199254740992ee", "an integer beyond 2^53"],
  ])("is refused: %s", (_, message, because) => {
    expectRefused(message, because);
  });

  test("is refused when it is nested deeper than 32, though the key is unknown", () => {
    const nested = (depth: number) => `d1:m4:want1:pli3ee1:ti7e1:x${"l".repeat(depth)}${"e".repeat(depth)}e`;
    expect(read(nested(31)).ok).toBe(true);
    expectRefused(nested(32), "nested deeper than 32");
  });

  test("is refused beyond its number of values, though the key is unknown", () => {
    expectRefused(`d1:m5:later1:ti7e1:x${integers(LIMITS.cache.itemsPerMessage)}e`, "values");
  });

  test("is refused beyond its bytes, though the key is unknown", () => {
    const most = LIMITS.peer.extensionBytes;
    const filled = (bytes: number) => `d1:m5:later1:ti7e1:x${bytes}:${"x".repeat(bytes)}e`;
    const frame = filled(100_000).length - 100_000;
    expect(read(filled(most - frame)).ok).toBe(true);
    expectRefused(filled(most - frame + 1), "bytes");
  });
});

describe("a destination", () => {
  test.each([
    ["is missing", ""],
    ["has 0 bytes", "4:dest0:"],
    ["has 7 bytes", "4:dest7:\xc6\x12\x02\x09\xc8\xd5\x01"],
    ["has 12 bytes: two of them", "4:dest12:\xc6\x12\x02\x09\xc8\xd5\xc6\x12\x02\x0a\xc8\xd5"],
    ["has port 0", "4:dest6:\xc6\x12\x02\x09\x00\x00"],
    ["has port 0 in IPv6", `4:dest18:${"\x20".repeat(16)}\x00\x00`],
    ["is a list", "4:destli1ee"],
  ])("is refused when it %s", (_, written) => {
    for (const m of ["12:leader_start", "14:leader_started", "14:leader_refused", "11:leader_stop"]) {
      expectRefused(`d${written}1:m${m}1:ti7ee`, "no endpoint");
    }
  });

  test("in IPv6 that is an IPv4 one is that one", () => {
    const mapped = `${"\0".repeat(10)}\xff\xff\xc6\x12\x02\x09\xc8\xd5`;
    expect(decode(`d4:dest18:${mapped}1:m12:leader_start1:ti7ee`)).toMatchObject({ dest });
  });
});

describe.each([
  ["fwd_have", LIMITS.cache.piecesPerForward],
  ["want", LIMITS.cache.piecesPerWant],
])("the pieces of a %s", (m, most) => {
  const message = (p: string) => `d1:m${m.length}:${m}${p}1:ti7ee`;

  test("are those of the torrent", () => {
    expect(decode(message("1:pli0ei19ee"))).toMatchObject({ pieces: [0, 19] });
    expect(decode(message("1:ple"))).toMatchObject({ pieces: [] });
  });

  test.each([
    ["is the one after the last", "li0ei20ee"],
    ["is negative", "li-1ee"],
    ["is a text", "l1:3e"],
    ["is a list", "lli3eee"],
    ["is a dictionary", "ld1:0i3eee"],
  ])("are refused when one %s", (_, p) => {
    expectRefused(message(`1:p${p}`), `${m}: a piece that is none of 20`);
  });

  test.each([
    ["missing", ""],
    ["an integer", "1:pi3e"],
    ["a text", "1:p1:3"],
    ["a dictionary", "1:pd1:0i3ee"],
  ])("are refused when the list is %s", (_, p) => {
    expectRefused(message(p), `${m}: no list of pieces`);
  });

  test(`are at most ${most}`, () => {
    expect(decode(message(`1:p${integers(most)}`))).toMatchObject({ pieces: Array(most).fill(0) });
    expectRefused(message(`1:p${integers(most + 1)}`), `${m}: ${most + 1} pieces, more than ${most}`);
  });
});

describe("the bits of a fwd_bitfield", () => {
  test("may end before the torrent does, and be none", () => {
    expect(decode(fwdBitfield("\xff"))).toMatchObject({ bits: raw("\xff"), from: 0 });
    expect(decode(fwdBitfield(""))).toMatchObject({ bits: raw("") });
    expect(decode(fwdBitfield("\xff", "4:fromi8e"))).toMatchObject({ bits: raw("\xff"), from: 8 });
  });

  test("are refused with one set that is spare", () => {
    expectRefused(fwdBitfield("\0\0\x08"), "spare bits set");
    expectRefused(fwdBitfield("\x01", "4:fromi16e"), "spare bits set");
    expectRefused(fwdBitfield("\0\0\x01"), "spare bits set", 23);
    expect(read(fwdBitfield("\0\0\x01"), 24).ok).toBe(true);
  });

  test("are refused with a byte beyond the pieces, even an empty one", () => {
    expectRefused(fwdBitfield("\0\0\0\0"), "bits beyond the 20 pieces");
    expectRefused(fwdBitfield("\0\0\0"), "bits beyond the 16 pieces", 16);
    expectRefused(fwdBitfield("\0", "4:fromi24e"), "bits beyond the 20 pieces");
    expectRefused(fwdBitfield("", "4:fromi32e"), "bits beyond the 20 pieces");
    expectRefused(fwdBitfield("\0", `4:fromi${2 ** 53 - 8}e`), "bits beyond the 20 pieces");
  });

  test.each([
    ["4 is no multiple of 8", "4:fromi4e"],
    ["-8 is negative", "4:fromi-8e"],
    ["a text is no integer", "4:from1:8"],
  ])("begin at a multiple of 8: %s", (_, from) => {
    expectRefused(fwdBitfield("\0", from), "fwd_bitfield: ");
  });

  test("are bytes", () => {
    expectRefused("d1:m12:fwd_bitfield1:ti7ee", "no bits");
    expectRefused("d4:bitsli1ee1:m12:fwd_bitfield1:ti7ee", "no bits");
  });

  test("come in parts when there are more than fit one message", () => {
    const most = LIMITS.cache.bitsPerForward;
    const pieceCount = most * 8 + 3;
    const first = "\xff".repeat(most);
    expect(decode(fwdBitfield(first), pieceCount)).toMatchObject({ from: 0 });
    expectRefused(fwdBitfield(`${first}\xe0`), `${most + 1} bytes of bits`, pieceCount);
    expect(decode(fwdBitfield("\xe0", `4:fromi${most * 8}e`), pieceCount)).toMatchObject({ from: most * 8 });
  });

  test("are written as the part of a larger map that they are", () => {
    const map = raw("\xff\x81\x10");
    const message: CtCacheMessage = { m: "fwd_bitfield", bits: map.subarray(1, 2), from: 8, term: 7 };
    expect(text(encodeCtCache(message))).toBe(fwdBitfield("\x81", "4:fromi8e"));
  });

  test("do not change when the buffer they came in does", () => {
    const received = raw(fwdBitfield("\xff"));
    const decoded = unwrap(decodeCtCache(received, PIECES));
    received.fill(0);
    expect(decoded).toMatchObject({ bits: raw("\xff") });
  });
});

test("an error names the extension and the message", () => {
  const decoded = read("d1:m4:want1:pli512ee1:ti7ee", 512);
  expect(decoded).toMatchObject({
    error: { message: `${CT_CACHE}: want: a piece that is none of 512` },
  });
});
