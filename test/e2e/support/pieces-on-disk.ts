import { execFileSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { FileStorage, type Metainfo, verifyOnDisk } from "@cachetorrent/peer";
import type { PieceSet } from "@cachetorrent/protocol";
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
export async function validPieces(metainfo: Metainfo, dir: string): Promise<PieceSet> {
  const storage = await FileStorage.open(metainfo, dir);
  try {
    return await verifyOnDisk(metainfo, storage);
  } finally {
    await storage.close();
  }
}

/** Makes the file's first piece a bad one as if nobody had written to it: who still has that piece has not read it. Returns what undoes it. */
export async function spoilUnseen(path: string): Promise<() => Promise<void>> {
  const bytes = await readFile(path);
  const write = async (content: Uint8Array) => {
    const time = `${path}.time`;
    execFileSync("touch", ["-r", path, time]);
    await writeFile(path, content);
    execFileSync("touch", ["-r", time, path]);
    await rm(time);
  };
  await write(Buffer.from(bytes).fill("x", 0, 10));
  return () => write(bytes);
}
