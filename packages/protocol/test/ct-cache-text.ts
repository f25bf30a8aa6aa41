import { expect } from "vitest";
import { decodeCtCache, parseEndpoint, unwrap } from "../src/index.ts";

// Messages of `ct_cache` as text, a character a byte, for a torrent of 20 pieces.

export const PIECES = 20;

export const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
export const raw = (message: string) => Uint8Array.from(Buffer.from(message, "latin1"));
export const read = (message: string, pieceCount = PIECES) => decodeCtCache(raw(message), pieceCount);
export const decode = (message: string, pieceCount = PIECES) => unwrap(read(message, pieceCount));
export const endpoint = (written: string) => unwrap(parseEndpoint(written));

export function expectRefused(message: string, because: string, pieceCount = PIECES): void {
  expect(read(message, pieceCount)).toMatchObject({
    ok: false,
    error: { code: "CT_ERR_EXTENSION", message: expect.stringContaining(because) },
  });
}
