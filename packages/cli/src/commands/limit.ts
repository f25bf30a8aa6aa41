import { CtError } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import { limitLines } from "../daemon/limit-table.ts";
import {
  addLimitFlags,
  addScheduleFlags,
  addStopFlags,
  limitsGiven,
  scheduleGiven,
  stopRuleGiven,
} from "../daemon/rate-flags.ts";
import { stopWords } from "../daemon/torrent-details.ts";
import { printable } from "../printable.ts";

export function define(command: Command, context: Context): void {
  command
    .description(
      "Show the limits of a daemon (peer --daemon), over all torrents or of one, and change them while it runs. They hold after a restart, too.",
    )
    .usage("[TORRENT] [options]")
    .argument("[TORRENT]", "info-hash, the beginning of it, or name; without it over all torrents")
    .allowExcessArguments(false)
    .action((name: string | undefined) => limit(command, context, name));
  addLimitFlags(command);
  addScheduleFlags(command);
  addStopFlags(command);
  addDaemonFlags(command).addHelpText("after", EXAMPLES);
}

async function limit(command: Command, context: Context, name: string | undefined): Promise<void> {
  const limits = limitsGiven(command);
  const stopRule = stopRuleGiven(command);
  if (stopRule && name === undefined)
    throw new CtError("CT_ERR_USAGE", "limit: --stop-ratio and --stop-after are of one torrent: name it");
  const schedule = scheduleGiven(command);
  if (schedule && name !== undefined)
    throw new CtError("CT_ERR_USAGE", "limit: --schedule and --no-schedule are over all torrents: name none");
  const client = await daemonOf(command, context);
  const say = (lines: readonly string[]) => void context.stdout.write(`${lines.join("\n")}\n`);
  const isChange = Object.keys(limits).length > 0;
  if (name === undefined) {
    // First: its hours go before the limits that are shown then.
    const entries = schedule ? await client.setSchedule(schedule) : await client.schedule();
    const inForce = isChange ? await client.changeLimits(limits) : (await client.status()).limits;
    const hours = entries.length === 0 ? ["none"] : entries;
    say([
      "over all torrents",
      ...limitLines(inForce),
      ...hours.map((entry) => `schedule ${printable(entry)}`),
    ]);
    return;
  }
  const found = findTorrent((await client.status()).torrents, name);
  const torrent =
    isChange || stopRule
      ? await client.change(found.infoHash, { limits, ...(stopRule ? { stopRule } : {}) })
      : found;
  say([
    `of ${printable(torrent.name)} (${torrent.infoHash.slice(0, 8)})`,
    ...limitLines(torrent.limits),
    `stops ${stopWords(torrent.stopRule)}`,
  ]);
}

const EXAMPLES = `
RATE is bytes or bits per second with a unit, such as 2MB/s, 500KiB/s or 16Mbit/s; "none" lifts a limit. All limits hold together: those over all
torrents, and those of each. Without any to change the present ones are shown as they are: over all torrents with their schedule, of one with when it stops.

ENTRY is as of peer --limit-schedule, and in quotes: days, times, and limits by name. Of those given for one time the last wins.

Examples:
  Those that hold now, over all torrents, and of one:
    cachetorrent limit
    cachetorrent limit c12fe1c0

  Over all torrents, and to other ASes less:
    cachetorrent limit --up 20MB/s --up-external 2MB/s

  Less in working hours, and nothing of that any more:
    cachetorrent limit --schedule 'mon-fri 08:00-18:00 up=5MB/s' 'fri 12:00-18:00 up=none'
    cachetorrent limit --no-schedule

  One torrent, until it has sent twice its size:
    cachetorrent limit c12fe1c0 --down 5MB/s --stop-ratio 2`;
