import { fail, ok, parseRate, type Result } from "@cachetorrent/protocol";
import { LIMIT_NAMES, type LimitChanges, type LimitName, type RateLimits } from "./rate-limits.ts";

/** Limits for some hours of some days, in local time. */
export interface ScheduleEntry {
  /** 0 is Sunday. On which of them it begins. */
  readonly days: ReadonlySet<number>;
  /** Minutes since midnight. An end that is not after the beginning is one of the next day. */
  readonly from: number;
  readonly to: number;
  readonly limits: LimitChanges;
}

const DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const DAY_MINUTES = 24 * 60;
const EXAMPLE = "mon-fri 08:00-18:00 up=2MB/s down=10MB/s";

/**
 * `mon-fri 08:00-18:00 up=2MB/s up-external=500KiB/s`: days (one, a range, or none for every day), times, and limits by
 * name, of which `none` lifts one. The error names the part that is wrong.
 */
export function parseScheduleEntry(text: string): Result<ScheduleEntry> {
  const words = text.trim().split(/\s+/);
  const [first = ""] = words;
  const days = /^\d/.test(first) ? ok(new Set(DAYS.keys())) : parseDays(words.shift() ?? "");
  if (!days.ok) return days;
  const times = parseTimes(words.shift());
  if (!times.ok) return times;
  const limits: Partial<Record<LimitName, number>> = {};
  for (const word of words) {
    const limit = parseLimit(word);
    if (!limit.ok) return limit;
    const { name, rate } = limit.value;
    if (limits[name] !== undefined) return fault(`has ${name} twice`);
    limits[name] = rate;
  }
  if (words.length === 0) return fault(`has no limit, such as up=2MB/s, after the times`);
  return ok({ days: days.value, ...times.value, limits });
}

/** As `parseScheduleEntry`, of a whole schedule; the error quotes the entry that is wrong, too. */
export function parseSchedule(texts: readonly string[]): Result<ScheduleEntry[]> {
  const entries: ScheduleEntry[] = [];
  for (const text of texts) {
    const entry = parseScheduleEntry(text);
    if (!entry.ok) return fail("CT_ERR_QUANTITY", `${JSON.stringify(text)}: ${entry.error.message}`);
    entries.push(entry.value);
  }
  return ok(entries);
}

/**
 * The limits in force at `now`, in ms since the Unix epoch: those that are set, and for each name that of the last entry
 * which covers the time and names it. Times are read off the local wall clock: an hour that it skips in spring is in no entry,
 * one that it shows twice in autumn is in an entry both times.
 */
export function limitsAt(set: RateLimits, schedule: readonly ScheduleEntry[], now: number): RateLimits {
  if (schedule.length === 0) return set;
  const local = new Date(now);
  const minute = local.getHours() * 60 + local.getMinutes();
  const covering = schedule.filter((entry) => covers(entry, local.getDay(), minute));
  return Object.assign({}, set, ...covering.map((entry) => entry.limits)) as RateLimits;
}

function covers({ days, from, to }: ScheduleEntry, day: number, minute: number): boolean {
  if (from < to) return days.has(day) && minute >= from && minute < to;
  return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to);
}

function parseDays(word: string): Result<Set<number>> {
  const [, from = "", to = from] = /^([a-z]+)(?:-([a-z]+))?$/i.exec(word) ?? [];
  if (from === "")
    return fault(`begins with "${word}", not with days such as mon-fri or times such as 08:00-18:00`);
  const ends: number[] = [];
  for (const name of [from, to]) {
    const day = DAYS.indexOf(name.toLowerCase());
    if (day < 0) return fault(`has "${name}" for a day: write one of ${DAYS.join(", ")}`);
    ends.push(day);
  }
  const [first = 0, last = 0] = ends;
  const count = ((last - first + 7) % 7) + 1;
  return ok(new Set(Array.from({ length: count }, (_, i) => (first + i) % 7)));
}

function parseTimes(word: string | undefined): Result<{ from: number; to: number }> {
  const [from, to, ...more] = word?.split("-") ?? [];
  if (from === undefined || to === undefined || more.length > 0) {
    return fault(
      `has ${word === undefined ? "nothing" : `"${word}"`} where times such as 08:00-18:00 must be`,
    );
  }
  const minutes: number[] = [];
  for (const [text, latest] of [
    [from, DAY_MINUTES - 1],
    [to, DAY_MINUTES],
  ] as const) {
    const [, hours, rest] = /^(\d{1,2}):(\d\d)$/.exec(text) ?? [];
    const minute = Number(hours) * 60 + Number(rest);
    // Not `>`: of what is no time at all nothing is greater.
    if (!(Number(rest) < 60 && minute <= latest))
      return fault(`has "${text}" for a time: write 00:00 to 24:00`);
    minutes.push(minute);
  }
  const [start = 0, end = 0] = minutes;
  if (start === end) return fault(`ends at ${to}, when it begins: for a whole day write 00:00-24:00`);
  return ok({ from: start, to: end });
}

function parseLimit(word: string): Result<{ name: LimitName; rate: number }> {
  const at = word.indexOf("=");
  const name = word.slice(0, Math.max(at, 0)) as LimitName;
  if (at < 0) return fault(`has "${word}" where a limit such as up=2MB/s must be`);
  if (!LIMIT_NAMES.includes(name))
    return fault(`limits "${name}", which is none of ${LIMIT_NAMES.join(", ")}`);
  const value = word.slice(at + 1);
  if (value === "none") return ok({ name, rate: Number.POSITIVE_INFINITY });
  const rate = parseRate(value);
  if (!rate.ok) return fault(`has in ${word} ${rate.error.message}`);
  if (rate.value <= 0) return fault(`has in ${word} a rate that lets nothing through; "none" lifts a limit`);
  return ok({ name, rate: rate.value });
}

function fault<T>(what: string): Result<T> {
  return fail("CT_ERR_QUANTITY", `the entry ${what} (an entry is as "${EXAMPLE}")`);
}
