import { renderTable } from "./table.ts";

/** What a figure is to be, beside what it was. */
export interface Goal {
  readonly what: string;
  readonly goal: string;
  readonly measured: string;
  readonly isMet: boolean;
}

type Format = (figure: number) => string;

export function atLeast(what: string, figure: number, least: number, format: Format): Goal {
  return { what, goal: `>= ${format(least)}`, measured: format(figure), isMet: figure >= least };
}

export function atMost(what: string, figure: number, most: number, format: Format): Goal {
  return { what, goal: `<= ${format(most)}`, measured: format(figure), isMet: figure <= most };
}

export function renderGoals(goals: readonly Goal[]): string[] {
  return renderTable([
    ["goal", "at", "measured", ""],
    ...goals.map(({ what, goal, measured, isMet }) => [what, goal, measured, isMet ? "met" : "MISSED"]),
  ]);
}

export const asTimes: Format = (figure) => `${figure.toFixed(2)}x`;
export const asSeconds: Format = (figure) => `${figure.toFixed(2)} s`;
export const asPercent: Format = (figure) => `${figure.toFixed(1)} %`;
export const asMegabytes: Format = (figure) => `${(figure / 1e6).toFixed(0)} MB`;
export const asKibibytes: Format = (figure) => `${(figure / 1024).toFixed(1)} KiB`;
