import { cellCount, cutToCells } from "../cells.ts";

export interface Column<T> {
  readonly title: string;
  readonly isNumber?: boolean;
  /** Of one column of a table that is to fit: where room is short its text is cut, to so few cells before any column is left out. */
  readonly leastCells?: number;
  /** Where room is short it is left out, those with low numbers first. */
  readonly givesWay?: number;
  /** As at least how wide it counts then: a column shall not come and go with its figures. */
  readonly usualCells?: number;
  of(row: T): string;
}

const GAP = "  ";

/** A table under its titles, each column as wide as it must be; numbers stand to the right. */
export function columnLines<T>(columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const widths = columns.map((column) => widthOf(column, rows));
  const cells = [
    columns.map(({ title }) => title),
    ...rows.map((row) => columns.map((column) => column.of(row))),
  ];
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

/** The columns that lines of so many cells have room for. What none may give way to stays, even if that is too much. */
export function fittingColumns<T>(
  columns: readonly Column<T>[],
  rows: readonly T[],
  cells: number,
): readonly Column<T>[] {
  const widths = new Map(columns.map((column) => [column, widthOf(column, rows)]));
  const lineOf = (some: readonly Column<T>[], cellsOf: (column: Column<T>, width: number) => number) =>
    some.reduce((sum, one) => sum + cellsOf(one, widths.get(one) ?? 0), GAP.length * (some.length - 1));
  let chosen = columns;
  const leaving = columns
    .filter(({ givesWay }) => givesWay !== undefined)
    .sort((a, b) => (a.givesWay ?? 0) - (b.givesWay ?? 0));
  for (const column of leaving) {
    const least = lineOf(chosen, ({ leastCells, usualCells = 0 }, width) =>
      Math.min(leastCells ?? Number.POSITIVE_INFINITY, Math.max(usualCells, width)),
    );
    if (least <= cells) break;
    chosen = chosen.filter((one) => one !== column);
  }
  const left = cells - lineOf(chosen, ({ leastCells }, width) => (leastCells === undefined ? width : 0));
  return chosen.map((column) =>
    column.leastCells === undefined
      ? column
      : { ...column, of: (row) => cutToCells(column.of(row), Math.max(column.title.length, left)) },
  );
}

function widthOf<T>(column: Column<T>, rows: readonly T[]): number {
  return Math.max(column.title.length, ...rows.map((row) => cellCount(column.of(row))));
}
