import { readSync, writeSync } from "node:fs";
import type { FileHandle } from "node:fs/promises";
import { systemClock } from "@cachetorrent/clock";
import { TakesNoMore, writeAll } from "./file-io.ts";
import { Pace } from "./pace.ts";

/** The most that one direct write takes: shorter than that of threads, since no thread is to be had for it. */
const WRITE_BYTES = 32 * 1024;
/** After so many bytes other events get their turn. */
export const TURN_BYTES = 1024 * 1024;
/** Memory takes and gives many times that; a disk that is waited for mostly less. Not more: on a busy machine a call may be interrupted. */
const FAST_BYTES_PER_MS = 128 * 1024;
/** Memory gives that even on a busy machine; and to wait for a disk that does costs no more than a thread (docs/performance.md). */
const MEMORY_BYTES_PER_MS = 512 * 1024;

/**
 * Reads and writes files from the event loop, for as long as all that the kernel does is to copy the bytes: to hand a write to a thread costs as
 * much as the write, and threads that write to one file spin while another does (docs/performance.md). When the disk does not keep up, this goes by
 * threads, which wait in its stead; after a time that doubles as long as it is found slow again, it is tried anew. There is one for each disk.
 * Errors are those of the call that failed.
 */
export class DirectIo {
  readonly #now: () => number;
  #pace = new Pace(FAST_BYTES_PER_MS);
  readonly #memoryPace = new Pace(MEMORY_BYTES_PER_MS);

  /** `now`: milliseconds. What a call takes is the machine's time, whatever the swarm's is. */
  constructor(now: () => number = systemClock.now) {
    this.#now = now;
  }

  /** Always by threads. */
  static never(): DirectIo {
    const io = new DirectIo();
    io.#pace = Pace.never();
    return io;
  }

  /** Is it the event loop that reads and writes? */
  get isDirect(): boolean {
    return this.#pace.isKept(this.#now());
  }

  /** Does the event loop read what nobody knows to be in the kernel's memory, too? What was read so of late was there, as it seems by the time it took. */
  get readsAny(): boolean {
    return this.isDirect && this.#memoryPace.isKept(this.#now());
  }

  /** All of the bytes, from `position` of the file on. */
  async write(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
    let done = 0;
    while (done < bytes.length && this.isDirect) {
      if (done > 0) await othersHadTheirTurn();
      done += this.#writeTurn(handle.fd, bytes.subarray(done, done + TURN_BYTES), position + done);
    }
    if (done < bytes.length) await writeAll(handle, bytes.subarray(done), position + done);
  }

  /** All of the bytes, which are a turn at most, at once. False where that took too long, and not all are written. Throws. */
  writeAtOnce(handle: FileHandle, bytes: Uint8Array, position: number): boolean {
    return this.#writeTurn(handle.fd, bytes, position) === bytes.length;
  }

  /**
   * Fills `bytes`, which are few, from `position` of the file on. The kernel should have them in memory: it does if they were `lately` written. False
   * where the file ends before. Throws.
   */
  read(handle: FileHandle, bytes: Uint8Array, position: number, lately: boolean): boolean {
    const begunAt = this.#now();
    let done = 0;
    while (done < bytes.length) {
      const count = readSync(handle.fd, bytes, done, bytes.length - done, position + done);
      if (count === 0) return false;
      done += count;
    }
    (lately ? this.#pace : this.#memoryPace).took(begunAt, this.#now(), done);
    return true;
  }

  /** Returns how many bytes it wrote: fewer than all when that was slow. */
  #writeTurn(fd: number, bytes: Uint8Array, position: number): number {
    let done = 0;
    let begunAt = this.#now();
    while (done < bytes.length) {
      const count = writeSync(fd, bytes, done, Math.min(WRITE_BYTES, bytes.length - done), position + done);
      if (count === 0) throw new TakesNoMore();
      done += count;
      const endedAt = this.#now();
      if (!this.#pace.took(begunAt, endedAt, count)) break;
      begunAt = endedAt;
    }
    return done;
  }
}

function othersHadTheirTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
