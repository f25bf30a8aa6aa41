/** Bytes/s as `tc` reads a rate: 2500000 is `20mbit`; empty for no limit. */
export function tcRate(bytesPerSecond: number): string {
  if (!Number.isFinite(bytesPerSecond)) return "";
  const bits = Math.round(bytesPerSecond * 8);
  if (bits % 1_000_000 === 0) return `${bits / 1_000_000}mbit`;
  return bits % 1000 === 0 ? `${bits / 1000}kbit` : `${bits}bit`;
}
