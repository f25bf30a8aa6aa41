import type { Dirent, Stats } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { CtError } from "@cachetorrent/protocol";
import { errnoOf, storageError } from "../disk/storage-error.ts";
import { quote } from "./torrent-paths.ts";

/** A file to make a torrent of. */
export interface SourceFile {
  /** Where it is. */
  readonly source: string;
  /** Components below the torrent's own directory; empty for a torrent of one file. */
  readonly path: readonly string[];
  readonly length: number;
}

export interface SourceTree {
  readonly name: string;
  readonly isDirectory: boolean;
  /** In the order of the torrent. */
  readonly files: readonly SourceFile[];
  /** Paths that are there, and are not taken in. */
  readonly leftOut: readonly string[];
}

/**
 * What file managers write and rewrite by themselves: it would spoil the pieces it shares. All else is somebody's
 * content, hidden files too.
 */
const LITTER = /^(?:\.DS_Store|Thumbs\.db|desktop\.ini)$|^\.[0-9a-f]{40}\.(?:cachetorrent|torrent)$/;

/** The file, or the directory's files, sorted by name, so that the same files make the same torrent everywhere. */
export async function listSourceFiles(path: string): Promise<SourceTree> {
  const root = resolve(path);
  const name = basename(root);
  if (name === "")
    throw new CtError("CT_ERR_USAGE", `${path}: a torrent needs a name; give a directory below /`);
  const stats = await look(root, path);
  const isDirectory = stats.isDirectory();
  const walk = new Walk(root);
  if (isDirectory) await walk.enter([], stats);
  else walk.add(root, [], stats);
  if (!walk.files.some((file) => file.length > 0)) {
    const fault = isDirectory ? "there is nothing in it to share: no file with content" : "the file is empty";
    throw new CtError("CT_ERR_USAGE", `${path}: ${fault}`);
  }
  return { name, isDirectory, files: walk.files, leftOut: walk.leftOut };
}

class Walk {
  readonly files: SourceFile[] = [];
  readonly leftOut: string[] = [];
  readonly #root: string;
  /** The directories from the root down to here: links are followed, and must not lead back up. */
  readonly #above = new Set<string>();

  constructor(root: string) {
    this.#root = root;
  }

  add(source: string, path: readonly string[], stats: Stats): void {
    if (!stats.isFile()) throw new CtError("CT_ERR_USAGE", `${source}: is neither a file nor a directory`);
    this.files.push({ source, path, length: stats.size });
  }

  async enter(path: readonly string[], stats: Stats): Promise<void> {
    const directory = join(this.#root, ...path);
    const identity = `${stats.dev}:${stats.ino}`;
    if (this.#above.has(identity)) {
      throw new CtError("CT_ERR_USAGE", `${directory}: a symbolic link leads back to a directory above it`);
    }
    this.#above.add(identity);
    for (const name of await namesIn(directory)) {
      const below = [...path, name];
      const source = join(directory, name);
      if (LITTER.test(name)) {
        this.leftOut.push(below.join("/"));
        continue;
      }
      const found = await look(source, source);
      if (found.isDirectory()) await this.enter(below, found);
      else this.add(source, below, found);
    }
    this.#above.delete(identity);
  }
}

async function namesIn(directory: string): Promise<string[]> {
  let entries: Dirent<Buffer>[];
  try {
    entries = await readdir(directory, { withFileTypes: true, encoding: "buffer" });
  } catch (error) {
    throw storageError(error, directory, "cannot list the directory");
  }
  return entries
    .map((entry) => entry.name)
    .sort(Buffer.compare)
    .map((bytes) => {
      const name = bytes.toString("utf8");
      if (Buffer.from(name).equals(bytes)) return name;
      throw new CtError(
        "CT_ERR_USAGE",
        `${join(directory, name)}: the name is not UTF-8, as BEP 3 wants (${quote(name)})`,
      );
    });
}

async function look(source: string, named: string): Promise<Stats> {
  try {
    return await stat(source);
  } catch (error) {
    if (errnoOf(error) === "ENOENT") {
      throw new CtError("CT_ERR_USAGE", `${named}: there is no such file or directory`, { cause: error });
    }
    throw storageError(error, named, "cannot look at it");
  }
}
