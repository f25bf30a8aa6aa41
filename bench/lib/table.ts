/** Lines of a table for a terminal and for Markdown alike; the first row is its head, the first `words` columns are words. */
export function renderTable(rows: readonly (readonly string[])[], words = 1): string[] {
  const columns = Math.max(0, ...rows.map((row) => row.length));
  const widths = Array.from({ length: columns }, (_, at) =>
    Math.max(3, ...rows.map((row) => row[at]?.length ?? 0)),
  );
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const aligned = rows.map((row) =>
    line(
      widths.map((width, at) => {
        const cell = row[at] ?? "";
        return at < words ? cell.padEnd(width) : cell.padStart(width);
      }),
    ),
  );
  const rule = line(
    widths.map((width, at) => (at < words ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)),
  );
  const [head, ...body] = aligned;
  return head === undefined ? [] : [head, rule, ...body];
}
