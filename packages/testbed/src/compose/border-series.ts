import type { BorderCounters } from "../report/results.ts";

/** One line of a border's counters: when, in ms since the Unix epoch, and bytes so far. */
export interface BorderLine {
  readonly t: number;
  readonly in: number;
  readonly out: number;
}

/** The lines of a border's file; a last one that is still being written is left out. */
export function borderLines(text: string): BorderLine[] {
  return text.split("\n").flatMap((line) => borderLine(line) ?? []);
}

export function borderLine(text: string): BorderLine | undefined {
  let value: Partial<BorderLine> | null;
  try {
    value = JSON.parse(text) as Partial<BorderLine> | null;
  } catch {
    return undefined; // half a line
  }
  const { in: into, out, t } = value ?? {};
  return [t, into, out].every((one) => typeof one === "number") ? (value as BorderLine) : undefined;
}

/**
 * The counters of all borders at the same times, `stepMs` apart from the start on, and at last what each of them last said. They count
 * from when their container was started: the little that the tracker and the initial seeds said before the start is in.
 */
export function borderSeries(
  borders: readonly (readonly BorderLine[])[],
  { endAt, startAt, stepMs }: { readonly startAt: number; readonly endAt: number; readonly stepMs: number },
): BorderCounters {
  const times: number[] = [];
  for (let at = startAt; at < endAt; at += stepMs) times.push(at);
  const series = (key: "in" | "out") =>
    borders.map((lines) => [...atTimes(lines, times, key), lines.at(-1)?.[key] ?? 0]);
  return {
    atMs: [...times, endAt].map((at) => Math.round(at - startAt)),
    inByAs: series("in"),
    outByAs: series("out"),
  };
}

function atTimes(lines: readonly BorderLine[], times: readonly number[], key: "in" | "out"): number[] {
  let next = 0;
  let value = 0;
  return times.map((at) => {
    for (let line = lines[next]; line && line.t <= at; line = lines[next]) {
      value = line[key];
      next++;
    }
    return value;
  });
}
