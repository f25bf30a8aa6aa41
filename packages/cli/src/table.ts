/** Two columns, the first as wide as its widest entry: `name   value`. */
export function table(rows: readonly (readonly [string, string])[], indent = ""): string {
  const width = Math.max(0, ...rows.map(([label]) => label.length));
  return rows.map(([label, value]) => `${indent}${label.padEnd(width)}  ${value}\n`).join("");
}
