import type { LimitValues } from "@cachetorrent/control";
import { formatRate } from "@cachetorrent/protocol";
import { type Column, columnLines } from "./columns.ts";

const DIRECTIONS = ["up", "down"] as const;
const SIDES = [
  { title: "IN ALL", end: "" },
  { title: "INTERNAL", end: "-internal" },
  { title: "EXTERNAL", end: "-external" },
] as const;

/** A line for each direction: in all, and of that to and from peers of the own AS, and of other ones. */
export function limitLines(limits: LimitValues): string[] {
  const columns: Column<(typeof DIRECTIONS)[number]>[] = [
    { title: "LIMIT", of: (direction) => direction },
    ...SIDES.map(({ end, title }) => ({
      title,
      isNumber: true,
      of: (direction: (typeof DIRECTIONS)[number]) => rateWords(limits[`${direction}${end}`]),
    })),
  ];
  return columnLines(columns, DIRECTIONS);
}

function rateWords(rate: number | null | undefined): string {
  return typeof rate === "number" ? formatRate(rate) : "none";
}
