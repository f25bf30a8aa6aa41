import { LIMITS } from "@cachetorrent/protocol";
import type { TorrentLedger } from "../accounts/ledger.ts";
import type { Exchange } from "../exchange/exchange.ts";
import type { Role } from "./role.ts";

/** The role a peer acts in, and the way from one to the next. */
export class ActingRole {
  readonly #exchange: Exchange;
  readonly #ledger: TorrentLedger;
  /** Until when what was asked outside before the role changed may still come. */
  #stepsDownUntil: number | undefined;

  constructor(exchange: Exchange, ledger: TorrentLedger) {
    this.#exchange = exchange;
    this.#ledger = ledger;
  }

  /** From now on only what the role allows is asked for. */
  become(role: Role, now: number): void {
    this.#exchange.setRole(role);
    this.#stepsDownUntil = this.mayFetchOutside ? now : now + LIMITS.cache.steppingDownMs;
    this.sweep(now);
  }

  get name(): Role["name"] {
    return this.#exchange.role.name;
  }

  /** Does it stay what it is until somebody says otherwise? */
  get isSettled(): boolean {
    return this.name !== "pending" && this.#stepsDownUntil === undefined;
  }

  get mayFetchOutside(): boolean {
    return this.name === "leader" || this.name === "independent" || this.name === "member";
  }

  /**
   * The ledger has the new role once nothing can come any more that was asked for in the old one: a leader that became a
   * follower gets no byte from outside as a follower. Over a connection that does not say so in time nothing comes any more.
   */
  sweep(now: number): void {
    if (this.#stepsDownUntil === undefined) return;
    const awaiting = this.mayFetchOutside ? [] : this.#exchange.awaitingOutside(this.#ledger.asn);
    if (awaiting.length > 0 && now < this.#stepsDownUntil) return;
    for (const connection of awaiting) connection.abort("stepped down");
    this.#stepsDownUntil = undefined;
    this.#ledger.roleChanged(this.name, now);
  }
}
