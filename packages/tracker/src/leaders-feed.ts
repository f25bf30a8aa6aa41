import type { Clock } from "@cachetorrent/clock";
import { type Address, type Asn, hostOf, type InfoHash, LIMITS } from "@cachetorrent/protocol";

/** Somebody who waits for new leaders. */
export interface Waiting {
  readonly infoHash: InfoHash;
  /** Has one poll at a time in this swarm. */
  readonly poller: string;
  readonly asn: Asn;
  readonly source: Address;
}

/** A long poll in progress. */
export interface Poll {
  /** Resolves when it is to be answered: news, time is up, replaced by another poll, or the tracker stops. */
  readonly ended: Promise<void>;
  /** Ends it, whatever there is to tell; idempotent. */
  end(): void;
}

interface OpenPoll extends Poll {
  readonly asn: Asn;
}

/** The leaders' long polls: one per member and swarm, bounded per host and in all. */
export class LeadersFeed {
  readonly #clock: Clock;
  readonly #bySwarm = new Map<InfoHash, Map<string, OpenPoll>>();
  readonly #perHost = new Map<string, number>();
  #open = 0;
  #closed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get open(): number {
    return this.#open;
  }

  /** Waits for news; undefined where that would pass a bound. `onEnd` is called once, as soon as it ends. */
  wait(waiting: Waiting, onEnd?: () => void): Poll | undefined {
    const { infoHash, poller, asn, source } = waiting;
    if (this.#closed) return undefined;
    this.#bySwarm.get(infoHash)?.get(poller)?.end();
    const ofHost = this.#perHost.get(hostOf(source)) ?? 0;
    if (ofHost >= LIMITS.tracker.longPollsPerAddress || this.#open >= LIMITS.tracker.longPollsInAll) {
      return undefined;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#clock.after(LIMITS.tracker.longPollMs, () => poll.end());
    let isOpen = true;
    const poll: OpenPoll = {
      asn,
      ended: promise,
      end: () => {
        if (!isOpen) return;
        isOpen = false;
        timer.cancel();
        this.#remove(waiting, poll);
        onEnd?.();
        resolve();
      },
    };
    this.#add(waiting, poll);
    return poll;
  }

  /** An electorate has a new result: everybody of it is answered. */
  publish(infoHash: InfoHash, asn: Asn): void {
    for (const poll of [...(this.#bySwarm.get(infoHash)?.values() ?? [])]) {
      if (poll.asn === asn) poll.end();
    }
  }

  /** The swarm is gone: everybody of it is answered. */
  closeSwarm(infoHash: InfoHash): void {
    for (const poll of [...(this.#bySwarm.get(infoHash)?.values() ?? [])]) poll.end();
  }

  /** Ends all polls; there are no new ones. */
  close(): void {
    this.#closed = true;
    for (const polls of [...this.#bySwarm.values()]) for (const poll of [...polls.values()]) poll.end();
  }

  #add({ infoHash, poller, source }: Waiting, poll: OpenPoll): void {
    let polls = this.#bySwarm.get(infoHash);
    if (!polls) {
      polls = new Map();
      this.#bySwarm.set(infoHash, polls);
    }
    polls.set(poller, poll);
    const host = hostOf(source);
    this.#perHost.set(host, (this.#perHost.get(host) ?? 0) + 1);
    this.#open++;
  }

  #remove({ infoHash, poller, source }: Waiting, poll: OpenPoll): void {
    const polls = this.#bySwarm.get(infoHash);
    if (polls?.get(poller) === poll) polls.delete(poller);
    if (polls?.size === 0) this.#bySwarm.delete(infoHash);
    const host = hostOf(source);
    const left = (this.#perHost.get(host) ?? 1) - 1;
    if (left > 0) this.#perHost.set(host, left);
    else this.#perHost.delete(host);
    this.#open--;
  }
}
