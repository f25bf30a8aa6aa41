import { LIMITS, parseEndpoint, unwrap } from "@cachetorrent/protocol";
import type { PeerConfig } from "./config.ts";
import { limitsOf, type RateLimits } from "./rates/rate-limits.ts";
import { parseSchedule, type ScheduleEntry } from "./rates/schedule.ts";
import type { StopRule } from "./stop-rule.ts";
import type { TorrentOptions } from "./torrent-options.ts";

/** The limits over all torrents that the configuration asks for. */
export function sessionLimits(config: PeerConfig): RateLimits {
  return limitsOf((name) => config[`limit-${name}`]);
}

/** The limits that it asks for of each torrent. */
export function torrentLimits(config: PeerConfig): RateLimits {
  return limitsOf((name) => (name === "up" || name === "down" ? config[`limit-${name}-torrent`] : undefined));
}

export function scheduleOf(config: PeerConfig): ScheduleEntry[] {
  return unwrap(parseSchedule(config["limit-schedule"]));
}

export function stopRuleOf({ "stop-after": afterMs, "stop-ratio": ratio }: PeerConfig): StopRule {
  return { ...(ratio === undefined ? {} : { ratio }), ...(afterMs === undefined ? {} : { afterMs }) };
}

/** What the configuration says of every torrent. */
export function torrentOptions(
  config: PeerConfig,
): Omit<TorrentOptions, "onComplete" | "onError" | "onFlushed" | "onShared"> {
  const up = config["capacity-up"] ?? config["limit-up"] ?? LIMITS.peer.defaultCapacity;
  const down = config["capacity-down"] ?? config["limit-down"] ?? LIMITS.peer.defaultCapacity;
  return {
    dir: config.dir,
    numwant: config.numwant,
    uploadSlots: config["upload-slots"],
    choker: config.choker,
    exchangesPeers: !config["no-pex"],
    limits: torrentLimits(config),
    isSequential: config.sequential,
    stopRule: stopRuleOf(config),
    webSeeds: config["web-seed"],
    flushesAtOnce: config["exit-on-complete"] || config["on-complete"] !== undefined,
    maxConnections: Math.min(config["max-connections-torrent"], config["max-connections"]),
    ...(config["no-candidate"] ? {} : { capacity: { up, down } }),
    ...(config.local ? { local: unwrap(parseEndpoint(config.local)) } : {}),
  };
}
