import type { Clock } from "@cachetorrent/clock";
import {
  type Address,
  type Asn,
  type Endpoint,
  formatEndpoint,
  isInternal,
  LIMITS,
  type Located,
  type Refusal,
  sameEndpoint,
} from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

export interface DialQueueParts {
  readonly clock: Clock;
  connectionTo(endpoint: Endpoint): Connection | undefined;
  /** Did a tracker tell us of the endpoint? */
  isListed(endpoint: Endpoint): boolean;
  asnOf(address: Address): Asn | undefined;
  locate(endpoint: Endpoint): Promise<Located>;
  /** Opens a connection to download only; "not now" when that was not tried. */
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  /** Our own AS. */
  asn(): Asn;
  /** The answer to an errand: a connection, or why there is none. */
  settled(errand: Errand, outcome: Connection | Refusal): void;
  /** A connection that nobody waits for any more. */
  unclaimed(connection: Connection): void;
}

/** A follower's question for a destination that is not answered yet. */
export interface Errand {
  readonly follower: Connection;
  readonly dest: Endpoint;
  /** When it was asked. */
  readonly since: number;
}

const { cache } = LIMITS;
/** Who waited for so long is refused, before it takes its leader for dead. */
const PATIENCE_MS = 8000;
/** Endpoints that failed are remembered; so many, the oldest goes. */
const FAILED_MOST = 1000;

/** The dials of a leader for its followers: each in its turn, and one for all who ask for the same destination. */
export class DialQueue {
  readonly #parts: DialQueueParts;
  /** In the order in which they were asked; those whose dial is under way, too. */
  readonly #errands = new Set<Errand>();
  /** Destinations that are being dialled. */
  readonly #underWay = new Set<string>();
  readonly #dialledAt = new WeakMap<Connection, number>();
  /** By destination: until when it is not dialled again. */
  readonly #failed = new Map<string, number>();

  constructor(parts: DialQueueParts) {
    this.#parts = parts;
  }

  /** Is it remembered as one that cannot be reached? */
  hasFailed(dest: Endpoint): boolean {
    return (this.#failed.get(formatEndpoint(dest)) ?? 0) > this.#parts.clock.now();
  }

  /** It cannot be reached, or is of no use: it is not dialled again for long. */
  failed(dest: Endpoint): void {
    this.#failed.set(formatEndpoint(dest), this.#parts.clock.now() + cache.unreachableMs);
    const oldest = this.#failed.keys().next();
    if (this.#failed.size > FAILED_MOST && !oldest.done) this.#failed.delete(oldest.value);
  }

  add(errand: Errand): void {
    this.#errands.add(errand);
    this.#run(this.#parts.clock.now());
  }

  /** Nobody waits for the answer. */
  drop(errand: Errand): void {
    this.#errands.delete(errand);
  }

  sweep(now: number): void {
    for (const [key, until] of this.#failed) if (now >= until) this.#failed.delete(key);
    this.#run(now);
  }

  /** In their order, but for the followers whose last dial was a moment ago. */
  #run(now: number): void {
    for (const errand of [...this.#errands]) {
      const { dest, follower, since } = errand;
      const key = formatEndpoint(dest);
      if (!this.#errands.has(errand) || this.#underWay.has(key)) continue;
      const connection = this.#parts.connectionTo(dest);
      if (connection) this.#settle(key, this.#checked(connection));
      else if (now - since > PATIENCE_MS) this.#answer(errand, "full");
      else if (this.#mayDial(follower, now)) {
        this.#dialledAt.set(follower, now);
        void this.#dial(key, dest);
      }
    }
  }

  #mayDial(follower: Connection, now: number): boolean {
    const before = this.#dialledAt.get(follower) ?? Number.NEGATIVE_INFINITY;
    return this.#underWay.size < cache.dialsAtOnce && now - before >= cache.dialsPerFollowerMs;
  }

  async #dial(key: string, dest: Endpoint): Promise<void> {
    this.#underWay.add(key);
    const outcome = await this.#find(dest);
    this.#underWay.delete(key);
    if (outcome === "unreachable") this.failed(dest);
    // It is being dialled by ourselves, or there is no room: its turn comes again.
    if (outcome !== "not now" && !this.#settle(key, outcome) && typeof outcome !== "string") {
      this.#parts.unclaimed(outcome);
    }
    this.#run(this.#parts.clock.now());
  }

  /** A connection with the endpoint, or why there can be none. */
  async #find(dest: Endpoint): Promise<Connection | Refusal | "not now"> {
    const { asn, asnOf, connectionTo, dial, isListed, locate } = this.#parts;
    if (!isListed(dest) || asnOf(dest.address) === undefined) {
      const located = await locate(dest);
      if (!located.known && !isListed(dest)) return "not in this swarm";
      if (isInternal(located.asn, asn())) return "same AS";
      // Meanwhile the followers may have left, or the office may be over.
      if (![...this.#errands].some((errand) => sameEndpoint(errand.dest, dest))) return "not now";
    }
    const connection = connectionTo(dest) ?? (await dial(dest)) ?? connectionTo(dest);
    if (connection === "not now") return connectionTo(dest) ?? "not now";
    return connection ? this.#checked(connection) : "unreachable";
  }

  /** Whoever is inside our AS the follower reaches by itself. */
  #checked(connection: Connection): Connection | Refusal {
    if (!isInternal(connection.asn, this.#parts.asn())) return connection;
    this.#parts.unclaimed(connection);
    return "same AS";
  }

  /** Answers everybody who waits for the destination. False when nobody does. */
  #settle(key: string, outcome: Connection | Refusal): boolean {
    const concerned = [...this.#errands].filter(({ dest }) => formatEndpoint(dest) === key);
    for (const errand of concerned) this.#answer(errand, outcome);
    return concerned.length > 0;
  }

  #answer(errand: Errand, outcome: Connection | Refusal): void {
    this.#errands.delete(errand);
    this.#parts.settled(errand, outcome);
  }
}
