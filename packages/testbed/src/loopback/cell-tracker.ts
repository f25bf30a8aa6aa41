import { type Clock, seededRandom } from "@cachetorrent/clock";
import { formatEndpoint, type InfoHash } from "@cachetorrent/protocol";
import {
  type ElectorateStats,
  type RunningTracker,
  startTracker,
  type TrackerConfig,
  TrackerConfigSchema,
  type TrackerStats,
} from "@cachetorrent/tracker";
import { pino } from "pino";
import type { Scenario, ScenarioPolicy } from "../scenario/scenario.ts";
import { loopbackPrefix } from "../topology.ts";

/** The tracker of one run: the daemon itself, in this process, on the swarm's clock. */
export class CellTracker {
  readonly announceUrl: string;
  readonly #running: RunningTracker;

  private constructor(running: RunningTracker) {
    this.#running = running;
    this.announceUrl = `http://${formatEndpoint(running.endpoint)}/announce`;
  }

  /** Elections wait until so many members have joined. */
  static async start(
    { ases }: Pick<Scenario, "ases">,
    policy: ScenarioPolicy,
    { clock, quorum, seed }: { readonly clock: Clock; readonly quorum: number; readonly seed: number },
  ): Promise<CellTracker> {
    const config: Record<string, unknown> = {
      ...defaults(),
      listen: "127.0.0.1:0",
      "as-prefix": ases.map(({ asn }, i) => `${loopbackPrefix(i)}=${asn}`),
      policy: policy.name,
      ...policy.trackerSettings,
      quorum,
      deadline: QUORUM_DEADLINE_S,
    };
    const log = pino({ level: "silent" });
    return new CellTracker(
      await startTracker(config as TrackerConfig, { clock, random: seededRandom(seed), log }),
    );
  }

  /** The electorates as they stand. */
  async electorates(infoHash: InfoHash): Promise<readonly ElectorateStats[]> {
    const response = await fetch(new URL("stats.json", this.announceUrl));
    const stats = (await response.json()) as TrackerStats;
    return stats.listed.find((swarm) => swarm.infoHash === infoHash)?.electorates ?? [];
  }

  stop(): Promise<void> {
    return this.#running.stop();
  }
}

/** Ranks decide who leads, not who came first: the deadline is for peers that fail to come at all. */
const QUORUM_DEADLINE_S = 60;

function defaults(): Record<string, unknown> {
  const properties = Object.entries(TrackerConfigSchema.properties) as [string, { default?: unknown }][];
  return Object.fromEntries(
    properties.flatMap(([key, schema]) =>
      schema.default === undefined ? [] : [[key, structuredClone(schema.default)]],
    ),
  );
}
