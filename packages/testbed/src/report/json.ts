import type { CellResult, TestbedReport } from "./results.ts";
import { thinned } from "./thin.ts";

/** Enough to see when what crossed; 48 cells of 14 ASes stay within about a megabyte. */
const MOST_TIMES = 128;

/** `report.json`: a line for each cell, so that versions can be compared. Crossings and border counters over time are thinned, nothing else is. */
export function renderJson(report: TestbedReport): string {
  const { cells, ...rest } = report;
  const head = JSON.stringify(rest, null, 2).slice(0, -"\n}".length);
  const lines = cells.map((cell) => `    ${JSON.stringify(withThinCrossings(cell))}`);
  return `${head},\n  "cells": [${lines.length > 0 ? `\n${lines.join(",\n")}\n  ` : ""}]\n}\n`;
}

function withThinCrossings(cell: CellResult): CellResult {
  const { borders, crossings } = cell;
  const pick = picker(crossings.atMs.length);
  const thin = { atMs: pick(crossings.atMs), bytesByAs: crossings.bytesByAs.map(pick) };
  if (!borders) return { ...cell, crossings: thin };
  const pickBorder = picker(borders.atMs.length);
  return {
    ...cell,
    crossings: thin,
    borders: {
      atMs: pickBorder(borders.atMs),
      inByAs: borders.inByAs.map(pickBorder),
      outByAs: borders.outByAs.map(pickBorder),
    },
  };
}

function picker(length: number): (series: readonly number[]) => number[] {
  const kept = thinned(length, MOST_TIMES);
  return (series) => kept.map((index) => series[index] ?? 0);
}
