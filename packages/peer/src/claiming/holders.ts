import {
  type Asn,
  type Endpoint,
  formatEndpoint,
  isInternal,
  LIMITS,
  type Located,
} from "@cachetorrent/protocol";
import { mayBeDialled } from "../indirect/dial-rules.ts";
import type { Connection } from "../wire/connection.ts";

export interface HoldersParts {
  /** Our own endpoints. */
  readonly ours: readonly Endpoint[];
  asn(): Asn;
  connectionTo(endpoint: Endpoint): Connection | undefined;
  locate(endpoint: Endpoint): Promise<Located>;
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  /** We miss it still. */
  isMissing(piece: number): boolean;
  /** It was there, and does not have the piece. */
  lacks(piece: number, endpoint: Endpoint): void;
  /** It could not be reached, or gave nothing in 20 s. */
  didNotServe(piece: number, endpoint: Endpoint): void;
}

interface Attempt {
  readonly piece: number;
  readonly endpoint: Endpoint;
  readonly since: number;
}

/** Attempts at a time: a head that names endpoints without end is not to make us dial without end. */
const ATTEMPTS_MOST = 16;

/** Members of our AS that the head named as holders of what we miss, as long as we try to get it from them. */
export class Holders {
  readonly #parts: HoldersParts;
  readonly #attempts = new Map<string, Attempt>();

  constructor(parts: HoldersParts) {
    this.#parts = parts;
  }

  connect(endpoints: readonly Endpoint[], piece: number, now: number): void {
    for (const endpoint of endpoints) {
      const key = `${piece} ${formatEndpoint(endpoint)}`;
      if (this.#attempts.has(key) || this.#attempts.size >= ATTEMPTS_MOST) continue;
      this.#attempts.set(key, { piece, endpoint, since: now });
      void this.#connect(endpoint, piece);
    }
  }

  sweep(now: number): void {
    for (const [key, { endpoint, piece, since }] of this.#attempts) {
      if (!this.#parts.isMissing(piece)) this.#attempts.delete(key);
      else if (now - since > LIMITS.claims.whereMs) {
        this.#attempts.delete(key);
        const connection = this.#parts.connectionTo(endpoint);
        if (connection?.isHandshaken && !connection.theirs.has(piece)) this.#parts.lacks(piece, endpoint);
        else this.#parts.didNotServe(piece, endpoint);
      }
    }
  }

  /** As with `leader_start`: nobody is to make us knock at doors that are none of this swarm. */
  async #connect(endpoint: Endpoint, piece: number): Promise<void> {
    const { asn, connectionTo, dial, didNotServe, locate, ours } = this.#parts;
    if (connectionTo(endpoint)) return;
    const located = mayBeDialled(endpoint, ours) ? await locate(endpoint) : undefined;
    const isOurs = located?.known === true && isInternal(located.asn, asn());
    if (!isOurs || (!connectionTo(endpoint) && (await dial(endpoint)) === undefined))
      didNotServe(piece, endpoint);
  }
}
