import type { CellResult } from "./results.ts";

/** What all borders together sent into their ASes, or out of them; null where there are no borders. */
export function borderBytes({ borders }: CellResult, way: "in" | "out"): number | null {
  if (!borders) return null;
  const series = way === "in" ? borders.inByAs : borders.outByAs;
  return series.reduce((sum, bytes) => sum + (bytes.at(-1) ?? 0), 0);
}

/** Payload that the peers of an AS got from other ASes, stock clients there included. */
export function receivedFromOutside({ trafficByAs }: CellResult, as: number): number {
  return (trafficByAs[as] ?? []).reduce((sum, bytes, from) => sum + (from === as ? 0 : bytes), 0);
}

/** Payload that peers of other ASes got from an AS. */
export function sentOutside({ trafficByAs }: CellResult, as: number): number {
  return trafficByAs.reduce((sum, row, to) => sum + (to === as ? 0 : (row[as] ?? 0)), 0);
}
