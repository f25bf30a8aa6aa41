import { stat } from "node:fs/promises";
import { storageError } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/**
 * A name on the command line that leads nowhere is wrong usage, and is told before anything is started.
 * Whether the content is right is for whoever reads it.
 */
export async function requireTorrentFile(path: string): Promise<void> {
  await requirePath(path);
  if ((await stat(path)).isDirectory()) {
    throw new CtError("CT_ERR_USAGE", `${path} is a folder, not a .torrent file`);
  }
}

/** The folder that an option names. */
export async function requireFolder(option: string, path: string): Promise<void> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT" || error.code === "ENOTDIR") return undefined;
    throw storageError(error, path, "cannot look at the folder");
  });
  if (!found?.isDirectory()) throw new CtError("CT_ERR_USAGE", `${option} ${path}: there is no such folder`);
}

export async function requirePath(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      const why = /^https?:\/\//i.test(path)
        ? "URLs are not fetched: download it, and name the file"
        : "there is no such file";
      throw new CtError("CT_ERR_USAGE", `${path}: ${why}`, { cause });
    }
    throw storageError(cause, path, "cannot look at the file");
  }
}
