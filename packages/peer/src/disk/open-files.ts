import type { FileHandle } from "node:fs/promises";
import { CtError } from "@cachetorrent/protocol";

/** Opens file `file` of a torrent. */
export type OpenFile = (file: number, writable: boolean) => Promise<FileHandle>;

interface Entry {
  readonly handle: Promise<FileHandle>;
  /** Once it is there. */
  opened?: FileHandle;
  readonly writable: boolean;
  users: number;
  isRetired: boolean;
}

/** Keeps the files used last open: a torrent may have more files than a process may have descriptors. */
export class OpenFiles {
  readonly #open: OpenFile;
  readonly #most: number;
  /** Least recently used first. */
  readonly #entries = new Map<number, Entry>();
  /** The last of them, if it is among them still: it is the one that is asked for most often. */
  #lastUsed: number | undefined;
  readonly #running = new Set<Promise<unknown>>();
  #isClosed = false;

  constructor(open: OpenFile, most: number) {
    this.#open = open;
    this.#most = most;
  }

  /** How many files are kept open. */
  get size(): number {
    return this.#entries.size;
  }

  /** The file if it is open, and can be written to if that is asked for, for as long as the caller does not wait for anything. */
  opened(file: number, writable: boolean): FileHandle | undefined {
    const entry = this.#isClosed ? undefined : this.#entries.get(file);
    if (!entry?.opened || (writable && !entry.writable)) return undefined;
    if (file !== this.#lastUsed) this.#touch(file, entry);
    return entry.opened;
  }

  /** Runs `task` on the file, which stays open for it. */
  use<T>(file: number, writable: boolean, task: (handle: FileHandle) => Promise<T>): Promise<T> {
    if (this.#isClosed)
      return Promise.reject(new CtError("CT_ERR_STORAGE", "the torrent's files are closed"));
    const running = this.#run(file, writable, task);
    const settled: Promise<unknown> = running.then(
      () => this.#running.delete(settled),
      () => this.#running.delete(settled),
    );
    this.#running.add(settled);
    return running;
  }

  /** Waits for the tasks under way, then closes all. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(this.#running);
    await Promise.all([...this.#entries].map(([file, entry]) => this.#retire(file, entry)));
  }

  async #run<T>(file: number, writable: boolean, task: (handle: FileHandle) => Promise<T>): Promise<T> {
    let entry = this.#entries.get(file);
    const readOnly = entry && writable && !entry.writable ? entry : undefined;
    if (!entry || readOnly) {
      entry = { handle: this.#open(file, writable), writable, users: 0, isRetired: false };
    }
    entry.users++;
    this.#touch(file, entry);
    try {
      const handle = await entry.handle; // before all else: a rejection that waits unheard ends the process
      entry.opened = handle;
      if (readOnly) await this.#retire(file, readOnly);
      if (this.#entries.size > this.#most) await this.#evict();
      return await task(handle);
    } catch (error) {
      // Whatever went wrong, the next use opens the file anew.
      if (readOnly) await this.#retire(file, readOnly);
      await this.#retire(file, entry);
      throw error;
    } finally {
      entry.users--;
      if (entry.isRetired) await this.#closeIfDone(entry);
    }
  }

  #touch(file: number, entry: Entry): void {
    this.#entries.delete(file);
    this.#entries.set(file, entry);
    this.#lastUsed = file;
  }

  async #evict(): Promise<void> {
    for (const [file, entry] of this.#entries) {
      if (this.#entries.size <= this.#most) return;
      // A file in use stays, and is never opened twice: as many more are open as there are tasks under way.
      if (entry.users === 0) await this.#retire(file, entry);
    }
  }

  #retire(file: number, entry: Entry): Promise<void> {
    if (this.#entries.get(file) === entry) this.#entries.delete(file);
    entry.isRetired = true;
    return this.#closeIfDone(entry);
  }

  async #closeIfDone(entry: Entry): Promise<void> {
    if (!entry.isRetired || entry.users > 0) return;
    entry.users = Number.POSITIVE_INFINITY; // closed once only
    const handle = await entry.handle.catch(() => undefined); // never opened: its user was told
    await handle?.close();
  }
}
