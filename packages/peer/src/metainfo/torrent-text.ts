import { isUtf8 } from "node:buffer";

/** The bytes, when they are non-empty valid UTF-8. */
export function utf8(value: unknown): Uint8Array | undefined {
  return value instanceof Uint8Array && value.length > 0 && isUtf8(value) ? value : undefined;
}

/** Old makers wrote names in the code page of their machine: as latin1 every byte keeps a character, two names stay two. */
export function text(bytes: Uint8Array): string {
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return buffer.toString(isUtf8(bytes) ? "utf8" : "latin1");
}
