/** How the report writes its figures. `-` is what was not measured. */
export const NOTHING = "–";

/** 46.4, 4.41, 1.003: near 1, where it matters, to the thousandth. */
export function formatTimes(value: number): string {
  if (value < 1.1) return value.toFixed(3);
  return value.toFixed(value < 10 ? 2 : 1);
}

/** Of two times: 0.984. */
export function formatRatio(value: number): string {
  return value.toFixed(value < 10 ? 3 : 1);
}

/** Milliseconds as seconds, without the unit: 98.4, 1047. */
export function formatSeconds(ms: number): string {
  return (ms / 1000).toFixed(ms < 1_000_000 ? 1 : 0);
}

/** A mean of counts: 12, 3.3. */
export function formatCount(value: number): string {
  return Number.isInteger(value) || value >= 100 ? String(Math.round(value)) : value.toFixed(1);
}

/** Payload bytes as MiB, without the unit: 96.0, 1840. */
export function formatMebibytes(bytes: number): string {
  const value = bytes / 2 ** 20;
  return value.toFixed(value < 1000 ? 1 : 0);
}

/** The same where little is expected: 0.04, 12.3. */
export function formatFewMebibytes(bytes: number): string {
  return bytes < 10 * 2 ** 20 ? (bytes / 2 ** 20).toFixed(2) : formatMebibytes(bytes);
}
