import { stat } from "node:fs/promises";
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

export async function requirePath(path: string): Promise<void> {
  try {
    await stat(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR") {
      throw new CtError("CT_ERR_USAGE", `${path}: there is no such file`, { cause });
    }
    throw cause;
  }
}
