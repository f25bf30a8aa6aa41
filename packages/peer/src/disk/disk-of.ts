import { stat, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { DirectIo } from "./direct-io.ts";
import { errnoOf } from "./storage-error.ts";

/**
 * The file systems of Linux (statfs(2)) where a call waits for another machine or process, which may never answer: NFS, SMB in its three
 * kinds, Ceph, AFS in both, Coda, Lustre, 9P, FUSE.
 */
const AWAY: ReadonlySet<number> = new Set([
  0x6969, 0x517b, 0xff534d42, 0xfe534d42, 0xc36400, 0x5346414f, 0x6b414653, 0x73757245, 0xbd00bd0, 0x1021997,
  0x65735546,
]);

/** By device: what is slow for one torrent is so for all, and each that had to find out would hold up the others once more. */
const disks = new Map<number, DirectIo>();

/** Reads and writes what is in the directory, which may not be there yet. */
export async function diskOf(directory: string): Promise<DirectIo> {
  try {
    const [{ dev }, { type }] = await Promise.all([stat(directory), statfs(directory)]);
    const disk = disks.get(dev) ?? (isAway(type) ? DirectIo.never() : new DirectIo());
    disks.set(dev, disk);
    return disk;
  } catch (error) {
    const above = dirname(directory);
    // What else is wrong with it is told by who reads or writes there.
    return errnoOf(error) === "ENOENT" && above !== directory ? diskOf(above) : DirectIo.never();
  }
}

/** Is a file system of this type one where a call may never return? */
export function isAway(type: number): boolean {
  return AWAY.has(type >>> 0);
}
