import { lstat, mkdir, realpath, stat } from "node:fs/promises";
import { dirname, join, resolve, sep } from "node:path";
import { CtError } from "@cachetorrent/protocol";
import { errnoOf, storageError } from "./storage-error.ts";
import { noneCanBeMade } from "./writable.ts";

/**
 * The directory that torrents are kept in, and the directories below it. None of these may be a symbolic link that
 * leads out: an earlier, hostile torrent or a shared disk could have put one there to have other files overwritten.
 */
export class DownloadDirectory {
  /** Absolute, as it was given: messages name it so. */
  readonly path: string;
  readonly #known = new Map<string, Promise<boolean>>();

  constructor(path: string) {
    this.path = resolve(path);
  }

  join(components: readonly string[]): string {
    return join(this.path, ...components);
  }

  /** Whether the directory is there. Throws when something else is in its place. */
  has(components: readonly string[]): Promise<boolean> {
    return this.#remember(components, async () => {
      if (components.length === 0) return this.#isDirectory(this.path, () => stat(this.path));
      if (!(await this.has(components.slice(0, -1)))) return false;
      const path = this.join(components);
      return this.#isDirectory(path, () => this.#statInside(path));
    });
  }

  /** Makes the directory and those above it, where they are not there yet. */
  async make(components: readonly string[]): Promise<void> {
    if (await this.has(components)) return;
    const path = this.join(components);
    if (components.length > 0) await this.make(components.slice(0, -1));
    // Node's own `recursive` never returns where a directory that exists says ENOENT, as /proc does.
    else await new DownloadDirectory(dirname(path)).make([]);
    try {
      await mkdir(path);
    } catch (error) {
      // Another file's write may have made it; what it is, is asked below.
      if (errnoOf(error) !== "EEXIST")
        throw noneCanBeMade(path, error) ?? storageError(error, path, "cannot make the directory");
    }
    this.forget();
    if (!(await this.has(components))) {
      throw new CtError("CT_ERR_STORAGE", `${path}: the directory vanished while it was made`);
    }
  }

  /** Looks at the disk again from now on. */
  forget(): void {
    this.#known.clear();
  }

  #remember(components: readonly string[], look: () => Promise<boolean>): Promise<boolean> {
    const key = components.join("/");
    const known = this.#known.get(key);
    if (known) return known;
    const looked = look();
    this.#known.set(key, looked);
    looked.catch(() => this.#known.delete(key)); // the caller hears of it; the next one looks again
    return looked;
  }

  async #isDirectory(path: string, look: () => ReturnType<typeof stat>): Promise<boolean> {
    try {
      if ((await look()).isDirectory()) return true;
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return false;
      throw storageError(error, path, "cannot look at the directory");
    }
    throw new CtError("CT_ERR_FILE_IN_THE_WAY", `${path}: a file is where a directory must be`);
  }

  async #statInside(path: string): ReturnType<typeof stat> {
    const stats = await lstat(path);
    if (!stats.isSymbolicLink()) return stats;
    const [target, root] = await Promise.all([realpath(path), realpath(this.path)]);
    if (!`${target}${sep}`.startsWith(root.endsWith(sep) ? root : `${root}${sep}`)) {
      throw new CtError(
        "CT_ERR_FILE_IN_THE_WAY",
        `${path}: a symbolic link leads out of the download directory, to ${target}`,
      );
    }
    return stat(path);
  }
}
