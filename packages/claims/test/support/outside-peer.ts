import { type Endpoint, PieceSet } from "@cachetorrent/protocol";
import { endpoint } from "./endpoints.ts";
import type { SimulatedAs } from "./simulated-as.ts";
import type { SimulatedMember } from "./simulated-member.ts";

/** An external neighbour of all members. The first one holds everything; the others hold some, and gain more. */
export class OutsidePeer {
  readonly endpoint: Endpoint;
  readonly has: PieceSet;
  /** Bytes/s to each member that it has unchoked. */
  readonly rate: number;
  /** It sends nothing until then, though it has unchoked. */
  silentUntil = 0;
  readonly #as: SimulatedAs;
  readonly #isSeed: boolean;

  constructor(as: SimulatedAs, n: number) {
    this.#as = as;
    this.#isSeed = n === 0;
    this.endpoint = endpoint(1000 + n);
    this.rate = 8_000 + as.random() * 55_000;
    this.has = new PieceSet(as.conditions.pieces);
    for (let piece = 0; piece < as.conditions.pieces; piece++) {
      if (this.#isSeed || as.random() < 0.3) this.has.add(piece);
    }
  }

  start(): void {
    for (const member of this.#as.members) this.#turn(member);
    this.#as.time.every(1500, () => this.#gain());
    if (!this.#as.conditions.unreliableOutside) return;
    this.#as.time.every(7000, () => {
      if (this.#as.random() < 0.2) this.silentUntil = this.#as.time.now + this.#as.random() * 15_000;
      return true;
    });
  }

  /** Unchokes for a while, chokes for a while. */
  #turn(member: SimulatedMember): void {
    const { random, time, conditions } = this.#as;
    if (!member.isHere) return;
    member.unchokedBy(this);
    const forMs = conditions.unreliableOutside ? 500 + random() * 8000 : 3_600_000;
    time.after(forMs, () => {
      if (!member.isHere) return;
      const isGone = !this.#isSeed && random() < 0.1;
      if (isGone) member.lostOutside(this);
      else member.chokedBy(this);
      time.after(random() * 4000, () => this.#turn(member));
    });
  }

  #gain(): boolean {
    const piece = Math.floor(this.#as.random() * this.#as.conditions.pieces);
    if (this.has.add(piece))
      for (const member of this.#as.members) if (member.isHere) member.outsideHas(this, piece);
    return !this.has.isFull;
  }
}
