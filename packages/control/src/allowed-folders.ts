import { realpath } from "node:fs/promises";
import { dirname, resolve, sep } from "node:path";
import { errnoOf, storageError } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";

/**
 * The folders that torrents may be put into by order: the daemon's own, and others that its operator named. Who has the token must not
 * be able to write anywhere that the daemon's user can.
 */
export class AllowedFolders {
  readonly #roots: readonly string[];

  /** The first is the daemon's own, that others' relative paths are relative to. */
  constructor(roots: readonly [string, ...string[]]) {
    this.#roots = roots.map((root) => resolve(root));
  }

  /** The folder as an absolute path. Rejects with CT_ERR_USAGE for one that is not allowed. */
  async check(folder: string): Promise<string> {
    if (folder.includes("\0")) throw this.#refusal(folder);
    const path = resolve(this.#roots[0] ?? "", folder);
    if (!this.#roots.some((root) => isInside(path, root))) throw this.#refusal(folder);
    // By links, too, it may not lead out.
    const real = await realOf(path);
    for (const root of this.#roots) {
      if (isInside(real, await realOf(root))) return path;
    }
    throw this.#refusal(folder);
  }

  #refusal(folder: string): CtError {
    return new CtError(
      "CT_ERR_USAGE",
      `dir: ${JSON.stringify(folder)} is not in ${this.#roots.join(" or ")}; the daemon's --allow-dir names more`,
    );
  }
}

function isInside(path: string, root: string): boolean {
  return path === root || path.startsWith(root.endsWith(sep) ? root : `${root}${sep}`);
}

/** Where the path leads; of what is not there yet, where what it is to be in leads. */
async function realOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT" || path === dirname(path))
      throw storageError(error, path, "cannot look at the folder");
    return resolve(await realOf(dirname(path)), path.slice(dirname(path).length).replace(/^\//, ""));
  }
}
