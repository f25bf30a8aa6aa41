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
import { AddressGuard, LocalAddressError } from "../outbound/address-guard.ts";
import { HttpClient } from "../outbound/http-client.ts";
import { reasonOf } from "../outbound/reason-of.ts";
import { getFollowing, RedirectError } from "../outbound/redirects.ts";
import { shownUrl } from "../outbound/shown-url.ts";
import type { Tracker } from "./tracker.ts";
import { siblingUrl } from "./tracker-url.ts";

export interface TrackerClientOptions {
  readonly announceUrl: string;
  /** The address every request comes from; a wildcard leaves the choice to the machine. */
  readonly localAddress?: Address;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent: the machine's names, and local addresses as RFCs have them. */
  readonly guard?: AddressGuard;
}

/** The tracker answered, and the answer is a refusal; `reason` is its own wording, made printable. */
export class TrackerFailure extends CtError {
  readonly reason: string;

  constructor(tracker: string, reason: string) {
    const shown = printable(reason);
    super("CT_ERR_TRACKER_FAILURE", `tracker ${tracker} refuses: ${shown}`);
    this.name = "TrackerFailure";
    this.reason = shown;
  }
}

type Resource = "announce" | "leaders" | "locate";

const ANNOUNCE_MS = 15_000;
/** An unchanged long poll is answered after 30 s; a tracker silent for 10 s more is gone. */
const LONG_POLL_MS = LIMITS.tracker.longPollMs + 10_000;

/**
 * One tracker over HTTP or HTTPS. All methods reject with a `TrackerFailure` when the tracker refuses, else with
 * CT_ERR_TRACKER (unreachable, slow, too large, not a tracker's answer); messages name the tracker without its secrets.
 */
export class TrackerClient implements Tracker {
  /** The tracker as messages name it. */
  readonly name: string;
  readonly #announceUrl: string;
  readonly #clock: Clock;
  readonly #http: HttpClient;
  /** The tracker cannot see our listen address, being of the other family. */
  readonly #elsewhere: Pick<AnnounceRequest, "otherAddress">;
  #mayKnowUs = false;

  /** Throws CT_ERR_TRACKER for a URL that is malformed or of another scheme. */
  constructor(options: TrackerClientOptions) {
    this.#announceUrl = options.announceUrl;
    this.#clock = options.clock;
    this.name = shownUrl(options.announceUrl);
    const url = URL.parse(options.announceUrl);
    if (url?.protocol !== "http:" && url?.protocol !== "https:") {
      throw new CtError("CT_ERR_TRACKER", `tracker ${this.name} is not reached by HTTP or HTTPS`);
    }
    const localAddress = localAddressFor(options, url.hostname, this.name);
    const isElsewhere = options.localAddress && !isWildcard(options.localAddress) && !localAddress;
    this.#elsewhere = isElsewhere ? { otherAddress: options.localAddress } : {};
    this.#http = new HttpClient(options.clock, localAddress, guardFor(options));
  }

  get mayKnowUs(): boolean {
    return this.#mayKnowUs;
  }

  async announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer> {
    this.#mayKnowUs = true;
    const query = encodeAnnounceRequest({ ...request, ...this.#elsewhere });
    const bytes = await this.#get("announce", query, ANNOUNCE_MS, signal);
    return this.#accepted(bytes, decodeAnnounceAnswer(bytes));
  }

  /** The long poll: answers when the term rises above the query's, or after 30 s with nothing new. */
  async leaders(query: LeadersQuery, signal?: AbortSignal): Promise<CtAnswer> {
    const bytes = await this.#get("leaders", encodeLeadersQuery(query), LONG_POLL_MS, signal);
    return this.#accepted(bytes, decodeLeadersAnswer(bytes));
  }

  /** One entry for each endpoint asked, in their order. */
  async locate(query: LocateQuery, signal?: AbortSignal): Promise<Located[]> {
    const bytes = await this.#get("locate", encodeLocateQuery(query), ANNOUNCE_MS, signal);
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

  #urlOf(resource: Resource): URL {
    const text = resource === "announce" ? this.#announceUrl : siblingUrl(this.#announceUrl, resource);
    if (!text) throw this.#error(`has no ${resource} URL: its last path segment is not "announce"`);
    return new URL(text);
  }

  async #get(
    resource: Resource,
    query: string,
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<Uint8Array> {
    const deadline = new AbortController();
    const timer = this.#clock.after(timeoutMs, () =>
      deadline.abort(this.#error(`did not answer within ${timeoutMs / 1000} s`)),
    );
    try {
      const response = await getFollowing(this.#http, this.#urlOf(resource), {
        pathOf: (url) => pathWith(query, url),
        mayBeLocal: (url) => isPlainly(resource, url, query),
        signal: signal ? AbortSignal.any([signal, deadline.signal]) : deadline.signal,
      });
      const bytes = await this.#read(response);
      if (response.statusCode !== 200) this.#refuseStatus(response.statusCode ?? 0, bytes);
      return bytes;
    } catch (error) {
      if (deadline.signal.aborted) throw deadline.signal.reason;
      if (error instanceof CtError) throw error;
      if (error instanceof RedirectError) throw this.#error(error.message, error);
      if (error instanceof LocalAddressError) throw this.#error(atLocalAddress(error), error);
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
    const elsewhere =
      status === 404 && !this.hasFeed ? " (its URL in the .torrent should perhaps end in /announce)" : "";
    throw this.#error(`answers HTTP ${status}${elsewhere}`);
  }

  #accepted<T>(bytes: Uint8Array, result: Result<T>): T {
    if (result.ok) return result.value;
    if (result.error.code === "CT_ERR_TRACKER_FAILURE") {
      throw new TrackerFailure(this.name, result.error.message);
    }
    // Captive portals and web servers without a tracker: say so instead of quoting a bencode error.
    const html = /^\s*</.test(Buffer.from(bytes.subarray(0, 64)).toString("latin1"));
    throw this.#error(html ? "answers HTML, not bencode" : `answers garbage: ${result.error.message}`);
  }

  #error(what: string, cause?: unknown): CtError {
    return new CtError("CT_ERR_TRACKER", `tracker ${this.name} ${what}`, { cause });
  }
}

/** Path and query to ask `url` by. A redirect may have repeated our query, or left it out as it likes. */
function pathWith(query: string, url: URL): string {
  if (url.searchParams.has("info_hash")) return url.pathname + url.search;
  return `${url.pathname}${url.search === "" ? "?" : `${url.search}&`}${query}`;
}

/**
 * Only such a URL may lead to a local address: whoever wrote the torrent chose neither path nor query, so that it does no
 * more to whatever service is there than to ask it for a tracker.
 */
function isPlainly(resource: Resource, url: URL, query: string): boolean {
  return url.pathname.endsWith(`/${resource}`) && (url.search === "" || url.search === `?${query}`);
}

/** The address to bind to for a tracker at `host`, or none where the machine has to choose. */
export function localAddressFor(
  { localAddress, log }: Pick<TrackerClientOptions, "localAddress" | "log">,
  host: string,
  name: string,
): Address | undefined {
  if (!localAddress || isWildcard(localAddress)) return undefined;
  const address = parseAddress(host.replace(/^\[|\]$/g, ""));
  if (!address || isIPv6(address) === isIPv6(localAddress)) return localAddress;
  log.warn(
    { event: "tracker", localAddress },
    `tracker ${name} is of another address family than our listen address and may not tell our AS`,
  );
  return undefined;
}

/** Who listens on IPv4 alone is of no use at the IPv6 address that a tracker of both families might see. */
export function guardFor({ guard, localAddress }: Pick<TrackerClientOptions, "guard" | "localAddress">) {
  return guard ?? new AddressGuard({ order: localAddress === "0.0.0.0" ? "ipv4first" : "verbatim" });
}

/** For an error's message, behind the tracker's name. */
export function atLocalAddress({ address }: LocalAddressError): string {
  return `is at the local address ${address}, where only a URL that ends in /announce and has no query is asked`;
}

/** A tracker's words end up on terminals: no control characters. */
function printable(text: string): string {
  return text.replaceAll(/\p{C}/gu, "?");
}
