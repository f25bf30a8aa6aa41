const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The bytes, when they are non-empty valid UTF-8. */
export function utf8(value: unknown): Uint8Array | undefined {
  if (!(value instanceof Uint8Array) || value.length === 0) return undefined;
  try {
    strictUtf8.decode(value);
    return value;
  } catch {
    return undefined; // not UTF-8: that is the question
  }
}

/** Old makers wrote names in the code page of their machine: as latin1 every byte keeps a character, two names stay two. */
export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString(utf8(bytes) || bytes.length === 0 ? "utf8" : "latin1");
}
