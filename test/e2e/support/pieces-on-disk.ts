import { FileStorage, type Metainfo, verifyOnDisk } from "@cachetorrent/peer";
import type { DaemonProcess } from "@cachetorrent/testbed";

/** How many pieces a daemon said it had found at its start; undefined if it was killed before that. */
export function checkedPieces({ lines }: DaemonProcess): number | undefined {
  for (const { text } of lines) {
    const [, pieces] = /"event":"checked","pieces":(\d+)/.exec(text) ?? [];
    if (pieces !== undefined) return Number(pieces);
  }
  return undefined;
}

/** Hashes everything there is, whatever any daemon remembers. */
export async function validPieces(metainfo: Metainfo, dir: string): Promise<number> {
  const storage = await FileStorage.open(metainfo, dir);
  try {
    return (await verifyOnDisk(metainfo, storage)).size;
  } finally {
    await storage.close();
  }
}
