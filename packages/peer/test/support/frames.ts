/** One message with its length, put together by hand: what no client would send, too. */
export function frame(id: number, ...parts: (number | Uint8Array)[]): Buffer {
  const body = Buffer.concat([
    Buffer.of(id),
    ...parts.map((part) => (typeof part === "number" ? uint32(part) : part)),
  ]);
  return Buffer.concat([uint32(body.length), body]);
}

/** The first five bytes of a message that claims this length. */
export function claim(length: number, id: number): Buffer {
  return Buffer.concat([uint32(length), Buffer.of(id)]);
}

/** An extended handshake (BEP 10) of this payload. */
export function extended(payload: string | Uint8Array): Buffer {
  return frame(20, Buffer.concat([Buffer.of(0), Buffer.from(payload as string, "latin1")]));
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value >>> 0);
  return bytes;
}
