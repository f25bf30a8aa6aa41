import { PieceSet } from "@cachetorrent/protocol";
import type { Metainfo, TorrentFile } from "../metainfo/metainfo.ts";
import { piecesOfFile } from "../metainfo/pieces-of-file.ts";
import { type FileStamp, isSameStamp, MISSING } from "./file-stamp.ts";
import type { ResumeState } from "./resume-state.ts";

/** What the state of an earlier run is worth now. */
export interface StillVerified {
  /** Verified then, and nobody has written to their files since. */
  readonly have: PieceSet;
  /** The pieces that only their hash can tell of. All others are in `have`, or known not to be there. */
  readonly suspects: PieceSet;
  /** By index the files that are not what they were. */
  readonly changed: readonly number[];
  /** Of these, those that were there then and are not now. */
  readonly gone: readonly number[];
  /** Pieces were verified, and no file is there any more. */
  readonly areAllGone: boolean;
}

/**
 * Compares the files as they are, `found`, with what the state says they were. A piece is trusted only if all of its
 * files are unchanged; a file whose stamp is not known counts as changed.
 */
export function stillVerified(
  metainfo: Pick<Metainfo, "files" | "pieceCount" | "pieceLength">,
  state: ResumeState | undefined,
  found: readonly FileStamp[],
): StillVerified {
  const { files, pieceCount } = metainfo;
  if (!state) {
    return {
      have: new PieceSet(pieceCount),
      suspects: PieceSet.full(pieceCount),
      changed: files.flatMap((file, index) => (hasBytes(file) ? [index] : [])),
      gone: [],
      areAllGone: false,
    };
  }
  const have = state.have.copy();
  const suspects = new PieceSet(pieceCount);
  const changed: number[] = [];
  const gone: number[] = [];
  for (const [index, file] of files.entries()) {
    if (!hasBytes(file)) continue;
    const before = state.stamps[index];
    const now = found[index];
    const isUnchanged = before !== undefined && now !== undefined && isSameStamp(before, now);
    if (!isUnchanged) changed.push(index);
    if (before && !isMissing(before) && isMissing(now)) gone.push(index);
    // Beyond a file's end there is nothing, whatever the state says.
    const from = isUnchanged ? Math.max(0, before.size) : 0;
    for (const piece of piecesOfFile(metainfo, file, from)) {
      have.delete(piece);
      if (!isUnchanged) suspects.add(piece);
    }
  }
  const areAllGone =
    state.have.size > 0 && files.every((file, index) => !hasBytes(file) || isMissing(found[index]));
  return { have, suspects, changed, gone, areAllGone };
}

function isMissing(stamp: FileStamp | undefined): boolean {
  return stamp === undefined || stamp.size === MISSING;
}

function hasBytes(file: TorrentFile): boolean {
  return !file.pad && file.length > 0;
}
