/** Indices of at most `most` of `length` items, evenly spread; the first and the last are among them. */
export function thinned(length: number, most: number): number[] {
  if (length <= most) return Array.from({ length }, (_, i) => i);
  const step = (length - 1) / (most - 1);
  return Array.from({ length: most }, (_, i) => Math.round(i * step));
}

/** So many significant digits as a chart can show: the page stays small. */
export function rounded(value: number): number {
  return Number(value.toPrecision(4));
}
