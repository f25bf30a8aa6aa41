/** The middle one; of an even number the mean of the two in the middle. Throws a RangeError for none. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low, high] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (low === undefined || high === undefined) throw new RangeError("there is no median of nothing");
  return (low + high) / 2;
}

/**
 * Of each round ours ÷ the best of the others, and of these the median: rounds of a shared machine differ, so only what ran side by
 * side is compared. A round without others, or without ours, is left out; undefined when none is left.
 */
export function medianRatio(
  rounds: readonly { readonly ours: number | undefined; readonly others: readonly number[] }[],
  best: "highest" | "lowest",
): number | undefined {
  const ratios = rounds.flatMap(({ ours, others }) => {
    if (ours === undefined || others.length === 0) return [];
    return [ours / (best === "highest" ? Math.max(...others) : Math.min(...others))];
  });
  return ratios.length === 0 ? undefined : median(ratios);
}

/** `412`, or `398–431` where rounds differ: the median is told, least and most behind it. */
export function spread(values: readonly number[], digits: number): string {
  const [middle, least, most] = [median(values), Math.min(...values), Math.max(...values)].map((value) =>
    value.toFixed(digits),
  );
  return least === most ? `${middle}` : `${middle} (${least}–${most})`;
}
