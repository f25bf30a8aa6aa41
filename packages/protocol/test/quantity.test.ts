import { describe, expect, test } from "vitest";
import { formatRate, formatSize, parseDuration, parseRate, parseSize, unwrap } from "../src/index.ts";

describe("a size", () => {
  test.each([
    ["16384", 16384],
    ["0", 0],
    ["256KiB", 262144],
    ["256kib", 262144],
    ["1MB", 1_000_000],
    ["1M", 1_000_000],
    ["1.5 GiB", 1_610_612_736],
    [" 2 TB ", 2_000_000_000_000],
    ["10 bytes", 10],
    ["1 byte", 1],
  ])("%j is %d bytes", (text, bytes) => expect(unwrap(parseSize(text))).toBe(bytes));

  test.each([
    "",
    "KiB",
    "-1",
    "1.KiB",
    ".5MB",
    "1e6",
    "1 PB",
    "1MB/s",
    "1Mbit",
    "1,5MB",
    "9".repeat(400),
    "9007199254740992",
  ])("%j is none", (text) =>
    expect(parseSize(text)).toMatchObject({ ok: false, error: { code: "CT_ERR_QUANTITY" } }),
  );

  test.each([
    [0, "0 B"],
    [1023, "1023 B"],
    [1536, "1.50 KiB"],
    [33_554_432, "32.0 MiB"],
    [2 ** 52, "4096.0 TiB"],
  ])("of %d is shown as %s", (bytes, text) => expect(formatSize(bytes)).toBe(text));
});

describe("a rate", () => {
  test.each([
    ["250000B/s", 250_000],
    ["2MB/s", 2_000_000],
    ["2MB", 2_000_000],
    ["2MiB", 2_097_152],
    ["3 bytes", 3],
    ["64kbit/s", 8000],
    ["500KiB/s", 512_000],
    ["16Mbit/s", 2_000_000],
    ["16 mbit/s", 2_000_000],
    ["8 bits/s", 1],
    ["1Gbps", 125_000_000],
    ["1.5 bytes/s", 2],
    ["0MB/s", 0],
  ])("%j is %d bytes/s", (text, rate) => expect(unwrap(parseRate(text))).toBe(rate));

  test.each(["16Mb/s", "16mb", "16b/s", "1MBps", "1GBPS"])(
    "%j may be bits or bytes, and is refused",
    (text) => {
      expect(parseRate(text)).toMatchObject({
        ok: false,
        error: { code: "CT_ERR_QUANTITY", message: expect.stringMatching(/ambiguous.*B\/s.*bit\/s/) },
      });
    },
  );

  test.each([
    ["4", "4MB/s or 4Mbit/s: 4"],
    ["4M", "4MB/s or 4Mbit/s: 4M"],
    ["500k", "500kB/s or 500kbit/s: 500k"],
    ["1.5 Gi", "1.5GiB/s or 1.5Gibit/s: 1.5 Gi"],
    ["250000", "250000B/s or 250000bit/s: 250000"],
  ])("%j has no unit, and is refused with what may have been meant", (text, meant) => {
    expect(parseRate(text)).toMatchObject({
      ok: false,
      error: { code: "CT_ERR_QUANTITY", message: `a rate needs a unit, as in ${meant}` },
    });
  });

  test.each(["", "fast", "-1MB/s", "1MB/h", "1 Mbit", "Infinity", "9".repeat(400)])("%j is none", (text) => {
    expect(parseRate(text)).toMatchObject({ ok: false, error: { code: "CT_ERR_QUANTITY" } });
  });

  test.each([
    [0, "0 B/s"],
    [999, "999 B/s"],
    [4_000_000, "4.00 MB/s"],
    [12_500_000, "12.5 MB/s"],
    [5e13, "50000.0 GB/s"],
  ])("of %d is shown as %s", (rate, text) => expect(formatRate(rate)).toBe(text));
});

describe("times", () => {
  test.for([
    ["90s", 90_000],
    ["1.5m", 90_000],
    ["30 min", 1_800_000],
    ["12h", 43_200_000],
    ["7D", 604_800_000],
    ["0s", 0],
  ] as const)("%j is %d ms", ([text, ms]) => expect(unwrap(parseDuration(text))).toBe(ms));

  test.for(["", "7", "7x", "-1s", "s", "1h30m", "1ms", "9999999999999999d"])("%j is refused", (text) =>
    expect(parseDuration(text)).toMatchObject({ ok: false, error: { code: "CT_ERR_QUANTITY" } }),
  );
});
