import type { Clock, Timer } from "@cachetorrent/clock";
import { Election, type ElectionOptions, type LeadersChanged } from "@cachetorrent/election";
import type { InfoHash } from "@cachetorrent/protocol";

export interface ElectionKeeperOptions {
  readonly clock: Clock;
  /** How a swarm elects. */
  readonly election: (infoHash: InfoHash) => ElectionOptions;
  /** An election took an input, so its state may be another one. */
  readonly onInput: (infoHash: InfoHash) => void;
  readonly onLeadersChanged: (infoHash: InfoHash, changes: readonly LeadersChanged[]) => void;
}

interface Kept {
  readonly election: Election;
  timer: Timer | undefined;
  /** When the timer fires. */
  tickAt: number | undefined;
}

/** The elections of all swarms: hands them their inputs, gives them the time, tells of their outcomes. */
export class ElectionKeeper {
  readonly #options: ElectionKeeperOptions;
  readonly #kept = new Map<InfoHash, Kept>();

  constructor(options: ElectionKeeperOptions) {
    this.#options = options;
  }

  /** The election of a swarm; there is none before its first member. */
  get(infoHash: InfoHash): Election | undefined {
    return this.#kept.get(infoHash)?.election;
  }

  /** Starts or goes on with a swarm's election. */
  adopt(infoHash: InfoHash, election: Election): void {
    this.delete(infoHash);
    const kept: Kept = { election, timer: undefined, tickAt: undefined };
    this.#kept.set(infoHash, kept);
    this.#schedule(infoHash, kept);
  }

  /** Gives an election one input; the first one starts it. */
  apply(infoHash: InfoHash, input: (election: Election, now: number) => LeadersChanged[]): void {
    if (!this.#kept.has(infoHash)) this.adopt(infoHash, new Election(this.#options.election(infoHash)));
    const kept = this.#kept.get(infoHash) as Kept;
    const changes = input(kept.election, this.#options.clock.now());
    this.#schedule(infoHash, kept);
    this.#options.onInput(infoHash);
    if (changes.length > 0) this.#options.onLeadersChanged(infoHash, changes);
  }

  /** Tells an election, if there is one, what is neither saved nor changes a result at once. */
  watch(infoHash: InfoHash, input: (election: Election, now: number) => void): void {
    const kept = this.#kept.get(infoHash);
    if (!kept) return;
    input(kept.election, this.#options.clock.now());
    this.#schedule(infoHash, kept);
  }

  delete(infoHash: InfoHash): void {
    this.#kept.get(infoHash)?.timer?.cancel();
    this.#kept.delete(infoHash);
  }

  stop(): void {
    for (const infoHash of [...this.#kept.keys()]) this.delete(infoHash);
  }

  #schedule(infoHash: InfoHash, kept: Kept): void {
    const tickAt = kept.election.nextTick();
    if (tickAt === kept.tickAt) return;
    kept.timer?.cancel();
    kept.tickAt = tickAt;
    if (tickAt === undefined) {
      kept.timer = undefined;
      return;
    }
    // A timer may fire a fraction of a millisecond early, and the election does nothing before its time.
    const delayMs = Math.max(0, Math.ceil(tickAt - this.#options.clock.now()) + 1);
    kept.timer = this.#options.clock.after(delayMs, () => {
      kept.tickAt = undefined;
      this.apply(infoHash, (election, now) => election.tick(now));
    });
  }
}
