import { constants } from "node:fs";
import { type FileHandle, open, unlink } from "node:fs/promises";
import { join } from "node:path";
import { recordName } from "../metainfo/torrent-paths.ts";
import { errnoOf, storageError } from "./storage-error.ts";

/**
 * Which files an unfinished download has begun: a hidden file in the download directory, one JSON string a line, that
 * is gone once the torrent is complete.
 *
 * Why: a file that holds data of no valid piece is somebody's own and must not be overwritten, but a kill -9 in the
 * middle of a first piece leaves just such a file of ours. A path is recorded before the file is first written, so
 * what is recorded is ours. Lost with the power, the record costs a refusal, never data.
 */
export class BegunFiles {
  readonly #path: string;
  /** Settled once the path is written down. */
  readonly #begun: Map<string, Promise<void>>;
  #handle: Promise<FileHandle> | undefined;
  #appending: Promise<void> = Promise.resolve();

  private constructor(path: string, begun: readonly string[]) {
    this.#path = path;
    this.#begun = new Map(begun.map((file) => [file, Promise.resolve()]));
  }

  static async load(directory: string, infoHash: string): Promise<BegunFiles> {
    const path = join(directory, recordName(infoHash));
    try {
      const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        return new BegunFiles(path, linesOf(await handle.readFile("utf8")));
      } finally {
        await handle.close();
      }
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return new BegunFiles(path, []);
      throw storageError(error, path, "cannot read the record of begun files");
    }
  }

  has(file: string): boolean {
    return this.#begun.has(file);
  }

  /** Resolves when it is written down. The directory exists by now. */
  add(file: string): Promise<void> {
    const known = this.#begun.get(file);
    if (known) return known;
    const added = this.#append(file);
    this.#begun.set(file, added);
    // The caller hears why; the next try writes again, and other files' lines do not wait for this one's cure.
    this.#appending = added.catch(() => {
      this.#begun.delete(file);
    });
    return added;
  }

  /** The torrent is complete: pieces speak for its files from now on. */
  async remove(): Promise<void> {
    await this.close();
    if (this.#begun.size === 0) return; // complete from the start, on a read-only disk maybe
    this.#begun.clear();
    try {
      await unlink(this.#path);
    } catch (error) {
      if (errnoOf(error) !== "ENOENT") {
        throw storageError(error, this.#path, "cannot remove the record of begun files");
      }
    }
  }

  async close(): Promise<void> {
    await this.#appending;
    const handle = this.#handle;
    this.#handle = undefined;
    await (await handle)?.close();
  }

  async #append(file: string): Promise<void> {
    await this.#appending;
    try {
      const handle = await this.#open();
      // The newline comes first, so that a line torn by a kill does not spoil the next.
      await handle.appendFile(`\n${JSON.stringify(file)}`);
    } catch (error) {
      throw storageError(error, this.#path, "cannot record a begun file");
    }
  }

  #open(): Promise<FileHandle> {
    const { O_WRONLY, O_APPEND, O_CREAT, O_NOFOLLOW } = constants;
    this.#handle ??= open(this.#path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW).catch((error: unknown) => {
      this.#handle = undefined;
      throw error;
    });
    return this.#handle;
  }
}

function linesOf(record: string): string[] {
  return record.split("\n").flatMap((line) => {
    try {
      const file: unknown = JSON.parse(line);
      return typeof file === "string" ? [file] : [];
    } catch {
      return []; // torn by a kill before its file was touched
    }
  });
}
