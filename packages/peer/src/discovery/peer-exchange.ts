import {
  type Asn,
  type Endpoint,
  formatEndpoint,
  isInternal,
  LIMITS,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import type { PexMessage } from "../wire/pex-message.ts";
import { scopeOf } from "./scope.ts";

/** What the exchange looks at of a connection. */
export interface PexNeighbour {
  readonly asn: Asn;
  readonly isOpen: boolean;
  readonly isIndirect: boolean;
  readonly isHandshaken: boolean;
  readonly speaksPex: boolean;
  readonly remote: Endpoint;
  /** Where the other side listens, as far as we know. */
  readonly endpoint: Endpoint | undefined;
  tellPeers(message: PexMessage): void;
}

/** What one peer was told, and when it may be told more. */
interface Told {
  dueAt: number;
  readonly endpoints: Set<string>;
}

/** One whom others may be told of. */
interface Listening<N> {
  readonly one: N;
  readonly endpoint: Endpoint;
  readonly key: string;
}

const { pexEntries, pexMs, pexTold } = LIMITS.discovery;
/** How often it is looked who is due, and after what time again for whom there was nothing: each look is at all neighbours. */
const LOOK_MS = 1000;
const LOOK_AGAIN_MS = 5000;

/** Tells the neighbours of one torrent of each other (BEP 11): at most 50 new ones and 50 lost ones a minute, and of 200 in all. */
export class PeerExchange<N extends PexNeighbour> {
  readonly #neighbours: () => Iterable<N>;
  readonly #isBordered: () => boolean;
  readonly #told = new WeakMap<N, Told>();
  #lookedAt = Number.NEGATIVE_INFINITY;

  /**
   * `isBordered`: the tracker's policy keeps peers inside their AS. Then a peer is told of its own AS only: a stock client
   * would dial whomever it hears of, and what the tracker left out of its peer list would come in by the back door.
   */
  constructor(neighbours: () => Iterable<N>, isBordered: () => boolean) {
    this.#neighbours = neighbours;
    this.#isBordered = isBordered;
  }

  /** To be called a few times a second. */
  sweep(now: number): void {
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    const all = [...this.#neighbours()].filter((one) => one.isOpen && one.isHandshaken && !one.isIndirect);
    const due = [...all.entries()].filter(
      ([, one]) => one.speaksPex && now >= (this.#told.get(one)?.dueAt ?? now),
    );
    if (due.length === 0) return;
    const listening = all.map((one) => {
      const { endpoint } = one;
      return endpoint && { one, endpoint, key: formatEndpoint(endpoint) };
    });
    const here = new Map(listening.flatMap((other) => (other ? [[other.key, other] as const] : [])));
    for (const [at, one] of due) {
      const told = this.#told.get(one) ?? { dueAt: now, endpoints: new Set() };
      this.#told.set(one, told);
      const message = {
        dropped: this.#gone(one, told, here),
        added: this.#news(one, told, listening, at + 1),
      };
      const isNothing = message.added.length + message.dropped.length === 0;
      told.dueAt = now + (isNothing ? LOOK_AGAIN_MS : pexMs);
      if (!isNothing) one.tellPeers(message);
    }
  }

  /** Each is told of those first that came after it: nobody is the one whom all are told of. */
  #news(to: N, told: Told, all: readonly (Listening<N> | undefined)[], from: number): Endpoint[] {
    const added: Endpoint[] = [];
    for (let i = 0; i < all.length; i++) {
      if (added.length >= pexEntries || told.endpoints.size >= pexTold) break;
      const other = all[(from + i) % all.length];
      if (!other || told.endpoints.has(other.key) || !this.#isFor(other, to)) continue;
      told.endpoints.add(other.key);
      added.push(other.endpoint);
    }
    return added;
  }

  #gone(to: N, told: Told, here: ReadonlyMap<string, Listening<N>>): Endpoint[] {
    const dropped: Endpoint[] = [];
    for (const key of told.endpoints) {
      if (dropped.length >= pexEntries) break;
      const other = here.get(key);
      if (other && this.#isFor(other, to)) continue;
      told.endpoints.delete(key);
      dropped.push(unwrap(parseEndpoint(key)));
    }
    return dropped;
  }

  #isFor({ endpoint, one }: Listening<N>, to: N): boolean {
    if (one === to) return false;
    const isInReach = scopeOf(endpoint.address) === scopeOf(to.remote.address);
    return isInReach && (!this.#isBordered() || isInternal(one.asn, to.asn));
  }
}
