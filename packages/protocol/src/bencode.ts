import bencode from "bencode";
import { CtError, ok, type Result } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** What bencoded bytes decode to. Strings stay bytes: whether they are text is for the reader to say. */
export type BencodeValue = number | Uint8Array | BencodeValue[] | BencodeDict;
export type BencodeDict = { [key: string]: BencodeValue };

/** What `encodeBencode` takes; undefined entries of a dictionary are left out. */
export type Bencodable =
  | number
  | string
  | Uint8Array
  | readonly Bencodable[]
  | { readonly [key: string]: Bencodable | undefined };

export interface BencodeBounds {
  /** Nesting of lists and dictionaries. */
  readonly depth?: number;
  readonly bytes?: number;
  readonly items?: number;
}

export function encodeBencode(value: Bencodable): Uint8Array {
  return bencode.encode(value);
}

/**
 * Decodes one whole bencoded value. The library trusts its input (deep nesting overflows the stack, `__proto__` sets
 * a prototype, big integers are rounded, lengths are not checked), so the bytes are scanned first. A key that is not UTF-8 is found
 * under its bytes in hex.
 */
export function decodeBencode(bytes: Uint8Array, bounds: BencodeBounds = {}): Result<BencodeValue> {
  const scan = scanBencode(bytes, bounds);
  if (!scan.ok) return scan;
  return ok(bencode.decode(bytes) as BencodeValue);
}

/** As `decodeBencode`, of the value that the bytes begin with, and what follows it (BEP 9 appends data to a dictionary). */
export function decodeBencodePrefix(
  bytes: Uint8Array,
  bounds: BencodeBounds = {},
): Result<{ readonly value: BencodeValue; readonly rest: Uint8Array }> {
  try {
    const scanner = new Scanner(bytes, bounds);
    scanner.scanOne();
    const value = bencode.decode(bytes.subarray(0, scanner.at)) as BencodeValue;
    return ok({ value, rest: bytes.subarray(scanner.at) });
  } catch (error) {
    if (error instanceof CtError) return { ok: false, error };
    throw error;
  }
}

/** As `decodeBencode`, for values that must be a dictionary. */
export function decodeBencodeDict(bytes: Uint8Array, bounds: BencodeBounds = {}): Result<BencodeDict> {
  const decoded = decodeBencode(bytes, bounds);
  if (!decoded.ok) return decoded;
  const dict = asDict(decoded.value);
  return dict ? ok(dict) : malformed("expected a dictionary", 0);
}

/**
 * Where the values of a top-level dictionary's keys stand, as [start, end) byte offsets: the info-hash is the
 * SHA-1 of the info dictionary's own bytes (BEP 3), not of a re-encoding.
 */
export function scanBencode(
  bytes: Uint8Array,
  bounds: BencodeBounds = {},
): Result<ReadonlyMap<string, readonly [start: number, end: number]>> {
  try {
    return ok(new Scanner(bytes, bounds).scan());
  } catch (error) {
    if (error instanceof CtError) return { ok: false, error };
    throw error;
  }
}

export function asDict(value: BencodeValue | undefined): BencodeDict | undefined {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array)
    ? value
    : undefined;
}

export function asBytes(value: BencodeValue | undefined): Uint8Array | undefined {
  return value instanceof Uint8Array ? value : undefined;
}

export function asText(value: BencodeValue | undefined): string | undefined {
  return value instanceof Uint8Array ? Buffer.from(value).toString("utf8") : undefined;
}

/** An integer in [0, 2^53). */
export function asCount(value: BencodeValue | undefined): number | undefined {
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : undefined;
}

export function asList(value: BencodeValue | undefined): BencodeValue[] | undefined {
  return Array.isArray(value) ? value : undefined;
}

/** The dictionary's own value: a key such as `constructor` finds nothing it was not given. */
export function get(dict: BencodeDict, key: string): BencodeValue | undefined {
  return Object.hasOwn(dict, key) ? dict[key] : undefined;
}

const INTEGER = 0x69;
const LIST = 0x6c;
const DICTIONARY = 0x64;
const END = 0x65;
const COLON = 0x3a;
const MINUS = 0x2d;

/** An open list or dictionary: `key` is set where a dictionary waits for that key's value. */
interface Frame {
  readonly isDict: boolean;
  readonly keys: Set<string> | undefined;
  key: string | undefined;
  valueStart: number;
}

/** One pass without recursion, so that nesting costs no stack. */
class Scanner {
  readonly #bytes: Uint8Array;
  readonly #depth: number;
  readonly #items: number;
  #at = 0;

  constructor(bytes: Uint8Array, bounds: BencodeBounds) {
    this.#bytes = bytes;
    this.#depth = bounds.depth ?? LIMITS.bencode.depth;
    this.#items = bounds.items ?? LIMITS.bencode.items;
    const most = bounds.bytes ?? LIMITS.bencode.torrentBytes;
    if (bytes.length > most) throw error(`${bytes.length} bytes, more than ${most}`, 0);
  }

  /** Where it has come to. */
  get at(): number {
    return this.#at;
  }

  scan(): Map<string, [number, number]> {
    const found = this.scanOne();
    if (this.#at !== this.#bytes.length) throw error("bytes after the end", this.#at);
    return found;
  }

  /** Up to the end of the first value, whatever follows. */
  scanOne(): Map<string, [number, number]> {
    const found = new Map<string, [number, number]>();
    const open: Frame[] = [];
    let items = 0;
    do {
      if (++items > this.#items) throw error(`more than ${this.#items} values`, this.#at);
      const frame = open.at(-1);
      const byte = this.#bytes[this.#at];
      if (byte === undefined) throw error("ends in the middle", this.#at);
      if (frame && byte === END) {
        if (frame.key !== undefined) throw error("a key without a value", this.#at);
        this.#at++;
        open.pop();
        this.#valueEnded(open, found);
      } else if (frame?.isDict && frame.key === undefined) {
        this.#readKey(frame);
      } else if (byte === LIST || byte === DICTIONARY) {
        if (open.length >= this.#depth) throw error(`nested deeper than ${this.#depth}`, this.#at);
        this.#at++;
        open.push({
          isDict: byte === DICTIONARY,
          keys: byte === DICTIONARY ? new Set() : undefined,
          key: undefined,
          valueStart: 0,
        });
      } else {
        if (byte === INTEGER) this.#skipInteger();
        else this.#readString();
        this.#valueEnded(open, found);
      }
    } while (open.length > 0);
    return found;
  }

  #readKey(frame: Frame): void {
    const at = this.#at;
    const key = keyName(this.#readString());
    if (key === "__proto__") throw error("the key __proto__", at);
    // The library drops a byte order mark: a second `info` in its guise would pass for the first.
    if (key.startsWith("\ufeff")) throw error("a key that begins with a byte order mark", at);
    if (frame.keys?.has(key)) throw error(`the key ${JSON.stringify(key)} twice`, at);
    frame.keys?.add(key);
    frame.key = key;
    frame.valueStart = this.#at;
  }

  #valueEnded(open: readonly Frame[], found: Map<string, [number, number]>): void {
    const parent = open.at(-1);
    if (!parent?.isDict || parent.key === undefined) return;
    if (open.length === 1) found.set(parent.key, [parent.valueStart, this.#at]);
    parent.key = undefined;
  }

  #skipInteger(): void {
    const start = this.#at + 1;
    const negative = this.#bytes[start] === MINUS;
    const { value, digits, end, leadingZero } = this.#digits(negative ? start + 1 : start);
    if (
      digits === 0 ||
      this.#bytes[end] !== END ||
      (leadingZero && digits > 1) ||
      (negative && value === 0)
    ) {
      throw error("a malformed integer", this.#at);
    }
    if (value > Number.MAX_SAFE_INTEGER) throw error("an integer beyond 2^53", this.#at);
    this.#at = end + 1;
  }

  #readString(): Uint8Array {
    const { value, digits, end, leadingZero } = this.#digits(this.#at);
    if (digits === 0 || this.#bytes[end] !== COLON || (leadingZero && digits > 1)) {
      throw error("a malformed value", this.#at);
    }
    const stop = end + 1 + value;
    if (stop > this.#bytes.length) throw error(`a string of ${value} bytes beyond the end`, this.#at);
    this.#at = stop;
    return this.#bytes.subarray(end + 1, stop);
  }

  #digits(from: number): { value: number; digits: number; end: number; leadingZero: boolean } {
    let value = 0;
    let end = from;
    for (; end - from < 17; end++) {
      const digit = (this.#bytes[end] ?? 0) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return { value, digits: end - from, end, leadingZero: this.#bytes[from] === 0x30 };
  }
}

/** What the library calls a key: two that it would take for one must be found out here. */
function keyName(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const text = buffer.toString("utf8");
  return text.includes("\ufffd") ? buffer.toString("hex") : text;
}

function error(message: string, at: number): CtError {
  return new CtError("CT_ERR_BENCODE", `not valid bencode: ${message} at byte ${at}`);
}

function malformed(message: string, at: number): { readonly ok: false; readonly error: CtError } {
  return { ok: false, error: error(message, at) };
}
