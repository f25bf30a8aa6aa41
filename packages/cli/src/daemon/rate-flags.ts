import type { LimitValues } from "@cachetorrent/control";
import { LIMIT_NAMES, parseSchedule } from "@cachetorrent/peer";
import { CtError, parseDuration, parseRate, type Result } from "@cachetorrent/protocol";
import type { Command } from "commander";

const WHAT = {
  up: "send no faster than this",
  down: "receive no faster than this",
  "up-internal": "of that, to peers of the own AS",
  "up-external": "of that, to peers of other ASes",
  "down-internal": "of that, from peers of the own AS",
  "down-external": "of that, from peers of other ASes",
} as const;

/** An option for each limit, `--PREFIXup` and so on; "none" lifts it. */
export function addLimitFlags(command: Command, prefix = ""): Command {
  for (const name of LIMIT_NAMES) command.option(`--${prefix}${name} <RATE>`, WHAT[name]);
  return command;
}

/** Those that were given, in bytes/s. Throws CT_ERR_USAGE for what is no rate. */
export function limitsGiven(command: Command, prefix = ""): LimitValues {
  const flags = command.opts<Readonly<Record<string, string | undefined>>>();
  const given = LIMIT_NAMES.flatMap((name): (readonly [string, number | null])[] => {
    const flag = `--${prefix}${name}`;
    const text = flags[camelCase(prefix + name)];
    if (text === undefined) return [];
    if (text === "none") return [[name, null]];
    const rate = readAs(flag, parseRate(text));
    if (rate < 1) throw new CtError("CT_ERR_USAGE", `${flag}: a limit must be above 0; "none" lifts it`);
    return [[name, rate]];
  });
  return Object.fromEntries(given) as LimitValues;
}

export function addScheduleFlags(command: Command): Command {
  return command
    .option(
      "--schedule <ENTRY...>",
      "other limits for some hours, instead of all the entries that there were",
    )
    .option("--no-schedule", "the same limits at all hours");
}

/** Undefined where nothing was given, empty where there is to be none. Throws CT_ERR_USAGE that quotes an entry which is none. */
export function scheduleGiven(command: Command): readonly string[] | undefined {
  const { schedule } = command.opts<{ schedule?: readonly string[] | false }>();
  if (schedule === undefined) return undefined;
  const entries = schedule === false ? [] : schedule;
  readAs("--schedule", parseSchedule(entries));
  return entries;
}

export function addStopFlags(command: Command): Command {
  return command
    .option(
      "--stop-ratio <R>",
      'stop when it is complete and has sent so many times its size; "none" lifts it',
    )
    .option(
      "--stop-after <TIME>",
      'stop when it has been complete for so long, such as 90s, 30m, 12h, 7d; "none" lifts it',
    );
}

/** Those parts that were given, null for "none". Undefined where nothing was. Throws CT_ERR_USAGE for what is no ratio or time. */
export function stopRuleGiven(
  command: Command,
): { ratio?: number | null; afterMs?: number | null } | undefined {
  const { stopAfter, stopRatio } = command.opts<{ stopRatio?: string; stopAfter?: string }>();
  if (stopAfter === undefined && stopRatio === undefined) return undefined;
  if (stopRatio !== undefined && stopRatio !== "none" && !/^\d+(\.\d+)?$/.test(stopRatio))
    throw new CtError("CT_ERR_USAGE", `--stop-ratio: not a ratio such as 2 or 1.5: ${stopRatio}`);
  return {
    ...(stopRatio === undefined ? {} : { ratio: stopRatio === "none" ? null : Number(stopRatio) }),
    ...(stopAfter === undefined
      ? {}
      : { afterMs: stopAfter === "none" ? null : readAs("--stop-after", parseDuration(stopAfter)) }),
  };
}

function readAs<T>(flag: string, result: Result<T>): T {
  if (!result.ok) throw new CtError("CT_ERR_USAGE", `${flag}: ${result.error.message}`);
  return result.value;
}

function camelCase(name: string): string {
  return name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
}
