import { FileStorage, type Metainfo, verifyOnDisk } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/** Reads a finished copy again, as `cachetorrent verify` does. Throws CT_ERR_TESTBED, naming whose it is, unless all of it is there. */
export async function verifyCopy(name: string, metainfo: Metainfo, dir: string): Promise<void> {
  const storage = await FileStorage.open(metainfo, dir, { longerFiles: "pass" });
  try {
    const verified = await verifyOnDisk(metainfo, storage);
    if (verified.isFull) return;
    throw new CtError(
      "CT_ERR_TESTBED",
      `${name} says that it is complete, but only ${verified.size} of ${metainfo.pieceCount} pieces in ${dir} are right`,
    );
  } finally {
    await storage.close();
  }
}
