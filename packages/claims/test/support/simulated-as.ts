import { type Random, randomBelow, seededRandom } from "@cachetorrent/clock";
import type { ClaimMessage, Endpoint } from "@cachetorrent/protocol";
import type { AsConditions } from "./as-conditions.ts";
import { BookWitness } from "./book-witness.ts";
import { OutsidePeer } from "./outside-peer.ts";
import { SimulatedMember } from "./simulated-member.ts";
import { VirtualTime } from "./virtual-time.ts";

const TICK_MS = 50;

/** An AS in virtual time: real books and clients; the channels between them, the neighbours outside and the transfers inside are played. */
export class SimulatedAs {
  readonly time = new VirtualTime();
  readonly random: Random;
  readonly conditions: AsConditions;
  readonly outside: OutsidePeer[];
  readonly members: SimulatedMember[];
  readonly witness = new BookWitness();
  /** Pieces that came from outside whole, by any member. */
  crossings = 0;
  readonly accused: string[] = [];

  constructor(conditions: AsConditions) {
    this.conditions = conditions;
    this.random = seededRandom(conditions.seed);
    this.outside = Array.from({ length: conditions.outsidePeers }, (_, i) => new OutsidePeer(this, i));
    this.members = Array.from({ length: conditions.members }, (_, i) => {
      return new SimulatedMember(this, i, i >= 2 && i < 2 + conditions.liars);
    });
    this.#connect();
    for (const member of this.members) member.start();
    for (const peer of this.outside) peer.start();
    this.#appoint(0, 1, 500);
    this.#planFaults();
    this.time.every(TICK_MS, () => {
      for (const member of this.members) if (member.isHere) member.tick(TICK_MS);
      return true;
    });
  }

  /** Until everybody who stays and is honest has everything; false if that does not come about in time. */
  run(untilMs: number): boolean {
    this.time.run(untilMs, () => this.isDone);
    return this.isDone;
  }

  get isDone(): boolean {
    return this.members.every(({ isHere, isLiar, has }) => !isHere || isLiar || has.isFull);
  }

  /** Delivers a message of `ct_cache`, or does not. */
  send(from: SimulatedMember, to: SimulatedMember, deliver: () => void): void {
    if (this.random() < this.conditions.loss) return;
    this.reliably(from, to, deliver);
  }

  /** Everything else that members tell each other. */
  reliably(from: SimulatedMember, to: SimulatedMember, deliver: () => void): void {
    this.time.after(1 + this.random() * this.conditions.delayMs, () => {
      if (from.isHere && to.isHere) deliver();
    });
  }

  memberAt({ address, port }: Endpoint): SimulatedMember | undefined {
    return this.members.find(({ endpoint }) => endpoint.address === address && endpoint.port === port);
  }

  /** The member is gone, and the others notice. */
  gone(member: SimulatedMember): void {
    for (const other of this.members) {
      if (other === member) continue;
      this.time.after(this.random() * this.conditions.delayMs, () => other.lostMember(member));
    }
  }

  toldBy(head: SimulatedMember, member: SimulatedMember, body: ClaimMessage): void {
    this.witness.told(head.book, member, body, this.time.now);
  }

  /** A chain, so that everybody can be reached, and here and there another link: a sparse mesh on purpose. */
  #connect(): void {
    this.members.forEach((member, i) => {
      const next = this.members[i + 1];
      if (next) member.linkTo(next);
      const other = this.members[randomBelow(this.random, this.members.length)];
      if (other && other !== member && this.random() < 0.5) member.linkTo(other);
    });
  }

  /** The tracker names a head; each member hears of it when it hears of it. */
  #appoint(head: number, term: number, withinMs: number, whom = this.members): void {
    for (const member of whom) {
      this.time.after(this.random() * withinMs, () => member.appointed(this.members[head], term));
    }
  }

  #planFaults(): void {
    const { headDiesAt, twoHeads, leavers, members, liars, breaks } = this.conditions;
    for (let i = 0; i < breaks; i++) {
      const member = this.members[1 + randomBelow(this.random, members - 1)];
      this.time.after(this.random() * 40_000, () => member?.losesHead(this.random() * 3000));
    }
    if (headDiesAt !== undefined) {
      this.time.after(headDiesAt, () => this.members[0]?.die());
      this.time.after(headDiesAt + 1000, () => this.#appoint(1, 2, 2000));
    }
    if (twoHeads) {
      const [from, until] = twoHeads;
      const others = this.members.filter((_, i) => i % 2 === 1);
      this.time.after(from, () => this.#appoint(1, 3, 1000, others));
      this.time.after(until, () => this.#appoint(1, 3, 1000));
    }
    for (let i = 0; i < leavers; i++) {
      const leaver = this.members[members - 1 - i];
      if (!leaver || members - 1 - i < 2 + liars) continue;
      this.time.after(1000 + this.random() * 20_000, () => {
        if (this.random() < 0.5) leaver.leave();
        else leaver.die();
      });
    }
  }
}
