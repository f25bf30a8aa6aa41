import { join } from "node:path";
import type { ClientName } from "./clients/index.ts";
import { medianRatio } from "./figures.ts";
import { some } from "./options.ts";
import { type Hashed, hashFile } from "./torrents.ts";

const PIECES = { "1MiB": 2 ** 20, "256KiB": 2 ** 18, "16MiB": 2 ** 24 } as const;
type PieceName = keyof typeof PIECES;
const PIECE_NAMES = Object.keys(PIECES) as PieceName[];
type PageCache = "warm" | "cold";

/** Under what clients are compared: is the seed's file in memory when the download begins, and how long are pieces? */
export interface Cell {
  readonly pageCache: PageCache;
  readonly pieces: PieceName;
}

/** One download of one client. */
export interface CellRun extends Cell {
  readonly client: ClientName;
  readonly round: number;
}

export const cellOptions = {
  "page-cache": some<PageCache>(["warm", "cold"], "is the seed's file in memory when the download begins"),
  pieces: some(PIECE_NAMES, `lengths of pieces, of ${PIECE_NAMES.join(", ")}`, ["1MiB", "256KiB"]),
};

/** The cells that were asked for, each with the torrent of the file for it. */
export async function cellsOf(
  values: { readonly "page-cache": readonly PageCache[]; readonly pieces: readonly PieceName[] },
  dir: string,
  name: string,
): Promise<{ readonly cell: Cell; readonly content: Hashed }[]> {
  const contents = await Promise.all(
    values.pieces.map(async (pieces) => ({
      pieces,
      content: await hashFile(join(dir, name), name, PIECES[pieces]),
    })),
  );
  return values["page-cache"].flatMap((pageCache) =>
    contents.map(({ content, pieces }) => ({ cell: { pageCache, pieces }, content })),
  );
}

export function nameOf({ pageCache, pieces }: Cell): string {
  return `${pageCache}, ${pieces}`;
}

export function runsOf<R extends CellRun>({ pageCache, pieces }: Cell, runs: readonly R[]): R[] {
  return runs.filter((run) => run.pageCache === pageCache && run.pieces === pieces);
}

/** Of the runs of one cell: the median over its rounds of ours ÷ the best of those others. Undefined where they did not run. */
export function ratioToOthers<R extends CellRun>(
  runs: readonly R[],
  of: (run: R) => number,
  others: readonly ClientName[],
  best: "highest" | "lowest",
): number | undefined {
  const rounds = [...new Set(runs.map((run) => run.round))].map((round) => {
    const inRound = runs.filter((run) => run.round === round);
    const mine = inRound.find((run) => run.client === "cachetorrent");
    return {
      ours: mine && of(mine),
      others: inRound.filter((run) => others.includes(run.client)).map(of),
    };
  });
  return medianRatio(rounds, best);
}
