import { type Endpoint, formatEndpoint, LIMITS, type PeerId, sameEndpoint } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

const { cache } = LIMITS;

/** A `leader_start` that is not answered yet. */
interface Question {
  readonly dest: Endpoint;
  /** When it was sent; undefined while there is no connection to send it over. */
  askedAt: number | undefined;
}

/** What a follower knows of one leader of its AS: what was asked of it, what it does, and whether it is alive. */
export class LeaderLink {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  readonly ranges: ReadonlySet<number>;
  /** A connection is kept also when nothing is asked of it. */
  isKept = false;
  connection: Connection | undefined;
  /** A dial is under way, or its connection has not shaken hands yet. */
  isDialling = false;
  /** The connection that came of the last dial. */
  dialled: Connection | undefined;
  dialAfter = 0;
  /** When it last said anything that only a living leader says; until then, when we learnt of it. */
  saidAt: number;
  hasSaid = false;
  /** It counts as stalled until it says something. */
  isSuspended = false;
  /** It forwarded what it does not serve: so long as this result stands nothing is asked of it. */
  isDistrusted = false;
  /** It takes no destinations before. */
  fullUntil = 0;
  readonly questions = new Map<string, Question>();
  /** What it forwards. */
  readonly destinations = new Map<string, Endpoint>();
  /** By piece: when it was asked for it. */
  readonly wants = new Map<number, number>();
  /** Since when it serves none of our wants and gains no piece; undefined while nothing is wanted of it. */
  fruitlessSince: number | undefined;

  constructor(peerId: PeerId, endpoint: Endpoint, ranges: ReadonlySet<number>, now: number) {
    this.peerId = peerId;
    this.endpoint = endpoint;
    this.ranges = ranges;
    this.saidAt = now;
  }

  /** Only who is where the tracker says, or comes from there under the listed id, is taken for the leader. */
  isWith(connection: Connection): boolean {
    if (!connection.isHandshaken || !connection.isOpen) return false;
    return connection.direction === "out"
      ? sameEndpoint(connection.remote, this.endpoint)
      : connection.peerId === this.peerId && connection.remote.address === this.endpoint.address;
  }

  /** Can it be asked for one more destination? */
  isUsable(now: number): boolean {
    const asked = this.questions.size + this.destinations.size;
    if (this.isSuspended || this.isDistrusted || now < this.fullUntil || this.isComplete) return false;
    return asked < cache.destinationsPerFollower;
  }

  /** It holds everything, and needs nobody outside. */
  get isComplete(): boolean {
    return this.connection?.theirs.isFull ?? false;
  }

  /** Is a connection with it of use? */
  get isEngaged(): boolean {
    return this.isKept || this.questions.size > 0 || this.destinations.size > 0;
  }

  said(now: number): void {
    this.saidAt = now;
    this.hasSaid = true;
    this.isSuspended = false;
  }

  /** It served a want, or gained a piece: it works. */
  bore(now: number): void {
    this.fruitlessSince = this.wants.size > 0 ? now : undefined;
  }

  /** It was asked something, and has said nothing at all since, for too long. */
  isSilent(now: number): boolean {
    for (const { askedAt } of this.questions.values()) {
      if (askedAt !== undefined && now - Math.max(askedAt, this.saidAt) > cache.answerMs) return true;
    }
    return false;
  }

  /** What it does not answer, although it says other things. */
  leftUnanswered(now: number): Endpoint[] {
    return [...this.questions.values()]
      .filter(({ askedAt }) => askedAt !== undefined && now - askedAt > cache.wantMs)
      .map(({ dest }) => dest);
  }

  /** It served none of our wants for too long, and got nothing itself. */
  isFruitless(now: number): boolean {
    return this.fruitlessSince !== undefined && now - this.fruitlessSince > cache.wantsUnservedMs;
  }

  /** It will forward nothing of `dest`. */
  without(dest: Endpoint): void {
    this.questions.delete(formatEndpoint(dest));
    this.destinations.delete(formatEndpoint(dest));
  }

  /** It is asked for no destination any more: others are. */
  clear(): void {
    this.questions.clear();
    this.destinations.clear();
    this.fruitlessSince = undefined;
  }
}
