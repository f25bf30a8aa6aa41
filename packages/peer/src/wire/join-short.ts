/** Bytes that are copied together: each chunk that a socket is given by itself costs more than that. */
export const JOINED_MOST = 4096;

/**
 * The same bytes in fewer chunks. Of what leaves together nearly all chunks are messages of a few bytes, and heads of blocks. Those of up to
 * `JOINED_MOST` bytes are copied, so that all of these together are one.
 */
export function joinShort(chunks: readonly Uint8Array[]): Uint8Array[] {
  const joined: Uint8Array[] = [];
  let short: Uint8Array[] = [];
  let bytes = 0;
  const join = (): void => {
    if (short.length > 0) joined.push(Buffer.concat(short, bytes));
    short = [];
    bytes = 0;
  };
  for (const chunk of chunks) {
    if (bytes + chunk.length > JOINED_MOST) join();
    if (chunk.length > JOINED_MOST) joined.push(chunk);
    else {
      short.push(chunk);
      bytes += chunk.length;
    }
  }
  join();
  return joined;
}
