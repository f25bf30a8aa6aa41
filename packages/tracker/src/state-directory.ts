import { access, constants, readdir, readFile, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { Clock, Timer } from "@cachetorrent/clock";
import { makePrivateDirectory, pooled, replaceFile, syncDirectory } from "@cachetorrent/files";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { decodeSavedSwarm, type SavedSwarm } from "./saved-swarm.ts";
import { readBundle, type StateBundle, writeBundle } from "./state-bundle.ts";

/** Changes come in bursts (a whole swarm joins): one write takes them together. */
const REST_MS = 100;
const RETRY_MS = 5000;

/** More only wait for each other: as many as Node has threads for it. */
const FILES_AT_ONCE = 4;

/** A stop has seconds, and a file on disk takes a third of a millisecond at best: more go into one file together. */
const BUNDLE_LEAST = 256;
const BUNDLE_NAME = "bundle";

const FILE_NAME = /^[0-9a-f]{40}\.json$/;

/** What is to be saved of a swarm now; undefined when there is nothing of it any more. */
export type StateSource = (infoHash: InfoHash) => string | undefined;

/**
 * A directory with a file per swarm that has an election. A file is replaced whole, so that a crash leaves the old one or
 * the new one. When much is unsaved at the stop it goes into one bundle, which is newer than the files; it is unpacked
 * into them before anything else is written.
 */
export class StateDirectory {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #changed = new Set<InfoHash>();
  /** What is in the bundle on disk, unless that is unpacked. */
  #bundle: StateBundle;
  /** Writing ends as soon as it can: a flush waits for it. */
  #isHurried = false;
  #source: StateSource | undefined;
  #writing: Promise<void> | undefined;
  #rest: Timer | undefined;

  private constructor(path: string, bundle: StateBundle, clock: Clock, log: Logger) {
    this.#path = path;
    this.#bundle = bundle;
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
      await makePrivateDirectory(resolve(path));
      await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
      const bundle = await readBundle(join(path, BUNDLE_NAME));
      const saved: SavedSwarm[] = [];
      const add = (text: string, infoHash: string, file: string) => {
        const swarm = decodeSavedSwarm(text, file);
        if (swarm.infoHash !== infoHash) {
          throw new CtError("CT_ERR_STATE", `state: ${file} holds the swarm ${swarm.infoHash}`);
        }
        saved.push(swarm);
      };
      for (const name of (await readdir(path)).filter((one) => FILE_NAME.test(one))) {
        const infoHash = name.slice(0, 40) as InfoHash;
        const file = join(path, name);
        if (!bundle.has(infoHash)) add(await readFile(file, "utf8"), infoHash, file);
      }
      for (const [infoHash, text] of bundle) {
        if (text !== undefined) add(text, infoHash, `${join(path, BUNDLE_NAME)} (${infoHash})`);
      }
      return { directory: new StateDirectory(path, bundle, clock, log), saved };
    } catch (cause) {
      if (cause instanceof CtError) throw cause;
      throw new CtError("CT_ERR_STATE", `state: cannot use ${path}: ${(cause as Error).message}`, { cause });
    }
  }

  /** Where to get the state of a swarm that changed, at the time of writing. */
  attach(source: StateSource): void {
    this.#source = source;
    if (this.#bundle.size > 0) this.#startWriting();
  }

  /** The swarm's state is another one: it is written soon. */
  changed(infoHash: InfoHash): void {
    this.#changed.add(infoHash);
    if (!this.#writing && !this.#rest) this.#startWriting();
  }

  /** Resolves when all changes are on disk, or have failed to get there (which is logged). */
  async flush(): Promise<void> {
    this.#isHurried = true;
    this.#cancelRest();
    await this.#writing;
    this.#cancelRest();
    this.#isHurried = false;
    if (this.#changed.size >= BUNDLE_LEAST || (this.#changed.size > 0 && this.#bundle.size > 0)) {
      await this.#writeBundle();
    } else if (this.#changed.size > 0) await this.#writeChanged();
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
        if (this.#changed.size + this.#bundle.size > 0) this.#startWriting();
      });
    });
  }

  /** False when something could not be written; it stays among the changes. */
  async #writeChanged(): Promise<boolean> {
    if (!(await this.#unpack())) return false;
    const batch = [...this.#changed];
    this.#changed.clear();
    let complete = true;
    await pooled(batch, FILES_AT_ONCE, async (infoHash) => {
      try {
        if (this.#isHurried) this.#changed.add(infoHash);
        else await this.#write(infoHash, this.#source?.(infoHash));
      } catch (err) {
        complete = false;
        this.#changed.add(infoHash);
        this.#log.error({ err, event: "state not saved", infoHash }, "state not saved");
      }
    });
    return (await this.#try(() => syncDirectory(this.#path))) && complete;
  }

  /** Until it is all in the files nothing newer may be: the bundle counts before them. */
  async #unpack(): Promise<boolean> {
    if (this.#bundle.size === 0) return true;
    const bundle = join(this.#path, BUNDLE_NAME);
    return this.#try(async () => {
      let isWhole = true;
      await pooled(this.#bundle, FILES_AT_ONCE, async ([infoHash, text]) => {
        if (this.#isHurried) isWhole = false;
        else await this.#write(infoHash, text);
      });
      if (!isWhole) return;
      await syncDirectory(this.#path);
      await rm(bundle, { force: true });
      await syncDirectory(this.#path);
      this.#bundle = new Map();
    }).then((done) => done && this.#bundle.size === 0);
  }

  async #writeBundle(): Promise<void> {
    const bundle = new Map(this.#bundle);
    for (const infoHash of this.#changed) bundle.set(infoHash, this.#source?.(infoHash));
    const done = await this.#try(async () => {
      await writeBundle(join(this.#path, BUNDLE_NAME), bundle);
      await syncDirectory(this.#path);
    });
    if (!done) return;
    this.#bundle = bundle;
    this.#changed.clear();
  }

  async #write(infoHash: InfoHash, text: string | undefined): Promise<void> {
    const file = join(this.#path, `${infoHash}.json`);
    if (text === undefined) await rm(file, { force: true });
    // Keys of peers are in it: with one, anybody could stop a leader.
    else await replaceFile(file, text);
  }

  /** False, and a word in the log, if it failed. */
  async #try(work: () => Promise<void>): Promise<boolean> {
    try {
      await work();
      return true;
    } catch (err) {
      this.#log.error({ err, event: "state not saved" }, "state not saved");
      return false;
    }
  }
}
