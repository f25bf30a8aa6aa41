import { statfs } from "node:fs/promises";
import type { Clock, Timer } from "@cachetorrent/clock";
import { CtError, formatSize, LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { errnoOf } from "./storage-error.ts";

export interface DiskSpaceParts {
  /** Absolute; it may not be there yet. */
  readonly dir: string;
  readonly clock: Clock;
  readonly log: Logger;
  /** Bytes that the torrent still has to write. */
  needed(): number;
  /** There is no room, or there is again. */
  changed(): void;
}

interface Waiting {
  readonly bytes: number;
  readonly run: () => Promise<void>;
  readonly giveUp: () => void;
}

/**
 * What to do when the disk is full: writes wait, and are tried again, in their order, when the file system says that
 * there is room, and now and then in any case, for of quotas it says nothing.
 */
export class DiskSpace {
  readonly #parts: DiskSpaceParts;
  readonly #waiting: Waiting[] = [];
  #lack: string | undefined;
  #timer: Timer | undefined;
  #triedAt = 0;
  #isTrying = false;
  #isStopped = false;

  constructor(parts: DiskSpaceParts) {
    this.#parts = parts;
  }

  /** Why nothing can be written, in words; undefined while it can. */
  get lack(): string | undefined {
    return this.#lack;
  }

  /**
   * Runs the task, of so many bytes, as soon as there is room for it: one of none at once, whatever else waits. Rejects with whatever
   * else is wrong.
   */
  async whenThereIsRoom<T>(bytes: number, task: () => Promise<T>): Promise<T> {
    const isTried = this.#lack === undefined || bytes === 0;
    const done = isTried ? await this.runIfThereIsRoom(task) : undefined;
    return done ? done.value : this.whenThereIsRoomAgain(bytes, task);
  }

  /** Runs the task now, whatever else waits. Undefined where there is no room for it, which is `lack` from then on. */
  async runIfThereIsRoom<T>(task: () => Promise<T>): Promise<{ readonly value: T } | undefined> {
    try {
      return { value: await task() };
    } catch (error) {
      if (!isNoSpace(error) || this.#isStopped) throw error;
      this.#begin(error);
      return undefined;
    }
  }

  /** As `whenThereIsRoom`, of a task for which there was none. */
  whenThereIsRoomAgain<T>(bytes: number, task: () => Promise<T>): Promise<T> {
    // It may be there by now.
    return this.#lack === undefined ? this.whenThereIsRoom(bytes, task) : this.#wait(bytes, task);
  }

  /** Waits for nothing any more: what could not be written is given up. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
    for (const { giveUp } of this.#waiting.splice(0)) giveUp();
  }

  #wait<T>(bytes: number, task: () => Promise<T>): Promise<T> {
    const { promise, reject, resolve } = Promise.withResolvers<T>();
    const waiting: Waiting = {
      bytes,
      /** Rejects only if there still is no room. */
      run: async () => {
        try {
          resolve(await task());
        } catch (error) {
          if (isNoSpace(error) && !this.#isStopped) throw error;
          reject(error);
        }
      },
      giveUp: () => reject(new CtError("CT_ERR_NO_SPACE", this.#lack ?? "no space is left on the disk")),
    };
    if (this.#isStopped) waiting.giveUp();
    else this.#waiting.push(waiting);
    return promise;
  }

  #begin(error: CtError): void {
    if (this.#lack !== undefined) return;
    const { changed, clock, dir, log, needed } = this.#parts;
    const fault =
      errnoOf(error.cause) === "EDQUOT" ? "the disk quota is used up" : "no space is left on the disk";
    const more = needed() > 0 ? `, ${formatSize(needed())} more are needed` : "";
    this.#lack = `${dir}: ${fault}${more}`;
    log.warn(
      { err: error, event: "no-space", dir, needed: needed() },
      `${this.#lack}: paused, and goes on by itself when there is room`,
    );
    this.#triedAt = clock.now();
    this.#timer = clock.every(LIMITS.peer.roomMs, () => void this.#look());
    changed();
  }

  async #look(): Promise<void> {
    if (this.#isTrying) return;
    this.#isTrying = true;
    try {
      const now = this.#parts.clock.now();
      if (now - this.#triedAt < LIMITS.peer.roomRetryMs && !(await this.#hasRoom())) return;
      this.#triedAt = now;
      await this.#tryAll();
    } finally {
      this.#isTrying = false;
    }
  }

  async #hasRoom(): Promise<boolean> {
    const bytes = this.#waiting.reduce((sum, one) => sum + one.bytes, 0);
    try {
      const { bavail, bsize } = await statfs(this.#parts.dir);
      return bavail * bsize >= bytes;
    } catch (error) {
      // The next try says better what is wrong.
      this.#parts.log.debug({ err: error, event: "no-space" }, "cannot ask for the free space");
      return false;
    }
  }

  async #tryAll(): Promise<void> {
    for (let first = this.#waiting[0]; first; first = this.#waiting[0]) {
      try {
        await first.run();
      } catch {
        return; // no room yet: it stays the first
      }
      if (this.#waiting[0] === first) this.#waiting.shift();
    }
    this.#end();
  }

  #end(): void {
    if (this.#lack === undefined || this.#isStopped) return;
    this.#timer?.cancel();
    this.#lack = undefined;
    this.#parts.log.info({ event: "space", dir: this.#parts.dir }, `${this.#parts.dir}: there is room again`);
    this.#parts.changed();
  }
}

function isNoSpace(error: unknown): error is CtError {
  return error instanceof CtError && error.code === "CT_ERR_NO_SPACE";
}
