import type { Metainfo } from "./metainfo.ts";
import type { PieceSet } from "./piece-set.ts";
import type { FileStorage } from "./storage.ts";

/** Call after `verifyOnDisk` and before the first write: throws CT_ERR_FILE_IN_THE_WAY for somebody else's file. */
export function refuseForeignFiles(
  _metainfo: Metainfo,
  _storage: FileStorage,
  _verified: PieceSet,
): Promise<void> {
  throw new Error("under construction");
}
