import type { ManualClock } from "@cachetorrent/clock";
import type { Address, Asn, PeerId } from "@cachetorrent/protocol";
import type { LeadersChanged } from "../src/index.ts";
import type { LossyChannel } from "./lossy-channel.ts";
import { type Answer, INTERVAL_MS, type LossyTracker } from "./lossy-tracker.ts";
import { SECOND } from "./swarm.ts";

/** Later than the tracker lets a poll wait: the answer is lost. */
const POLL_TIMEOUT_MS = 35 * SECOND;
const POLL_PACE_MS = SECOND;

/** A peer as its tracker sees it, and what it believes of its leaders. It may leave and come back. */
export class LossyMember {
  readonly peerId: PeerId;
  readonly asn: Asn;
  isHere = false;
  up: number | undefined;
  known: LeadersChanged | undefined;
  readonly #source: Address;
  readonly #clock: ManualClock;
  readonly #channel: LossyChannel;
  readonly #tracker: LossyTracker;
  readonly #took: (taken: LeadersChanged, before: LeadersChanged | undefined) => void;
  /** What was sent to a process that has ended reaches nobody. */
  #life = 0;
  #turn = 0;
  #heardAt = 0;

  constructor(
    { peerId, asn, source }: { readonly peerId: PeerId; readonly asn: Asn; readonly source: Address },
    parts: { readonly clock: ManualClock; readonly channel: LossyChannel; readonly tracker: LossyTracker },
    took: (taken: LeadersChanged, before: LeadersChanged | undefined) => void,
  ) {
    this.peerId = peerId;
    this.asn = asn;
    this.#source = source;
    this.#clock = parts.clock;
    this.#channel = parts.channel;
    this.#tracker = parts.tracker;
    this.#took = took;
  }

  join(up: number | undefined): void {
    if (this.isHere) {
      this.stand(up);
      return;
    }
    this.isHere = true;
    this.up = up;
    this.known = undefined;
    this.#heardAt = 0;
    this.#poll();
    this.#announceAlways();
  }

  /** With another capacity, or (none) no more. */
  stand(up: number | undefined): void {
    this.up = up;
    this.announce();
  }

  /** Says so, or is killed. */
  leave(saysSo: boolean): void {
    if (!this.isHere) return;
    this.isHere = false;
    this.#life++;
    if (saysSo) this.#send({ stopped: true });
  }

  /** Of a leader that it believes in. */
  reportLeader(seat: number): void {
    const stalled = this.known?.leaders[seat];
    if (stalled !== undefined && stalled !== this.peerId) this.announce(stalled);
  }

  announce(stalled?: PeerId): void {
    if (this.isHere) this.#send(stalled === undefined ? {} : { stalled });
  }

  #announceAlways(): void {
    this.announce();
    const life = this.#life;
    this.#clock.after(INTERVAL_MS, () => {
      if (life === this.#life) this.#announceAlways();
    });
  }

  #send(news: { readonly stopped?: boolean; readonly stalled?: PeerId }): void {
    const { peerId, asn, up } = this;
    const announce = { peerId, asn, source: this.#source, ...(up === undefined ? {} : { up }), ...news };
    const hear = this.#hearing();
    this.#channel.send(() => {
      const answer = this.#tracker.announced(announce);
      this.#channel.send(() => hear(answer));
    });
  }

  #poll(): void {
    const life = this.#life;
    const turn = ++this.#turn;
    const again = () => {
      if (life === this.#life && turn === this.#turn) this.#poll();
    };
    const hear = this.#hearing();
    const heard = (answer: Answer) => {
      hear(answer);
      this.#clock.after(POLL_PACE_MS, again);
    };
    this.#channel.send(() =>
      this.#tracker.polled(this.peerId, this.known?.term ?? 0, (answer) =>
        this.#channel.send(() => heard(answer)),
      ),
    );
    this.#clock.after(POLL_TIMEOUT_MS, again);
  }

  /** An answer asked for before the newest news came is stale, if it is older: so peers take what their tracker says. */
  #hearing(): (answer: Answer) => void {
    const life = this.#life;
    const askedAt = this.#clock.now();
    return (answer) => {
      if (life !== this.#life || answer === undefined) return;
      if (answer === "unknown peer") {
        this.announce();
        return;
      }
      if (askedAt < this.#heardAt && answer.term < (this.known?.term ?? 0)) return;
      this.#heardAt = this.#clock.now();
      this.#took(answer, this.known);
      this.known = answer;
    };
  }
}
