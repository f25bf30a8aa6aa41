import type { Metainfo } from "../metainfo/metainfo.ts";
import { piecesOfFile } from "../metainfo/pieces-of-file.ts";

export const FILE_PRIORITIES = ["skip", "low", "normal", "high"] as const;

/** How much a file is wanted; one to be skipped is not downloaded. */
export type FilePriority = (typeof FILE_PRIORITIES)[number];

/** The rank of pieces that no wanted file has a part in. */
export const SKIPPED = 0;

/** Which files of a torrent are wanted, and so which pieces: one that a wanted and a skipped file share is wanted whole. */
export class Selection {
  /** Of each file of the torrent in turn. */
  readonly files: readonly FilePriority[];
  /** Of each piece the highest rank of its files: the index in `FILE_PRIORITIES`, `SKIPPED` for one that is not wanted. */
  readonly ranks: Uint8Array;
  /** Is no file skipped? */
  readonly isEverything: boolean;
  readonly #metainfo: Metainfo;

  /** `priorities` by index in `metainfo.files`; what is left out is normal. Throws a RangeError for what is no file, or no priority. */
  constructor(metainfo: Metainfo, priorities: ReadonlyMap<number, FilePriority> = new Map()) {
    this.#metainfo = metainfo;
    for (const [file, priority] of priorities) {
      if (!metainfo.files[file]) throw new RangeError(`no file ${file} of ${metainfo.files.length}`);
      if (!FILE_PRIORITIES.includes(priority)) throw new RangeError(`no priority ${priority}`);
    }
    this.files = prioritiesOf(metainfo, priorities);
    this.isEverything = !this.files.includes("skip");
    this.ranks = new Uint8Array(metainfo.pieceCount);
    for (const [index, file] of metainfo.files.entries()) {
      const rank = FILE_PRIORITIES.indexOf(this.files[index] ?? "normal");
      for (const piece of piecesOfFile(metainfo, file)) {
        this.ranks[piece] = Math.max(this.ranks[piece] ?? SKIPPED, rank);
      }
    }
  }

  isSkipped(file: number): boolean {
    return this.files[file] === "skip";
  }

  isWanted(piece: number): boolean {
    return (this.ranks[piece] ?? SKIPPED) > SKIPPED;
  }

  /** The ranks that there are, the highest first, `SKIPPED` left out. */
  get ranksInUse(): number[] {
    return [...new Set(this.ranks)].filter((rank) => rank !== SKIPPED).sort((a, b) => b - a);
  }

  /** The same but for these files. Throws a RangeError for what is no file, or no priority. */
  with(changes: ReadonlyMap<number, FilePriority>): Selection {
    return new Selection(this.#metainfo, new Map([...this.files.entries(), ...changes]));
  }
}

/** Padding (BEP 47) belongs to the file before it. */
function prioritiesOf({ files }: Metainfo, priorities: ReadonlyMap<number, FilePriority>): FilePriority[] {
  let before: FilePriority = "normal";
  return files.map(({ pad }, index) => {
    if (!pad) before = priorities.get(index) ?? "normal";
    return before;
  });
}
