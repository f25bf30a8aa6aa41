import { storageError } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/** What the file system said about the folder for what is made, as the error a user sees: with the option that names another. */
export function outDirError(cause: unknown, outDir: string, doing = "cannot write there"): CtError {
  const { code, syscall } = cause as NodeJS.ErrnoException;
  // Those above it are made first: only file systems without folders of their users' say so, as /proc.
  if (syscall === "mkdir" && code === "ENOENT")
    return new CtError("CT_ERR_STORAGE", `--out ${outDir}: no folder can be made there`, { cause });
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
