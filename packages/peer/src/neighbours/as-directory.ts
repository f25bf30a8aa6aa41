import type { Clock, Timer } from "@cachetorrent/clock";
import {
  type Address,
  type Asn,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  type Located,
  type PeerEntry,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";

export interface AsDirectoryOptions {
  /** Asks the tracker, at most 50 endpoints a call; one answer each, in their order. */
  readonly locate: (endpoints: readonly Endpoint[]) => Promise<readonly Located[]>;
  readonly clock: Clock;
  readonly log: Logger;
}

const { locateAgainMs, locateTimeoutMs } = LIMITS.peer;

/** Whom an unlisted address costs: strangers who connect from many addresses fill neither the cache nor the queue. */
const ADDRESSES_MOST = 10_000;
const WAITING_MOST = 1_000;
/** Endpoints asked for within this time go to the tracker in one request. */
const GATHER_MS = 10;

/**
 * In which AS is an address? Learnt from the tracker only (protocol: what a handshake claims is for the log), kept by
 * address for 10 minutes. One torrent's: whether an endpoint is known is a question about a swarm.
 */
export class AsDirectory {
  readonly #options: AsDirectoryOptions;
  readonly #entries = new Map<Address, { readonly asn: Asn; readonly until: number }>();
  readonly #waiting = new Map<string, Waiting>();
  #gathering: Waiting[] = [];
  /** The last question whose time is over was answered, or there is none yet. */
  #isAnswered = true;

  constructor(options: AsDirectoryOptions) {
    this.#options = options;
  }

  /** Takes over the AS numbers of a peer list. Entries of no known AS teach nothing: stock trackers know none. */
  learn(entries: readonly PeerEntry[]): void {
    for (const { endpoint, asn } of entries) if (asn !== UNKNOWN_ASN) this.#keep(endpoint.address, asn);
  }

  /** 0 when the tracker said that it does not know, undefined when it was not asked within 10 minutes. */
  asnOf(address: Address): Asn | undefined {
    const entry = this.#entries.get(address);
    return entry && entry.until > this.#options.clock.now() ? entry.asn : undefined;
  }

  /**
   * Asks the tracker about `endpoint`, together with whatever else is asked at the time. Never rejects: what is
   * not answered in time is not known in the swarm, and of an unknown AS unless its address was learnt before. A tracker that answers is
   * given more of it: where fifty peers begin at once it is late, and what comes meanwhile would count as from outside for good.
   */
  locate(endpoint: Endpoint): Promise<Located> {
    const key = formatEndpoint(endpoint);
    const standing = this.#waiting.get(key);
    if (standing) return standing.located.promise;
    if (this.#waiting.size >= WAITING_MOST) return Promise.resolve(this.#fallback(endpoint));
    const waiting: Waiting = {
      endpoint,
      located: Promise.withResolvers<Located>(),
      timeout: this.#options.clock.after(this.#isAnswered ? locateTimeoutMs : locateAgainMs, () => {
        this.#isAnswered = false;
        this.#settle(waiting, this.#fallback(endpoint));
      }),
    };
    this.#waiting.set(key, waiting);
    if (this.#gathering.push(waiting) === 1) {
      this.#options.clock.after(GATHER_MS, () => this.#ask());
    }
    return waiting.located.promise;
  }

  #ask(): void {
    const gathered = this.#gathering;
    this.#gathering = [];
    for (let at = 0; at < gathered.length; at += LIMITS.tracker.locateEndpoints) {
      void this.#askBatch(gathered.slice(at, at + LIMITS.tracker.locateEndpoints));
    }
  }

  async #askBatch(batch: readonly Waiting[]): Promise<void> {
    let answers: readonly Located[] = [];
    try {
      answers = await this.#options.locate(batch.map((waiting) => waiting.endpoint));
      this.#isAnswered = true;
    } catch (error) {
      this.#options.log.debug({ err: error, event: "locate" }, "the tracker does not locate peers");
    }
    batch.forEach((waiting, i) => {
      const answer = answers[i];
      if (answer) this.#keep(waiting.endpoint.address, answer.asn);
      this.#settle(waiting, answer ?? this.#fallback(waiting.endpoint));
    });
  }

  #settle(waiting: Waiting, located: Located): void {
    waiting.timeout.cancel();
    const key = formatEndpoint(waiting.endpoint);
    // An answer after the time-out must not end a later question about the same endpoint.
    if (this.#waiting.get(key) === waiting) this.#waiting.delete(key);
    waiting.located.resolve(located);
  }

  /** What was learnt once is better than nothing: without its tracker a peer would lose sight of its own AS. */
  #fallback(endpoint: Endpoint): Located {
    return { asn: this.#entries.get(endpoint.address)?.asn ?? UNKNOWN_ASN, known: false };
  }

  /** A Map keeps its keys in the order of insertion: the first is the one learnt longest ago. */
  #keep(address: Address, asn: Asn): void {
    this.#entries.delete(address);
    this.#entries.set(address, { asn, until: this.#options.clock.now() + LIMITS.peer.asCacheMs });
    if (this.#entries.size > ADDRESSES_MOST) {
      const oldest = this.#entries.keys().next();
      if (!oldest.done) this.#entries.delete(oldest.value);
    }
  }
}

interface Waiting {
  readonly endpoint: Endpoint;
  readonly located: PromiseWithResolvers<Located>;
  readonly timeout: Timer;
}
