import { CtError } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { addDaemonFlags, daemonOf } from "../daemon/daemon-flags.ts";
import { findTorrent } from "../daemon/find-torrent.ts";
import {
  addLimitFlags,
  addScheduleFlags,
  addStopFlags,
  limitsGiven,
  scheduleGiven,
  stopRuleGiven,
} from "../daemon/rate-flags.ts";
import { stopWords } from "../daemon/torrent-details.ts";
import { limitWords } from "../daemon/torrent-table.ts";
import { printable } from "../printable.ts";

export function define(command: Command, context: Context): void {
  command
    .description(
      "Change limits of a daemon (peer --daemon) while it runs, over all torrents or of one, and show what holds. They hold after a restart, too.",
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
  const say = (text: string) => void context.stdout.write(`${text}\n`);
  if (name === undefined) {
    // First: its hours go before the limits that are shown then.
    const entries = schedule ? await client.setSchedule(schedule) : await client.schedule();
    say(`limits ${limitWords(await client.changeLimits(limits))}`);
    for (const entry of entries.length === 0 ? ["none"] : entries) say(`schedule ${printable(entry)}`);
    return;
  }
  const { infoHash } = findTorrent((await client.status()).torrents, name);
  const torrent = await client.change(infoHash, { limits, ...(stopRule ? { stopRule } : {}) });
  say(`limits ${limitWords(torrent.limits)}`);
  say(`stops ${stopWords(torrent.stopRule)}`);
}

const EXAMPLES = `
RATE is bytes or bits per second with a unit, such as 2MB/s, 500KiB/s or 16Mbit/s; "none" lifts a limit. All limits hold together: those over all
torrents, and those of each. Without any the present ones are shown, and their schedule.

ENTRY is as of peer --limit-schedule, and in quotes: days, times, and limits by name. Of those given for one time the last wins.

Examples:
  Over all torrents, and to other ASes less:
    cachetorrent limit --up 20MB/s --up-external 2MB/s

  Less in working hours, and nothing of that any more:
    cachetorrent limit --schedule 'mon-fri 08:00-18:00 up=5MB/s' 'fri 12:00-18:00 up=none'
    cachetorrent limit --no-schedule

  One torrent, until it has sent twice its size:
    cachetorrent limit c12fe1c0 --down 5MB/s --stop-ratio 2`;
