import type { IncomingMessage } from "node:http";
import { LIMITS } from "@cachetorrent/protocol";
import type { HttpClient } from "../outbound/http-client.ts";
import { getFollowing } from "../outbound/redirects.ts";
import { WebSeedFault } from "./fault.ts";

export interface RangedGet {
  readonly http: HttpClient;
  readonly url: URL;
  /** May it lead to a loopback, private or link-local address? */
  readonly mayBeLocal: boolean;
  /** The bytes of the file that are asked for. */
  readonly from: number;
  readonly length: number;
  readonly fileLength: number;
  readonly signal: AbortSignal;
  received(bytes: Uint8Array): void;
}

/**
 * Asks for a range of a file (RFC 9110, section 14) and reads no more than that, whatever is sent. Resolves when all of it came; rejects
 * with a `WebSeedFault`, or as `getFollowing` does.
 */
export async function getRange(asked: RangedGet): Promise<void> {
  const { fileLength, from, http, length, mayBeLocal, received, signal, url } = asked;
  const response = await untilHead(signal, (head) =>
    getFollowing(http, url, {
      pathOf: ({ pathname, search }) => pathname + search,
      mayBeLocal: () => mayBeLocal,
      range: `bytes=${from}-${from + length - 1}`,
      signal: head,
    }),
  );
  const broken = () => response.destroy();
  signal.addEventListener("abort", broken);
  try {
    let skip = bytesBefore(response, asked);
    let left = length;
    for await (const chunk of response as AsyncIterable<Uint8Array>) {
      const bytes = chunk.subarray(skip, skip + left);
      skip = Math.max(0, skip - chunk.length);
      left -= bytes.length;
      if (bytes.length > 0) received(bytes);
      // What is beyond it may be endless.
      if (left === 0 && response.headers["content-length"] === undefined) break;
      if (left === 0 && chunk.length > bytes.length) break;
    }
    if (left > 0) {
      const last = from + length - left;
      throw new WebSeedFault("failing", `ended early, at byte ${last} of ${fileLength}`);
    }
  } finally {
    signal.removeEventListener("abort", broken);
    // What was read to its end is over, and its connection kept.
    if (!response.complete) response.destroy();
  }
}

/**
 * A request is broken off by its signal only until the head of the response is there. After that what `received` makes of the last bytes may be
 * the reason, when the socket is on its way back to the agent and nobody listens there to the error that the signal makes.
 */
async function untilHead<T>(signal: AbortSignal, ask: (head: AbortSignal) => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  const head = new AbortController();
  const broken = () => head.abort(signal.reason);
  signal.addEventListener("abort", broken);
  try {
    return await ask(head.signal);
  } finally {
    signal.removeEventListener("abort", broken);
  }
}

/** How many bytes of the body come before those that were asked for. Throws a `WebSeedFault` for a response of no use. */
function bytesBefore(response: IncomingMessage, { fileLength, from, length, url }: RangedGet): number {
  const { headers, statusCode: status = 0 } = response;
  const what = `for ${url.pathname}`;
  if (status === 429 || status === 408 || status >= 500) {
    throw new WebSeedFault("failing", `answered ${status} ${what}`, retryAfterMs(headers["retry-after"]));
  }
  if (status === 416) {
    throw new WebSeedFault("wrong", `has no bytes ${from} to ${from + length - 1} ${what}`);
  }
  if (status !== 200 && status !== 206) throw new WebSeedFault("refused", `answered ${status} ${what}`);
  if ((headers["content-encoding"] ?? "identity") !== "identity") {
    throw new WebSeedFault("wrong", `compresses ${what}, though it was asked not to`);
  }
  if (status === 206) {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers["content-range"] ?? "") ?? [];
    if (Number(first) !== from) throw new WebSeedFault("wrong", `answered another range ${what}`);
    if (total !== "*") checkLength(Number(total), fileLength, what);
    return 0;
  }
  if (headers["content-length"] !== undefined)
    checkLength(Number(headers["content-length"]), fileLength, what);
  const isAll = from === 0 && length === fileLength;
  // Else each request would bring the whole file, and an origin be pulled many times over.
  if (!isAll && fileLength > LIMITS.webSeeds.wholeFileBytes) {
    throw new WebSeedFault("wrong", `ignores ranges: it answered with all ${fileLength} bytes ${what}`);
  }
  return from;
}

function checkLength(theirs: number, ours: number, what: string): void {
  if (theirs !== ours) {
    throw new WebSeedFault("wrong", `has ${theirs} bytes ${what}, the torrent ${ours}`);
  }
}

/** `Retry-After` in seconds; as a date it counts for nothing, our clock may be another one. */
function retryAfterMs(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,9}$/.test(text)) return undefined;
  return Math.min(Number(text) * 1000, LIMITS.webSeeds.retryAfterMostMs);
}
