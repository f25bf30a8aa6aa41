import type { CellResult, TestbedReport } from "./results.ts";
import { thinned } from "./thin.ts";

/** Enough to see when what crossed; 48 cells of 14 ASes stay within about a megabyte. */
const MOST_TIMES = 128;

/** `report.json`: a line for each cell, so that versions can be compared. Crossings over time are thinned, nothing else is. */
export function renderJson(report: TestbedReport): string {
  const { cells, ...rest } = report;
  const head = JSON.stringify(rest, null, 2).slice(0, -"\n}".length);
  const lines = cells.map((cell) => `    ${JSON.stringify(withThinCrossings(cell))}`);
  return `${head},\n  "cells": [${lines.length > 0 ? `\n${lines.join(",\n")}\n  ` : ""}]\n}\n`;
}

function withThinCrossings(cell: CellResult): CellResult {
  const { atMs, bytesByAs } = cell.crossings;
  const kept = thinned(atMs.length, MOST_TIMES);
  const pick = (series: readonly number[]) => kept.map((index) => series[index] ?? 0);
  return { ...cell, crossings: { atMs: pick(atMs), bytesByAs: bytesByAs.map(pick) } };
}
