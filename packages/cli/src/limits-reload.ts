import { isDeepStrictEqual } from "node:util";
import type { PeerConfig } from "@cachetorrent/peer";
import { formatRate } from "@cachetorrent/protocol";
import type { Logger } from "pino";

export interface LimitsReloadParts {
  readonly daemon: { setLimits(config: PeerConfig): void | Promise<void> };
  /** As the peer was started. */
  readonly config: PeerConfig;
  readonly log: Logger;
  /** Flags, environment and file once more; rejects with a CtError when one of them cannot be used. */
  read(): Promise<PeerConfig>;
}

/**
 * Makes a function that reads the configuration again and has the daemon take over its limits and their schedule. One that
 * cannot be used changes nothing. Never rejects: the log tells what changed, what did not, and why.
 */
export function limitsReload({ config, daemon, log, read }: LimitsReloadParts): () => Promise<void> {
  let present = config;
  let reading: Promise<void> = Promise.resolve();
  const reload = async (): Promise<void> => {
    try {
      const changed = await read();
      await daemon.setLimits(changed);
      tell(log, present, changed);
      present = { ...changed, ...othersOf(config) };
    } catch (err) {
      log.error({ err, event: "not reloaded" }, `not reloaded, what was in force stays: ${messageOf(err)}`);
    }
  };
  // One after the other: of two signals the newer file is to win.
  return () => {
    reading = reading.then(reload);
    return reading;
  };
}

function tell(log: Logger, before: PeerConfig, after: PeerConfig): void {
  const keys = new Set([...Object.keys(before), ...Object.keys(after)] as (keyof PeerConfig)[]);
  const changed = [...keys].filter((key) => !isDeepStrictEqual(before[key], after[key]));
  const limits = changed.filter(isLimit);
  const words = limits.map((key) => `${key} is ${valueWords(after[key])}`).join(", ");
  log.info({ event: "reloaded", changed: limits }, `reloaded: ${words || "no limit has changed"}`);
  const others = changed.filter((key) => !isLimit(key));
  if (others.length === 0) return;
  log.warn({ event: "reloaded", restartFor: others }, `start the peer again for ${others.join(", ")}`);
}

/** What stays as it was at the start, whatever the file says now. */
function othersOf(config: PeerConfig): Partial<PeerConfig> {
  return Object.fromEntries(Object.entries(config).filter(([key]) => !isLimit(key)));
}

function isLimit(key: string): boolean {
  return key.startsWith("limit-");
}

function valueWords(value: unknown): string {
  if (typeof value === "number") return formatRate(value);
  if (Array.isArray(value)) return value.map((entry) => `"${entry}"`).join(" and ") || "empty";
  return "none";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
