import { type Clock, type Random, randomBelow, type Timer } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceRequest,
  CtError,
  decodeUdpTrackerAnswer,
  encodeUdpTrackerRequest,
  isIPv6,
  LIMITS,
  type UdpAnnounceAnswer,
  type UdpTrackerAnswer,
  type UdpTrackerRequest,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import { type AddressGuard, LocalAddressError } from "../outbound/address-guard.ts";
import { reasonOf } from "../outbound/reason-of.ts";
import { shownUrl } from "../outbound/shown-url.ts";
import type { Tracker } from "./tracker.ts";
import {
  atLocalAddress,
  guardFor,
  localAddressFor,
  type TrackerClientOptions,
  TrackerFailure,
} from "./tracker-client.ts";
import { UdpLink } from "./udp-link.ts";

const { answerMs, connectionMs, retransmissions, urlBytes } = LIMITS.udpTracker;

export interface UdpTrackerClientOptions extends TrackerClientOptions {
  /** Where transaction ids come from. */
  readonly random: Random;
}

/**
 * One tracker over UDP (BEP 15, BEP 41). It gives peers and an interval, and knows nothing of ASes and leaders. Errors as
 * those of `TrackerClient`. npm's bittorrent-tracker asks once, where a datagram may be lost, over IPv4 only, and leaves out
 * the URL's path and query.
 */
export class UdpTrackerClient implements Tracker {
  readonly name: string;
  readonly hasFeed = false;
  readonly #host: string;
  readonly #port: number;
  readonly #urlData: string;
  readonly #localAddress: Address | undefined;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #guard: AddressGuard;
  readonly #closing = new AbortController();
  #mayKnowUs = false;
  #link: UdpLink | undefined;
  #connection: { readonly id: bigint; readonly until: number } | undefined;
  #idle: Timer | undefined;
  #failures = 0;

  /** Throws CT_ERR_TRACKER for a URL that is malformed, has no port, or is too long. */
  constructor(options: UdpTrackerClientOptions) {
    this.name = shownUrl(options.announceUrl);
    const url = URL.parse(options.announceUrl);
    const port = Number(url?.port);
    if (url?.protocol !== "udp:" || url.hostname === "" || !(port > 0)) {
      throw this.#error("is no URL of the form udp://HOST:PORT/announce");
    }
    this.#urlData = url.pathname + url.search;
    if (this.#urlData.length > urlBytes) throw this.#error(`has a path of more than ${urlBytes} bytes`);
    this.#host = url.hostname.replace(/^\[|\]$/g, "");
    this.#port = port;
    this.#localAddress = localAddressFor(options, this.#host, this.name);
    this.#clock = options.clock;
    this.#random = options.random;
    this.#guard = guardFor(options);
  }

  get mayKnowUs(): boolean {
    return this.#mayKnowUs;
  }

  /** What the request has for members is left out: there is no place for it. One announce at a time. */
  async announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer> {
    const ended = AbortSignal.any([this.#closing.signal, ...(signal ? [signal] : [])]);
    const end = (): void => this.#hangUp();
    this.#idle?.cancel();
    ended.addEventListener("abort", end);
    try {
      if (ended.aborted) throw new Error("closed");
      const answer = await this.#announceOver(await this.#open(ended), request);
      this.#failures = 0;
      this.#rest();
      return answer;
    } catch (error) {
      // The next try connects anew, over the next of the host's addresses.
      if (!ended.aborted) {
        this.#hangUp();
        this.#failures++;
      }
      if (error instanceof CtError) throw error;
      if (error instanceof LocalAddressError) throw this.#error(atLocalAddress(error), error);
      throw this.#error(`is not reachable: ${reasonOf(error)}`, error);
    } finally {
      ended.removeEventListener("abort", end);
    }
  }

  leaders(): Promise<never> {
    return Promise.reject(this.#error("is reached by UDP, and knows no leaders"));
  }

  locate(): Promise<never> {
    return Promise.reject(this.#error("is reached by UDP, and locates nobody"));
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#hangUp();
  }

  async #open(ended: AbortSignal): Promise<UdpLink> {
    if (this.#link?.isOpen) return this.#link;
    this.#connection = undefined;
    const addresses = await this.#inTime(this.#resolve(), ended);
    const address = addresses[this.#failures % addresses.length] as Address;
    const [localAddress, clock] = [this.#localAddress, this.#clock];
    const link = await UdpLink.open({ address, port: this.#port, localAddress, clock });
    if (ended.aborted) {
      link.close();
      throw new Error("closed");
    }
    this.#link = link;
    return link;
  }

  #resolve(): Promise<Address[]> {
    // Nothing but a tracker is asked at a local address, over UDP neither.
    const mayBeLocal = this.#urlData.endsWith("/announce") && !this.#urlData.includes("?");
    const family = this.#localAddress === undefined ? 0 : isIPv6(this.#localAddress) ? 6 : 4;
    return this.#guard.resolve(this.#host, mayBeLocal, family);
  }

  /** A name server that hangs costs no more than a tracker that does. */
  async #inTime<T>(promise: Promise<T>, ended: AbortSignal): Promise<T> {
    const late = Promise.withResolvers<never>();
    const give = (why: string) => (): void => late.reject(new Error(why));
    const aborted = give("closed");
    const timer = this.#clock.after(answerMs, give(`its name is not resolved within ${answerMs / 1000} s`));
    ended.addEventListener("abort", aborted);
    try {
      return await Promise.race([promise, late.promise]);
    } finally {
      timer.cancel();
      ended.removeEventListener("abort", aborted);
    }
  }

  /** BEP 15, "Time outs": each silence doubles the wait; a connection id that ran out meanwhile is asked for anew. */
  async #announceOver(link: UdpLink, request: AnnounceRequest): Promise<AnnounceAnswer> {
    const transactions = { connect: this.#transactionId(), announce: this.#transactionId() };
    let announced = false;
    for (let silences = 0; silences <= retransmissions; ) {
      const question = this.#questionOf(request, transactions);
      announced ||= question.action === "announce";
      this.#mayKnowUs ||= announced;
      const answer = await this.#ask(link, question, answerMs * 2 ** silences);
      if (!answer) silences++;
      else if (answer.action === "error") throw new TrackerFailure(this.name, answer.message);
      else if (answer.action === "announce" && question.action === "announce")
        return announceAnswerOf(answer);
      else if (answer.action === "connect" && question.action === "connect") {
        this.#connection = { id: answer.connectionId, until: this.#clock.now() + connectionMs };
        // Not once announces were lost: a tracker that answers nothing but connects would hold us for ever.
        if (!announced) silences = 0;
      } else throw this.#error(`answers garbage: action ${answer.action} to ${question.action}`);
    }
    throw this.#error(`did not answer, asked ${retransmissions + 1} times`);
  }

  async #ask(
    link: UdpLink,
    question: UdpTrackerRequest,
    waitMs: number,
  ): Promise<UdpTrackerAnswer | undefined> {
    const bytes = await link.ask(encodeUdpTrackerRequest(question), question.transactionId, waitMs);
    if (!bytes) return undefined;
    const answer = decodeUdpTrackerAnswer(bytes, link.family);
    if (!answer.ok) throw this.#error(`answers garbage: ${answer.error.message}`);
    return answer.value;
  }

  #questionOf(
    request: AnnounceRequest,
    transactions: { readonly connect: number; readonly announce: number },
  ): UdpTrackerRequest {
    if (!this.#connection || this.#connection.until <= this.#clock.now()) {
      return { action: "connect", transactionId: transactions.connect };
    }
    const { downloaded, event, infoHash, key = "", left, numwant, peerId, port, uploaded } = request;
    return {
      action: "announce",
      transactionId: transactions.announce,
      connectionId: this.#connection.id,
      infoHash,
      peerId,
      port,
      uploaded,
      downloaded,
      left,
      ...(event ? { event } : {}),
      ...(numwant === undefined ? {} : { numwant }),
      // The same in each announce, as over HTTP; 32 bits of it have room.
      key: Number.parseInt(key.slice(0, 8).padEnd(8, "0"), 16),
      urlData: this.#urlData,
    };
  }

  #transactionId(): number {
    return randomBelow(this.#random, 2 ** 32);
  }

  /** While the connection id is good the socket stays, for it may be good for this port alone. */
  #rest(): void {
    const restMs = (this.#connection?.until ?? 0) - this.#clock.now();
    this.#idle = this.#clock.after(Math.max(0, restMs), () => this.#hangUp());
  }

  #hangUp(): void {
    this.#idle?.cancel();
    this.#link?.close();
    this.#link = undefined;
    this.#connection = undefined;
  }

  #error(what: string, cause?: unknown): CtError {
    return new CtError("CT_ERR_TRACKER", `tracker ${this.name} ${what}`, { cause });
  }
}

function announceAnswerOf({ interval, leechers, peers, seeders }: UdpAnnounceAnswer): AnnounceAnswer {
  return {
    interval,
    complete: seeders,
    incomplete: leechers,
    peers: peers.map((endpoint) => ({ endpoint, asn: UNKNOWN_ASN })),
  };
}
