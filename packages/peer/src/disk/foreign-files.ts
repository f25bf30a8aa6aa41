import { CtError, type PieceSet } from "@cachetorrent/protocol";
import type { Metainfo, TorrentFile } from "../metainfo/metainfo.ts";
import { piecesOfFile } from "../metainfo/pieces-of-file.ts";
import type { FileStorage } from "./file-storage.ts";

const READ_BYTES = 1024 * 1024;

/**
 * Call after `verifyOnDisk` and before the first write. Throws CT_ERR_FILE_IN_THE_WAY when a file of the torrent's
 * name holds data that are none of the torrent's: somebody's own file, which a download would overwrite. That is one
 * with bytes other than zero, no valid piece in it, and no record that an unfinished download of ours began it. A
 * file of zeros (preallocated by another client, or a hole) has nothing to lose.
 */
export async function refuseForeignFiles(
  metainfo: Metainfo,
  storage: FileStorage,
  verified: PieceSet,
): Promise<void> {
  const sizes = await storage.survey();
  for (const [index, file] of metainfo.files.entries()) {
    const size = sizes[index] ?? 0;
    if (size <= 0 || storage.hasBegun(file) || hasValidPiece(metainfo, file, verified)) continue;
    if (await isAllZeros(storage, file, size)) continue;
    // Where a file is skipped it may be whatever it is.
    if (storage.isSkipped(index)) {
      storage.disown(index);
      continue;
    }
    throw new CtError(
      "CT_ERR_FILE_IN_THE_WAY",
      `${storage.pathOf(file)}: this file holds other data than the torrent's; move it away, or download elsewhere`,
    );
  }
}

function hasValidPiece(metainfo: Metainfo, file: TorrentFile, verified: PieceSet): boolean {
  for (const piece of piecesOfFile(metainfo, file)) {
    if (verified.has(piece)) return true;
  }
  return false;
}

async function isAllZeros(storage: FileStorage, file: TorrentFile, size: number): Promise<boolean> {
  const buffer = new Uint8Array(Math.min(READ_BYTES, size));
  for (let at = 0; at < size; at += buffer.length) {
    const bytes = buffer.subarray(0, Math.min(buffer.length, size - at));
    await storage.readInto(bytes, file.offset + at);
    if (bytes.some((byte) => byte !== 0)) return false;
  }
  return true;
}
