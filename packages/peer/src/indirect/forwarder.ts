import type { Endpoint } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { Relay } from "./relay.ts";

/** A leader's relay of one outside peer's Haves to one follower. */
export class Forwarder {
  readonly dest: Endpoint;
  readonly #relay: Relay;
  #source: Connection | undefined;

  constructor(dest: Endpoint, relay: Relay) {
    this.dest = dest;
    this.#relay = relay;
  }

  /** The connection with the outside peer, once there is one. */
  get source(): Connection | undefined {
    return this.#source;
  }

  /** From now on what the peer has is forwarded, also what it has already. */
  start(source: Connection): void {
    this.#source = source;
    this.mapped();
  }

  /** The outside peer told its map of pieces. */
  mapped(): void {
    for (const piece of this.#source?.theirs ?? []) this.#relay.add(piece);
    this.#relay.flush();
  }

  /** The outside peer has one more piece. */
  has(piece: number): void {
    this.#relay.add(piece);
  }
}
