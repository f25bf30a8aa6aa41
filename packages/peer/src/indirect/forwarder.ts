import type { Endpoint } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { Relay } from "./relay.ts";

/** A leader's relay of one outside peer's Haves to one follower. */
export class Forwarder {
  readonly follower: Connection;
  readonly dest: Endpoint;
  readonly #relay: Relay;
  #source: Connection;

  /** From now on what the peer behind `source` has is forwarded, also what it has already. */
  constructor(follower: Connection, dest: Endpoint, relay: Relay, source: Connection) {
    this.follower = follower;
    this.dest = dest;
    this.#relay = relay;
    this.#source = source;
    this.mapped();
  }

  /** The connection with the outside peer. */
  get source(): Connection {
    return this.#source;
  }

  /** The same peer, over another connection. */
  goOnWith(source: Connection): void {
    this.#source = source;
    this.mapped();
  }

  /** The outside peer told its map of pieces. */
  mapped(): void {
    this.#relay.addAll(this.#source);
    this.#relay.flush();
  }

  /** The outside peer has one more piece. */
  has(piece: number): void {
    this.#relay.add(piece);
  }
}
