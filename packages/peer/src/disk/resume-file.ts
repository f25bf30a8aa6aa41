import { hash } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { makePrivateDirectory } from "@cachetorrent/files";
import type { Logger } from "pino";
import { readAll } from "./file-io.ts";
import {
  decodeResume,
  encodeResume,
  type ResumeShape,
  type ResumeState,
  resumeBytesMost,
} from "./resume-state.ts";
import { errnoOf, storageError } from "./storage-error.ts";

/** A torrent in a download directory: the same torrent in another one has a state of its own. */
export function resumePath(stateDir: string, infoHash: string, dir: string): string {
  return join(resolve(stateDir), `${infoHash}-${hash("sha256", resolve(dir), "hex").slice(0, 16)}.resume`);
}

/**
 * The file that keeps a torrent's state between two runs. It is replaced whole, so that whatever happens the old state
 * or the new one is there. One that cannot be used is put aside, and told of.
 */
export class ResumeFile {
  readonly path: string;
  readonly #log: Logger;

  constructor(path: string, log: Logger) {
    this.path = path;
    this.#log = log;
  }

  /** What was saved last; undefined when there is nothing that is of use. */
  async load(shape: ResumeShape): Promise<ResumeState | undefined> {
    let bytes: Uint8Array | undefined;
    try {
      bytes = await this.#read(resumeBytesMost(shape));
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      this.#log.warn(
        { event: "resume", path: this.path },
        `${storageError(error, this.path, "cannot read the resume file").message}; checking the content`,
      );
      return undefined;
    }
    const state = bytes
      ? decodeResume(bytes, shape)
      : ({ ok: false, error: { message: "is no resume file of this torrent" } } as const);
    if (state.ok) return state.value;
    await this.#putAside(state.error.message);
    return undefined;
  }

  /** The file system's time; the file that a state is then written to. Throws a CtError. */
  async begin(): Promise<ResumeWriting> {
    const temporary = `${this.path}.tmp`;
    const { O_CREAT, O_EXCL, O_NOFOLLOW, O_WRONLY } = constants;
    try {
      await makePrivateDirectory(dirname(this.path));
      await rm(temporary, { force: true });
      const handle = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
      try {
        const { mtimeNs } = await handle.stat({ bigint: true });
        return new ResumeWriting(this.path, temporary, handle, mtimeNs);
      } catch (error) {
        await handle.close();
        throw error;
      }
    } catch (error) {
      throw storageError(error, this.path, "cannot write the resume file");
    }
  }

  /** Undefined for what no state of ours can be. */
  async #read(most: number): Promise<Uint8Array | undefined> {
    const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
    // A FIFO would keep us waiting, a device send for ever.
    const handle = await open(this.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    try {
      const stats = await handle.stat();
      if (!stats.isFile() || stats.size > most) return undefined;
      const bytes = new Uint8Array(stats.size);
      return (await readAll(handle, bytes, 0)) ? bytes : undefined;
    } finally {
      await handle.close();
    }
  }

  /** It may be somebody's, or of a newer program: it is not overwritten. */
  async #putAside(fault: string): Promise<void> {
    const aside = `${this.path}.unusable`;
    let where = `it is kept as ${aside}`;
    try {
      await rename(this.path, aside);
    } catch (error) {
      where = storageError(error, aside, "cannot rename it").message;
    }
    this.#log.warn(
      { event: "resume", path: this.path },
      `${this.path} ${fault}: checking the content; ${where}`,
    );
  }
}

/** A state on its way to the disk. Ends with `commit` or `cancel`. */
export class ResumeWriting {
  /** When it began, as the file system stamps: nanoseconds since 1970. */
  readonly startedNs: bigint;
  readonly #path: string;
  readonly #temporary: string;
  readonly #handle: FileHandle;

  constructor(path: string, temporary: string, handle: FileHandle, startedNs: bigint) {
    this.#path = path;
    this.#temporary = temporary;
    this.#handle = handle;
    this.startedNs = startedNs;
  }

  /** From here on the new state counts, also after a power cut. Throws a CtError. */
  async commit(state: ResumeState): Promise<void> {
    try {
      try {
        await this.#handle.writeFile(encodeResume(state));
        await this.#handle.sync();
      } finally {
        await this.#handle.close();
      }
      await rename(this.#temporary, this.#path);
      await syncDirectory(dirname(this.#path));
    } catch (error) {
      throw storageError(error, this.#path, "cannot write the resume file");
    }
  }

  async cancel(): Promise<void> {
    await this.#handle.close();
    await rm(this.#temporary, { force: true });
  }
}

async function syncDirectory(path: string): Promise<void> {
  const handle = await open(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
