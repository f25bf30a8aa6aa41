import { access, constants, mkdir, open, readdir, readFile, rename, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { Clock, Timer } from "@cachetorrent/clock";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { decodeSavedSwarm, type SavedSwarm } from "./saved-swarm.ts";

/** Changes come in bursts (a whole swarm joins): one write takes them together. */
const REST_MS = 100;
const RETRY_MS = 5000;

const FILE_NAME = /^[0-9a-f]{40}\.json$/;

/** What is to be saved of a swarm now; undefined when there is nothing of it any more. */
export type StateSource = (infoHash: InfoHash) => string | undefined;

/**
 * A directory with a file per swarm that has an election. A file is replaced whole, so that a crash leaves the old one or
 * the new one.
 */
export class StateDirectory {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #changed = new Set<InfoHash>();
  #source: StateSource | undefined;
  #writing: Promise<void> | undefined;
  #rest: Timer | undefined;

  private constructor(path: string, clock: Clock, log: Logger) {
    this.#path = path;
    this.#clock = clock;
    this.#log = log;
  }

  /**
   * Opens the directory, made if missing, and reads what is in it. Writes nothing.
   * @throws CtError CT_ERR_STATE, naming the directory or file that cannot be used.
   */
  static async open(
    path: string,
    clock: Clock,
    log: Logger,
  ): Promise<{ readonly directory: StateDirectory; readonly saved: SavedSwarm[] }> {
    try {
      await makeDirectory(resolve(path));
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
      const names = (await readdir(path)).filter((name) => FILE_NAME.test(name));
      const saved: SavedSwarm[] = [];
      for (const name of names) {
        const file = join(path, name);
        const swarm = decodeSavedSwarm(await readFile(file, "utf8"), file);
        if (`${swarm.infoHash}.json` !== name) {
          throw new CtError("CT_ERR_STATE", `state: ${file} holds the swarm ${swarm.infoHash}`);
        }
        saved.push(swarm);
      }
      return { directory: new StateDirectory(path, clock, log), saved };
    } catch (cause) {
      if (cause instanceof CtError) throw cause;
      throw new CtError("CT_ERR_STATE", `state: cannot use ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Where to get the state of a swarm that changed, at the time of writing. */
  attach(source: StateSource): void {
    this.#source = source;
  }

  /** The swarm's state is another one: it is written soon. */
  changed(infoHash: InfoHash): void {
    this.#changed.add(infoHash);
    if (!this.#writing && !this.#rest) this.#startWriting();
  }

  /** Resolves when all changes are on disk, or have failed to get there (which is logged). */
  async flush(): Promise<void> {
    this.#cancelRest();
    await this.#writing;
    this.#cancelRest();
    if (this.#changed.size > 0) await this.#writeChanged();
  }

  #cancelRest(): void {
    this.#rest?.cancel();
    this.#rest = undefined;
  }

  #startWriting(): void {
    this.#writing = this.#writeChanged().then((complete) => {
      this.#writing = undefined;
      this.#rest = this.#clock.after(complete ? REST_MS : RETRY_MS, () => {
        this.#rest = undefined;
        if (this.#changed.size > 0) this.#startWriting();
      });
    });
  }

  /** False when something could not be written; it stays among the changes. */
  async #writeChanged(): Promise<boolean> {
    const batch = [...this.#changed];
    this.#changed.clear();
    let complete = true;
    for (const infoHash of batch) {
      try {
        await this.#write(infoHash);
      } catch (err) {
        complete = false;
        this.#changed.add(infoHash);
        this.#log.error({ err, event: "state not saved", infoHash }, "state not saved");
      }
    }
    return complete;
  }

  async #write(infoHash: InfoHash): Promise<void> {
    const file = join(this.#path, `${infoHash}.json`);
    const text = this.#source?.(infoHash);
    if (text === undefined) return rm(file, { force: true });
    const temporary = `${file}.tmp`;
    // Keys of peers are in it: with one, anybody could stop a leader.
    const handle = await open(temporary, "w", 0o600);
    try {
      await handle.writeFile(text);
      await handle.sync();
    } finally {
      await handle.close();
    }
    await rename(temporary, file);
    await this.#syncDirectory();
  }

  /** The rename itself must survive a power cut, too. */
  async #syncDirectory(): Promise<void> {
    const handle = await open(this.#path, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}

/**
 * Makes the directory and those above it, where they are not there yet. Node's own `recursive` never returns where a
 * directory that exists says ENOENT to who makes one in it, as /proc does.
 */
async function makeDirectory(path: string): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    // What it is shows when it is used.
    if (code === "EEXIST") return;
    if (code !== "ENOENT" || (await isThere(dirname(path)))) throw error;
    await makeDirectory(dirname(path));
    await makeDirectory(path);
  }
}

async function isThere(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
}
