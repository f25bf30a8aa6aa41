import type { PeerConfig } from "@cachetorrent/peer";
import type { DaemonParts, RunningDaemon } from "./daemon.ts";

/** As `startDaemon` of the daemon, which is loaded only by who has one: a plain peer, or an order, does not wait for a web server's modules. */
export async function startDaemon(
  config: PeerConfig,
  given: readonly string[],
  parts: DaemonParts,
): Promise<RunningDaemon> {
  const daemon = await import("./daemon.ts");
  return daemon.startDaemon(config, given, parts);
}
