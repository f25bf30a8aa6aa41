import type { IncomingMessage } from "node:http";
import type { Clock } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceRequest,
  type CtAnswer,
  CtError,
  decodeAnnounceAnswer,
  decodeLeadersAnswer,
  decodeLocateAnswer,
  encodeAnnounceRequest,
  encodeLeadersQuery,
  encodeLocateQuery,
  isIPv6,
  isWildcard,
  type LeadersQuery,
  LIMITS,
  type Located,
  type LocateQuery,
  parseAddress,
  type Result,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { HttpClient } from "./http-client.ts";
import { shownUrl, siblingUrl } from "./tracker-url.ts";

export interface TrackerClientOptions {
  readonly announceUrl: string;
  /** The address every request comes from; a wildcard leaves the choice to the machine. */
  readonly localAddress?: Address;
  readonly clock: Clock;
  readonly log: Logger;
}

/** The tracker answered, and the answer is a refusal; `reason` is its own wording, made printable. */
export class TrackerFailure extends CtError {
  readonly reason: string;

  constructor(tracker: string, reason: string) {
    super("CT_ERR_TRACKER_FAILURE", `tracker ${tracker} refuses: ${reason}`);
    this.name = "TrackerFailure";
    this.reason = reason;
  }
}

const ANNOUNCE_MS = 15_000;
/** An unchanged long poll is answered after 30 s; a tracker silent for 10 s more is gone. */
const LONG_POLL_MS = LIMITS.tracker.longPollMs + 10_000;

/**
 * One tracker over HTTP or HTTPS. All methods reject with a `TrackerFailure` when the tracker refuses, else with
 * CT_ERR_TRACKER (unreachable, slow, too large, not a tracker's answer); messages name the tracker without its secrets.
 */
export class TrackerClient {
  /** The tracker as messages name it. */
  readonly name: string;
  readonly #announceUrl: string;
  readonly #clock: Clock;
  readonly #http: HttpClient;

  /** Throws CT_ERR_TRACKER for a URL that is malformed or of another scheme. */
  constructor(options: TrackerClientOptions) {
    this.#announceUrl = options.announceUrl;
    this.#clock = options.clock;
    this.name = shownUrl(options.announceUrl);
    const url = URL.parse(options.announceUrl);
    if (url?.protocol !== "http:" && url?.protocol !== "https:") {
      throw new CtError("CT_ERR_TRACKER", `tracker ${this.name} is not reached by HTTP or HTTPS`);
    }
    const localAddress = bindableAddress(options.localAddress, url.hostname);
    if (options.localAddress && !isWildcard(options.localAddress) && !localAddress) {
      options.log.warn(
        { event: "tracker", localAddress: options.localAddress },
        `tracker ${this.name} is of another address family than our listen address and may not tell our AS`,
      );
    }
    this.#http = new HttpClient(options.clock, localAddress);
  }

  async announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer> {
    const bytes = await this.#get(this.#announceUrl, encodeAnnounceRequest(request), ANNOUNCE_MS, signal);
    return this.#accepted(bytes, decodeAnnounceAnswer(bytes));
  }

  /** The long poll: answers when the term rises above the query's, or after 30 s with nothing new. */
  async leaders(query: LeadersQuery, signal?: AbortSignal): Promise<CtAnswer> {
    const bytes = await this.#get(this.#sibling("leaders"), encodeLeadersQuery(query), LONG_POLL_MS, signal);
    return this.#accepted(bytes, decodeLeadersAnswer(bytes));
  }

  /** One entry for each endpoint asked, in their order. */
  async locate(query: LocateQuery, signal?: AbortSignal): Promise<Located[]> {
    const bytes = await this.#get(this.#sibling("locate"), encodeLocateQuery(query), ANNOUNCE_MS, signal);
    return this.#accepted(bytes, decodeLocateAnswer(bytes, query.endpoints.length));
  }

  /** False where BEP 48's rule gives no URL for the long poll. */
  get hasFeed(): boolean {
    return siblingUrl(this.#announceUrl, "leaders") !== undefined;
  }

  /** Ends requests in flight too. Idempotent. */
  async close(): Promise<void> {
    await this.#http.close();
  }

  #sibling(name: "leaders" | "locate"): string {
    const url = siblingUrl(this.#announceUrl, name);
    if (!url) throw this.#error(`has no ${name} URL: its last path segment is not "announce"`);
    return url;
  }

  async #get(base: string, query: string, timeoutMs: number, signal?: AbortSignal): Promise<Uint8Array> {
    const url = new URL(base);
    const path = `${url.pathname}${url.search === "" ? "?" : `${url.search}&`}${query}`;
    const deadline = new AbortController();
    const timer = this.#clock.after(timeoutMs, () =>
      deadline.abort(this.#error(`did not answer within ${timeoutMs / 1000} s`)),
    );
    try {
      const any = signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal;
      const response = await this.#http.get(url, path, any);
      const bytes = await this.#read(response);
      if (response.statusCode !== 200) this.#refuseStatus(response.statusCode ?? 0, bytes);
      return bytes;
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      if (error instanceof CtError) throw error;
      throw this.#error(`is not reachable: ${reasonOf(error)}`, error);
    } finally {
      timer.cancel();
    }
  }

  /** Counts while it reads, so that an endless answer costs 2 MiB and not the memory there is. */
  async #read(body: IncomingMessage): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > LIMITS.bencode.answerBytes) {
        throw this.#error(`answers with more than ${LIMITS.bencode.answerBytes} bytes`);
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Failures should come as HTTP 200 (BEP 3), but some trackers put their `failure reason` under another status. */
  #refuseStatus(status: number, bytes: Uint8Array): never {
    const decoded = decodeAnnounceAnswer(bytes);
    if (!decoded.ok && decoded.error.code === "CT_ERR_TRACKER_FAILURE") this.#accepted(bytes, decoded);
    const redirect = status >= 300 && status < 400 ? ", a redirect, which is not followed" : "";
    const elsewhere =
      status === 404 && !this.hasFeed ? " (its URL in the .torrent should perhaps end in /announce)" : "";
    throw this.#error(`answers HTTP ${status}${redirect}${elsewhere}`);
  }

  #accepted<T>(bytes: Uint8Array, result: Result<T>): T {
    if (result.ok) return result.value;
    if (result.error.code === "CT_ERR_TRACKER_FAILURE") {
      throw new TrackerFailure(this.name, printable(result.error.message));
    }
    // Captive portals and web servers without a tracker: say so instead of quoting a bencode error.
    const html = /^\s*</.test(Buffer.from(bytes.subarray(0, 64)).toString("latin1"));
    throw this.#error(html ? "answers HTML, not bencode" : `answers garbage: ${result.error.message}`);
  }

  #error(what: string, cause?: unknown): CtError {
    return new CtError("CT_ERR_TRACKER", `tracker ${this.name} ${what}`, { cause });
  }
}

/** The address to bind to, or none where the machine has to choose. */
function bindableAddress(localAddress: Address | undefined, urlHost: string): Address | undefined {
  if (!localAddress || isWildcard(localAddress)) return undefined;
  const trackerAddress = parseAddress(urlHost.replace(/^\[|\]$/g, ""));
  return trackerAddress && isIPv6(trackerAddress) !== isIPv6(localAddress) ? undefined : localAddress;
}

/** `ECONNREFUSED` says more than the wording around it. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  return code && !error.message.includes(code) ? `${error.message} (${code})` : error.message;
}

/** A tracker's words end up on terminals: no control characters. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}
