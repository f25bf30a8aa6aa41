import { fail, ok, type Result } from "./errors.ts";

const DECIMAL: Readonly<Record<string, number>> = { "": 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const BINARY: Readonly<Record<string, number>> = { ki: 2 ** 10, mi: 2 ** 20, gi: 2 ** 30, ti: 2 ** 40 };

/** `256KiB`, `1MB`, `1M`, `16384` → bytes. Decimal prefixes are powers of 1000, those with an `i` of 1024. */
export function parseSize(text: string): Result<number> {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?(?:b|bytes?)?\s*$/i.exec(text);
  const factor = match ? prefixFactor(match[2] ?? "") : undefined;
  if (!match || factor === undefined) {
    return fail("CT_ERR_QUANTITY", `not a size such as 256KiB, 1MB or 16384: ${text}`);
  }
  return bounded(Number(match[1]) * factor, text);
}

/**
 * `2MB/s`, `2MB`, `500KiB/s`, `16Mbit/s`, `1Gbps` → bytes per second. A `B` is bytes, `bit` or `bps` is bits. A number
 * without one of them is refused: people mean Mbit/s as often as MB/s, and never the bytes/s that a bare 4 would be.
 */
export function parseRate(text: string): Result<number> {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]i?)?(b\/s|bytes?\/s|bits?\/s|bps|b|bytes?|)\s*$/i.exec(text);
  const factor = match ? prefixFactor(match[2] ?? "") : undefined;
  if (!match || factor === undefined) {
    return fail("CT_ERR_QUANTITY", `not a rate such as 2MB/s, 500KiB/s or 16Mbit/s: ${text}`);
  }
  const [, number = "", prefix = "", unit = ""] = match;
  if (unit === "") {
    const likely = number + (prefix || (Number(number) < 10_000 ? "M" : ""));
    return fail("CT_ERR_QUANTITY", `a rate needs a unit, as in ${likely}B/s or ${likely}bit/s: ${text}`);
  }
  // Case is where bytes and bits are confused: what may be either is refused rather than guessed.
  if (unit === "b/s" || unit === "b" || (/^bps$/i.test(unit) && unit !== "bps")) {
    return fail("CT_ERR_QUANTITY", `ambiguous rate ${text}: write B/s for bytes or bit/s for bits`);
  }
  const bits = /^(bit|bps)/i.test(unit);
  return bounded((Number(number) * factor) / (bits ? 8 : 1), text);
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, min: 60, h: 3600, d: 86_400 };

/** `90s`, `30m`, `1.5h`, `7d` → milliseconds. A number without a unit is refused: it may be of seconds or of minutes. */
export function parseDuration(text: string): Result<number> {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(s|min|m|h|d)\s*$/i.exec(text);
  const seconds = SECONDS[(match?.[2] ?? "").toLowerCase()];
  if (!match || seconds === undefined) {
    return fail("CT_ERR_QUANTITY", `not a time such as 90s, 30m, 12h or 7d: ${text}`);
  }
  return bounded(Number(match[1]) * seconds * 1000, text);
}

/** 1536 → `1.50 KiB`. */
export function formatSize(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return unit === 0 ? `${value} B` : `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

/** 4000000 → `4.00 MB/s`. */
export function formatRate(bytesPerSecond: number): string {
  const units = ["B/s", "kB/s", "MB/s", "GB/s"];
  let value = bytesPerSecond;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return unit === 0 ? `${Math.round(value)} B/s` : `${value.toFixed(value < 10 ? 2 : 1)} ${units[unit]}`;
}

function bounded(value: number, text: string): Result<number> {
  const rounded = Math.round(value);
  return Number.isSafeInteger(rounded) ? ok(rounded) : fail("CT_ERR_QUANTITY", `too much: ${text}`);
}

function prefixFactor(prefix: string): number | undefined {
  const key = prefix.toLowerCase();
  return DECIMAL[key] ?? BINARY[key];
}
