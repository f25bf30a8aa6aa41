import type { Metainfo, TorrentFile } from "@cachetorrent/peer";
import type { PieceSet } from "@cachetorrent/protocol";

/** How one file on disk compares with its torrent. */
export interface FileCondition {
  /** Below the download directory, with slashes. */
  readonly path: string;
  readonly state: "complete" | "damaged" | "missing" | "wrong length";
  /** Pieces that touch the file, and those of them that are right. */
  readonly pieces: number;
  readonly validPieces: number;
}

/**
 * The condition of every file, in the torrent's order. `sizeOf` tells a file's size on disk, or undefined where
 * there is none. A piece that two files share counts for both: which of them spoils it cannot be told.
 */
export async function fileConditions(
  metainfo: Metainfo,
  verified: PieceSet,
  sizeOf: (file: TorrentFile) => Promise<number | undefined>,
): Promise<FileCondition[]> {
  const conditions: FileCondition[] = [];
  for (const file of metainfo.files) {
    if (file.pad) continue;
    const size = await sizeOf(file);
    const touching = piecesOf(metainfo, file);
    const valid = touching.filter((piece) => verified.has(piece)).length;
    conditions.push({
      path: file.path.join("/"),
      state: stateOf(file, size, valid === touching.length),
      pieces: touching.length,
      validPieces: valid,
    });
  }
  return conditions;
}

function stateOf(file: TorrentFile, size: number | undefined, whole: boolean): FileCondition["state"] {
  if (size === undefined) return "missing";
  if (size !== file.length) return "wrong length";
  return whole ? "complete" : "damaged";
}

function piecesOf(metainfo: Metainfo, file: TorrentFile): number[] {
  if (file.length === 0) return [];
  const first = Math.floor(file.offset / metainfo.pieceLength);
  const last = Math.floor((file.offset + file.length - 1) / metainfo.pieceLength);
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
