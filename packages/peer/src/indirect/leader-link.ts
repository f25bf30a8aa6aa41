import { type Endpoint, formatEndpoint, LIMITS, type PeerId, sameEndpoint } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";

const { cache } = LIMITS;

/** A `leader_start` that is not answered yet. */
interface Question {
  readonly dest: Endpoint;
  readonly since: number;
  /** When it was sent; undefined while there is no connection to send it over. */
  askedAt: number | undefined;
}

/** What a follower knows of one leader of its AS: what was asked of it, what it does, and whether it is alive. */
export class LeaderLink {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  ranges: ReadonlySet<number>;
  /** A connection is kept also when nothing is asked of it. */
  isKept = false;
  connection: Connection | undefined;
  /** A dial is under way, or its connection has not shaken hands yet. */
  isDialling = false;
  /** The connection that came of the last dial. */
  dialled: Connection | undefined;
  dialAfter = 0;
  /** When a connection with it was lost. */
  lostAt = Number.NEGATIVE_INFINITY;
  /** When it last said anything that only a living leader says; until then, when we learnt of it. */
  saidAt: number;
  hasSaid = false;
  /** It counts as stalled until it says something. */
  isSuspended = false;
  /** It served nothing that it could have served: nothing is asked of it any more. */
  isDistrusted = false;
  distrustedAt = Number.NEGATIVE_INFINITY;
  /** It takes no destinations before. */
  fullUntil = 0;
  readonly questions = new Map<string, Question>();
  /** What it forwards. */
  readonly destinations = new Map<string, Endpoint>();
  /** By piece: when it was asked for it. */
  readonly wants = new Map<number, number>();
  /** Since when it serves none of our wants and gains no piece; undefined while nothing is wanted of it. */
  fruitlessSince: number | undefined;
  /** It said that something of what it forwarded is gone, and forwarded nothing new: it may be unable to serve. */
  isExcused = false;

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

  /** Can the piece be wanted of it? */
  reaches(piece: number): boolean {
    const isWorking = !this.isSuspended && !this.isDistrusted && this.destinations.size > 0;
    return isWorking && this.connection?.forwarded?.has(piece) === true;
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

  distrust(now: number): void {
    this.isDistrusted = true;
    this.distrustedAt = now;
  }

  /** Is a connection to `dest` asked of it, or forwarded by it? */
  isAskedFor(dest: Endpoint): boolean {
    const key = formatEndpoint(dest);
    return this.questions.has(key) || this.destinations.has(key);
  }

  /** Everything that is asked of it, or forwarded by it. */
  get asked(): Endpoint[] {
    return [...[...this.questions.values()].map(({ dest }) => dest), ...this.destinations.values()];
  }

  ask(dest: Endpoint, now: number): void {
    this.questions.set(formatEndpoint(dest), { dest, since: now, askedAt: undefined });
  }

  /** It answers a question: it forwards what `dest` has. */
  started(dest: Endpoint): void {
    this.questions.delete(formatEndpoint(dest));
    this.destinations.set(formatEndpoint(dest), dest);
  }

  /** Its connection is gone, and with it all that was asked over it: all is to be asked once more. */
  askAnew(now: number): void {
    const all = this.asked;
    this.destinations.clear();
    for (const dest of all) this.ask(dest, now);
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

  /** For too long there is no way to ask it anything. */
  isOutOfReach(now: number): boolean {
    if (this.isDialling) return false;
    for (const { askedAt, since } of this.questions.values()) {
      if (askedAt === undefined && now - since > cache.answerMs) return true;
    }
    return false;
  }

  /** It is there, and nothing is asked of it: it owes us no answer. */
  get isIdle(): boolean {
    const isTrusted = !this.isSuspended && !this.isDistrusted;
    const isThere = this.connection?.isOpen && this.connection.speaksCtCache;
    return isTrusted && isThere === true && this.questions.size + this.destinations.size === 0;
  }

  /** What it does not answer, although it says other things. */
  leftUnanswered(now: number): Endpoint[] {
    return [...this.questions.values()]
      .filter(({ askedAt }) => askedAt !== undefined && now - askedAt > cache.wantMs)
      .map(({ dest }) => dest);
  }

  /** It served none of our wants for too long, and got nothing itself. */
  isFruitless(now: number): boolean {
    return (
      !this.isExcused &&
      this.fruitlessSince !== undefined &&
      now - this.fruitlessSince > cache.wantsUnservedMs
    );
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
    this.isExcused = false;
  }
}
