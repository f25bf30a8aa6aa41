import { storageError } from "@cachetorrent/peer";
import type { CtError } from "@cachetorrent/protocol";

/** What the file system said about the folder for what is made, as the error a user sees: with the option that names another. */
export function outDirError(cause: unknown, outDir: string, doing = "cannot write there"): CtError {
  return storageError(cause, `--out ${outDir}`, doing);
}

/** As `writing` settles, but for an error of the file system: it is told as `outDirError`. For what writes into `outDir` alone. */
export async function inOutDir<T>(outDir: string, writing: () => Promise<T>): Promise<T> {
  try {
    return await writing();
  } catch (error) {
    throw error instanceof Error && "syscall" in error ? outDirError(error, outDir) : error;
  }
}
