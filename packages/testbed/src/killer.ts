import { type Clock, type Random, sample, seededRandom } from "@cachetorrent/clock";
import { CtError, type PeerId } from "@cachetorrent/protocol";
import type { ElectorateStats } from "@cachetorrent/tracker";
import type { Kill } from "./scenario/scenario.ts";
import { Schedule } from "./schedule.ts";
import type { PlannedPeer } from "./topology.ts";

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
  readonly #schedule: Schedule<Kill>;

  constructor(options: KillerOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
    this.#schedule = new Schedule(options.kills, options.clock, (kill) => void this.#kill(kill));
  }

  start(): void {
    this.#schedule.start();
  }

  /** The peers hold so much of the content on average. */
  progressed(fraction: number): void {
    this.#schedule.progressed(fraction);
  }

  stop(): void {
    this.#schedule.stop();
  }

  async #kill({ share, whom }: Kill): Promise<void> {
    const { electorates, failed, idOf, kill, plan } = this.#options;
    try {
      const mortal = mortalLeaders(await electorates(), whom === "heads" ? "head" : "leaders", plan, idOf);
      kill(sample(mortal, Math.round(share * mortal.length), this.#random));
    } catch (cause) {
      failed(
        new CtError("CT_ERR_TESTBED", `cannot tell whom to kill: ${(cause as Error).message}`, { cause }),
      );
    }
  }
}

/** The head, or all leaders, of each of these electorates: places in the plan, ascending, without initial seeds. */
export function mortalLeaders(
  electorates: readonly ElectorateStats[],
  whom: "head" | "leaders",
  plan: readonly PlannedPeer[],
  idOf: KillerOptions["idOf"],
): number[] {
  const ids = electorates.flatMap(({ leaders }) =>
    (whom === "head" ? leaders.slice(0, 1) : leaders).flatMap(({ peerId }) => idOf(peerId) ?? []),
  );
  return ids.filter((id) => plan[id]?.isInitialSeed === false).sort((a, b) => a - b);
}
