import { type Clock, type Random, sample, seededRandom, type Timer } from "@cachetorrent/clock";
import { CtError, type PeerId } from "@cachetorrent/protocol";
import type { ElectorateStats } from "@cachetorrent/tracker";
import type { Kill } from "../scenario/scenario.ts";
import type { PlannedPeer } from "../topology.ts";

export interface KillerOptions {
  readonly kills: readonly Kill[];
  readonly clock: Clock;
  readonly seed: number;
  readonly plan: readonly PlannedPeer[];
  idOf(peerId: PeerId): number | undefined;
  electorates(): Promise<readonly ElectorateStats[]>;
  kill(ids: readonly number[]): void;
  failed(error: CtError): void;
}

/** Kills leaders when the scenario says so: those that lead at that moment, by the tracker's word. Never initial seeds. */
export class Killer {
  readonly #options: KillerOptions;
  readonly #random: Random;
  readonly #timers: Timer[] = [];
  #waiting: Kill[];

  constructor(options: KillerOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#waiting = options.kills.filter((kill) => "progress" in kill.at);
  }

  start(): void {
    for (const kill of this.#options.kills) {
      if ("ms" in kill.at)
        this.#timers.push(this.#options.clock.after(kill.at.ms, () => void this.#kill(kill)));
    }
  }

  /** The peers hold so much of the content on average. */
  progressed(fraction: number): void {
    const due = this.#waiting.filter(({ at }) => "progress" in at && at.progress <= fraction);
    this.#waiting = this.#waiting.filter((kill) => !due.includes(kill));
    for (const kill of due) void this.#kill(kill);
  }

  stop(): void {
    for (const timer of this.#timers) timer.cancel();
    this.#waiting = [];
  }

  async #kill({ share, whom }: Kill): Promise<void> {
    const { electorates, failed, idOf, kill, plan } = this.#options;
    try {
      const leaders = (await electorates()).flatMap((electorate) =>
        (whom === "heads" ? electorate.leaders.slice(0, 1) : electorate.leaders).flatMap(
          ({ peerId }) => idOf(peerId) ?? [],
        ),
      );
      const mortal = leaders.filter((id) => plan[id]?.isInitialSeed === false).sort((a, b) => a - b);
      kill(sample(mortal, Math.round(share * mortal.length), this.#random));
    } catch (cause) {
      failed(
        new CtError("CT_ERR_TESTBED", `cannot tell whom to kill: ${(cause as Error).message}`, { cause }),
      );
    }
  }
}
