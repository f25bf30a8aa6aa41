import { type Asn, CtError, type InfoHash, type PolicyName } from "@cachetorrent/protocol";
import type { SwarmStats, TrackerStats } from "@cachetorrent/tracker";
import type { DaemonProcess } from "./daemon-process.ts";
import { type Launcher, launch } from "./launcher.ts";
import { prefixOfAs } from "./site-address.ts";

export interface TrackerOptions {
  readonly name?: string;
  /** Default 127.0.0.1:0. A tracker that shall come back at the same place needs a port of its own. */
  readonly listen?: string;
  /** Their prefixes are given to the tracker. */
  readonly ases: readonly Asn[];
  readonly policy?: PolicyName;
  /** Anything else the command line knows. */
  readonly args?: readonly string[];
}

/** A tracker as a process of its own, which answers already. */
export interface TrackerProcess {
  readonly daemon: DaemonProcess;
  readonly announceUrl: string;
  /** What `/stats.json` says of one swarm; undefined for one it does not know. */
  swarm(infoHash: InfoHash): Promise<SwarmStats | undefined>;
}

export async function startTrackerProcess(
  launcher: Launcher,
  options: TrackerOptions,
): Promise<TrackerProcess> {
  const name = options.name ?? "tracker";
  const daemon = await launch(launcher, name, [
    "tracker",
    ...["--listen", options.listen ?? "127.0.0.1:0"],
    ...options.ases.flatMap((asn) => ["--as-prefix", `${prefixOfAs(asn)}=${asn}`]),
    ...(options.policy ? ["--policy", options.policy] : []),
    ...(options.args ?? []),
  ]);
  const announceUrl = (await daemon.waitForLine(/listening on (http:\S+)/))[1] ?? "";
  const statsUrl = new URL("stats.json", announceUrl);
  return {
    daemon,
    announceUrl,
    swarm: async (infoHash) => {
      const answer = await fetch(statsUrl).catch((cause: Error) => {
        throw new CtError("CT_ERR_TESTBED", `${name} does not answer at ${statsUrl}: ${cause.message}`, {
          cause,
        });
      });
      if (!answer.ok) throw new CtError("CT_ERR_TESTBED", `${statsUrl} answered ${answer.status}`);
      const stats = (await answer.json()) as TrackerStats;
      return stats.listed.find((swarm) => swarm.infoHash === infoHash);
    },
  };
}
