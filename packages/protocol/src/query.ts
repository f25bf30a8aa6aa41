/**
 * Query strings as trackers get them: values are raw bytes, percent-encoded in whatever case, with unreserved (and
 * some reserved) bytes left raw. A standard parser would take them for UTF-8 and lose bytes.
 */

/** The first value of each key, undecoded. Order and unknown keys are of no account. */
export function splitQuery(query: string): Map<string, string> {
  const pairs = new Map<string, string>();
  let start = 0;
  while (start < query.length) {
    let end = query.indexOf("&", start);
    if (end < 0) end = query.length;
    const equals = query.indexOf("=", start);
    if (equals > start && equals < end) {
      const key = query.slice(start, equals);
      if (!pairs.has(key)) pairs.set(key, query.slice(equals + 1, end));
    }
    start = end + 1;
  }
  return pairs;
}

/** All values of one key, undecoded: scrapes repeat `info_hash`. */
export function allValues(query: string, key: string): string[] {
  const prefix = `${key}=`;
  return query
    .split("&")
    .filter((pair) => pair.startsWith(prefix))
    .map((pair) => pair.slice(prefix.length));
}

/** Percent-decodes to bytes, or undefined where an escape is malformed. */
export function percentDecode(text: string): Uint8Array | undefined {
  const bytes = new Uint8Array(text.length);
  let length = 0;
  for (let i = 0; i < text.length; i++) {
    let code = text.charCodeAt(i);
    if (code === 0x25) {
      const high = hexDigit(text.charCodeAt(i + 1));
      const low = hexDigit(text.charCodeAt(i + 2));
      if (high < 0 || low < 0) return undefined;
      code = (high << 4) | low;
      i += 2;
    }
    if (code > 0xff) return undefined;
    bytes[length++] = code;
  }
  return bytes.subarray(0, length);
}

/** Percent-encodes all but the unreserved bytes of RFC 3986. */
export function percentEncode(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) {
    const char = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(char) ? char : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return text;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const lower = code | 0x20;
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1;
}
