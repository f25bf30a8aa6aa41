import { describe, expect, test } from "vitest";
import {
  asBytes,
  asCount,
  asDict,
  asList,
  asText,
  decodeBencode,
  decodeBencodeDict,
  encodeBencode,
  get,
  scanBencode,
  unwrap,
} from "../src/index.ts";

/** The bytes of a text whose characters are bytes. */
function raw(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "latin1"));
}

function decode(text: string): unknown {
  return unwrap(decodeBencode(raw(text)));
}

describe("bencode", () => {
  test("writes dictionaries in the order of their keys and leaves out what is undefined", () => {
    const bytes = encodeBencode({ spam: "eggs", cow: [1, -2], none: undefined, raw: raw("\xff") });
    expect(Buffer.from(bytes).toString("latin1")).toBe("d3:cowli1ei-2ee3:raw1:\xff4:spam4:eggse");
  });

  test("reads each kind of value", () => {
    expect(decode("i-42e")).toBe(-42);
    expect(decode("i0e")).toBe(0);
    expect(decode("4:spam")).toEqual(raw("spam"));
    expect(decode("0:")).toEqual(raw(""));
    expect(decode("li1e1:ae")).toEqual([1, raw("a")]);
    expect(decode("d1:ai1e1:bdee")).toEqual({ a: 1, b: {} });
  });

  test("reads dictionaries whose keys are not sorted", () => {
    expect(decode("d1:bi1e1:ai2ee")).toEqual({ a: 2, b: 1 });
  });

  test("reads integers up to 2^53 - 1 and lengths that are not UTF-8", () => {
    expect(decode("i9007199254740991e")).toBe(Number.MAX_SAFE_INTEGER);
    expect(decode("i-9007199254740991e")).toBe(-Number.MAX_SAFE_INTEGER);
    expect(decode("2:\xff\x00")).toEqual(raw("\xff\x00"));
  });

  test("finds a key that is not UTF-8 under its bytes in hex", () => {
    expect(decode("d2:\xff\xfei1ee")).toEqual({ fffe: 1 });
  });

  test.each([
    ["nothing", ""],
    ["an unknown value", "x"],
    ["an empty integer", "ie"],
    ["a lone minus", "i-e"],
    ["minus nought", "i-0e"],
    ["a plus", "i+1e"],
    ["a leading nought", "i01e"],
    ["a fraction", "i1.5e"],
    ["an integer that does not end", "i1"],
    ["an integer beyond 2^53", "i9007199254740992e"],
    ["an integer of 20 digits", "i18446744073709551615e"],
    ["a negative length", "-1:a"],
    ["a length with a leading nought", "01:a"],
    ["a length without a colon", "3abc"],
    ["a length beyond the end", "4:abc"],
    ["a length of 20 digits", "99999999999999999999:a"],
    ["a list that does not end", "li1e"],
    ["a dictionary that does not end", "d1:ai1e"],
    ["a key without a value", "d1:ae"],
    ["a key that is no string", "di1ei2ee"],
    ["a key twice", "d1:ai1e1:ai2ee"],
    ["a key in text and in hex", "d1:\xffi1e2:ffi2ee"],
    ["bytes after the end", "i1ei2e"],
    ["a newline after the end", "de\n"],
    ["an end of nothing", "e"],
    ["the key __proto__", "d9:__proto__d1:ai1eee"],
    ["the key __proto__ behind a byte order mark", "d12:\xef\xbb\xbf__proto__d1:ai1eee"],
    ["a second info behind a byte order mark", "d4:infode7:\xef\xbb\xbfinfodee"],
  ])("refuses %s", (_, text) => {
    expect(decodeBencode(raw(text))).toMatchObject({ ok: false, error: { code: "CT_ERR_BENCODE" } });
  });

  test("refuses every truncation of a valid message", () => {
    const whole = "d4:listli1e4:spamd1:ai-7eee3:numi12345e3:str10:0123456789e";
    expect(decodeBencode(raw(whole)).ok).toBe(true);
    for (let end = 0; end < whole.length; end++) {
      expect(decodeBencode(raw(whole.slice(0, end))).ok, whole.slice(0, end)).toBe(false);
    }
  });

  test("refuses 100,000-deep nesting without exhausting the stack", () => {
    for (const [open, close] of [
      ["l", "e"],
      ["d1:a", "e"],
    ] as const) {
      const deep = raw(open.repeat(100_000) + (open === "l" ? "" : "i1e") + close.repeat(100_000));
      expect(decodeBencode(deep)).toMatchObject({
        ok: false,
        error: { message: expect.stringContaining("nested deeper than 32") },
      });
    }
  });

  test("reads nesting up to its bound, which the caller may narrow", () => {
    const nested = (depth: number) => raw("l".repeat(depth) + "e".repeat(depth));
    expect(decodeBencode(nested(32)).ok).toBe(true);
    expect(decodeBencode(nested(33)).ok).toBe(false);
    expect(decodeBencode(nested(2), { depth: 1 }).ok).toBe(false);
  });

  test("bounds bytes and values", () => {
    expect(decodeBencode(raw("10:0123456789"), { bytes: 12 }).ok).toBe(false);
    expect(decodeBencode(raw("10:0123456789"), { bytes: 13 }).ok).toBe(true);
    expect(decodeBencode(raw(`l${"i1e".repeat(1000)}e`), { items: 100 }).ok).toBe(false);
  });

  test("says where the fault is", () => {
    const decoded = decodeBencode(raw("d1:ai1e1:bx"));
    expect(decoded).toMatchObject({ ok: false, error: { message: expect.stringContaining("byte 10") } });
  });

  test("tells where the values of a dictionary stand, so that the info-hash is that of the bytes as they are", () => {
    const text = "d8:announce3:url4:infod4:name1:n6:lengthi0eee";
    const [start, end] = unwrap(scanBencode(raw(text))).get("info") ?? [0, 0];
    expect(text.slice(start, end)).toBe("d4:name1:n6:lengthi0ee");
    expect([...unwrap(scanBencode(raw(text))).keys()]).toEqual(["announce", "info"]);
    expect(unwrap(scanBencode(raw("l4:infoe"))).size).toBe(0);
  });

  test("a dictionary is asked for as one", () => {
    expect(decodeBencodeDict(raw("le"))).toMatchObject({ ok: false, error: { code: "CT_ERR_BENCODE" } });
    expect(decodeBencodeDict(raw("de"))).toEqual({ ok: true, value: {} });
  });

  test("readers find a value of their kind, or nothing", () => {
    const dict = unwrap(decodeBencodeDict(raw("d4:dictde4:listle3:negi-1e3:numi7e4:text2:\xc3\xa9e")));
    expect(asCount(get(dict, "num"))).toBe(7);
    expect(asCount(get(dict, "neg"))).toBeUndefined();
    expect(asCount(get(dict, "text"))).toBeUndefined();
    expect(asText(get(dict, "text"))).toBe("é");
    expect(asBytes(get(dict, "list"))).toBeUndefined();
    expect(asList(get(dict, "list"))).toEqual([]);
    expect(asDict(get(dict, "dict"))).toEqual({});
    expect(asDict(get(dict, "list"))).toBeUndefined();
    expect(asDict(get(dict, "text"))).toBeUndefined();
    for (const key of ["constructor", "toString", "missing"]) expect(get(dict, key)).toBeUndefined();
  });
});
