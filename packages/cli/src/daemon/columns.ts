import { cellCount } from "../cells.ts";

export interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  of(row: T): string;
}

const GAP = "  ";

/** A table under its titles, each column as wide as it must be; numbers stand to the right. */
export function columnLines<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => column.of(row))),
  ];
  const widths = columns.map((_, at) => Math.max(...cells.map((line) => cellCount(line[at] ?? ""))));
  return cells.map((line) =>
    line
      .map((text, at) => {
        const padding = " ".repeat((widths[at] ?? 0) - cellCount(text));
        return columns[at]?.isNumber ? padding + text : text + padding;
      })
      .join(GAP)
      .trimEnd(),
  );
}
