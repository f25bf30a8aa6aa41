import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LIMIT_NAMES, NO_LIMITS, withChanges } from "../src/rates/rate-limits.ts";
import { limitsAt, parseSchedule, parseScheduleEntry, type ScheduleEntry } from "../src/rates/schedule.ts";

function entry(text: string): ScheduleEntry {
  const parsed = parseScheduleEntry(text);
  if (!parsed.ok) throw parsed.error;
  return parsed.value;
}

function refusal(text: string): string {
  const parsed = parseScheduleEntry(text);
  if (parsed.ok) throw new Error(`${text} was accepted`);
  return parsed.error.message;
}

/** Local time: 1 November 2026 is a Sunday. */
const at = (day: number, time: string) => {
  const [hours, minutes] = time.split(":").map(Number);
  return new Date(2026, 10, 1 + day, hours, minutes).getTime();
};
const SUNDAY = 0;
const MONDAY = 1;
const FRIDAY = 5;
const SATURDAY = 6;

function upAt(schedule: readonly string[], day: number, time: string): number {
  return limitsAt(withChanges(NO_LIMITS, { up: 9 }), schedule.map(entry), at(day, time)).up;
}

describe("an entry of a schedule", () => {
  it("holds from its first minute until the one before its last", () => {
    const schedule = ["mon-fri 08:00-18:00 up=1B/s"];
    expect(upAt(schedule, MONDAY, "07:59")).toBe(9);
    expect(upAt(schedule, MONDAY, "08:00")).toBe(1);
    expect(upAt(schedule, MONDAY, "17:59")).toBe(1);
    expect(upAt(schedule, MONDAY, "18:00")).toBe(9);
  });

  it("holds on its days, over the end of the week too", () => {
    const on = (days: string) =>
      [0, 1, 2, 3, 4, 5, 6].filter((day) => upAt([`${days} 00:00-24:00 up=1B/s`], day, "12:00") === 1);
    expect(on("mon-fri")).toEqual([1, 2, 3, 4, 5]);
    expect(on("Fri-Mon")).toEqual([0, 1, 5, 6]);
    expect(on("sat")).toEqual([6]);
    expect(on("")).toEqual([0, 1, 2, 3, 4, 5, 6]);
  });

  it("that ends before it begins goes on into the next day", () => {
    const schedule = ["fri 22:00-06:00 up=1B/s"];
    expect(upAt(schedule, FRIDAY, "21:59")).toBe(9);
    expect(upAt(schedule, FRIDAY, "23:00")).toBe(1);
    expect(upAt(schedule, SATURDAY, "05:59")).toBe(1);
    expect(upAt(schedule, SATURDAY, "06:00")).toBe(9);
    expect(upAt(schedule, FRIDAY, "05:00")).toBe(9);
    expect(upAt(["sat 22:00-06:00 up=1B/s"], SUNDAY, "05:00")).toBe(1);
  });

  it("limits what it names, may lift a limit, and leaves the others as they are set", () => {
    const schedule = [entry("00:00-24:00 up=none down-external=2MB/s up-internal=16Mbit/s")];
    const set = withChanges(NO_LIMITS, { up: 9, "up-external": 7 });
    expect(limitsAt(set, schedule, at(MONDAY, "12:00"))).toEqual({
      ...NO_LIMITS,
      "down-external": 2_000_000,
      "up-internal": 2_000_000,
      "up-external": 7,
    });
  });

  it("gives way to one that comes after it and names the same limit", () => {
    const schedule = ["00:00-24:00 up=1B/s", "08:00-18:00 up=2B/s", "12:00-13:00 down=3B/s"];
    expect(upAt(schedule, MONDAY, "07:00")).toBe(1);
    expect(upAt(schedule, MONDAY, "12:30")).toBe(2);
    expect(upAt(schedule.toReversed(), MONDAY, "12:30")).toBe(1);
  });
});

describe("what is no entry is refused by its wrong part", () => {
  it.for([
    ["mo-fri 08:00-18:00 up=1B/s", '"mo" for a day: write one of sun, mon'],
    ["mon,tue 08:00-18:00 up=1B/s", 'begins with "mon,tue"'],
    ["", 'begins with ""'],
    ["mon", "nothing where times"],
    ["mon up=1B/s", '"up=1B/s" where times'],
    ["mon 8-18 up=1B/s", '"8" for a time'],
    ["mon 08:00-24:01 up=1B/s", '"24:01" for a time'],
    ["mon 24:00-08:00 up=1B/s", '"24:00" for a time'],
    ["mon 08:60-18:00 up=1B/s", '"08:60" for a time'],
    ["mon 08:00-08:00 up=1B/s", "for a whole day write 00:00-24:00"],
    ["mon 08:00-18:00", "has no limit"],
    ["mon 08:00-18:00 up", '"up" where a limit'],
    ["mon 08:00-18:00 upp=1B/s", 'limits "upp", which is none of up, down'],
    ["mon 08:00-18:00 up=1", "in up=1 a rate needs a unit"],
    ["mon 08:00-18:00 up=0B/s", "in up=0B/s a rate that lets nothing through"],
    ["mon 08:00-18:00 up=1B/s up=2B/s", "up twice"],
  ])("%s", ([text, part]) => expect(refusal(text as string)).toContain(part));

  it("among others quoted, so that it is found", () => {
    const parsed = parseSchedule(["mon 08:00-18:00 up=1B/s", "mo 08:00-18:00 up=1B/s"]);
    expect(parsed).toMatchObject({
      ok: false,
      error: { message: expect.stringMatching(/^"mo 08:00-18:00 up=1B\/s": the entry has "mo" for a day/) },
    });
  });

  it("whatever the text, without an exception", () => {
    const piece = fc.oneof(
      fc.string(),
      fc.constantFrom("mon", "mon-fri", "08:00-18:00", "up=1B/s", "-", ":", "=", "constructor=1B/s"),
    );
    fc.assert(
      fc.property(fc.array(piece), (pieces) => {
        const parsed = parseScheduleEntry(pieces.join(" "));
        if (!parsed.ok) return;
        expect(Object.keys(parsed.value.limits).every((name) => LIMIT_NAMES.includes(name as "up"))).toBe(
          true,
        );
        expect(parsed.value.days.size).toBeGreaterThan(0);
      }),
    );
  });
});
