import type { Clock, Timer } from "@cachetorrent/clock";
import { pooled } from "@cachetorrent/files";
import { LIMITS, PieceSet } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Metainfo } from "../metainfo/metainfo.ts";
import { piecesOfFile } from "../metainfo/pieces-of-file.ts";
import { type FileStamp, isSameStamp, isSettled, MISSING } from "./file-stamp.ts";
import type { FileStorage } from "./file-storage.ts";
import type { ResumeFile } from "./resume-file.ts";
import { segmentsOfPiece } from "./segments.ts";
import { type StillVerified, stillVerified } from "./still-verified.ts";

export interface ResumeKeeperParts {
  readonly metainfo: Metainfo;
  readonly storage: FileStorage;
  readonly file: ResumeFile;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A file written so lately is in use, and flushing it for a stamp that is void in a moment is wasted. */
const IN_USE_NS = 2_000_000_000n;
/** What was written longer ago is on the disk without being flushed: Linux waits for half a minute. */
const WRITTEN_BACK_NS = 120_000_000_000n;
/** By then the tick is over in which the last write was. */
const NEXT_TICK_MS = 30;
/** Of the four threads that libuv has: those who upload want to read meanwhile. */
const FLUSHES_AT_ONCE = 2;

/**
 * What is known of a torrent's files without reading them, from run to run. A saved state may say less than is true,
 * never more: it has the stamp of a file only if the file was flushed with all pieces that the state names, and no
 * write was under way. Files without one are read again after a kill; so is, always, what there is of a skipped file in the
 * parts file, which is a piece or two.
 */
export class ResumeKeeper {
  readonly #parts: ResumeKeeperParts;
  /** What each file looks like with what we wrote in it; undefined until it is looked at. */
  readonly #stamps: (FileStamp | undefined)[];
  /** Writes begun, and writes under way, of files that were written to. */
  readonly #writes = new Map<number, { begun: number; underWay: number }>();
  #have: PieceSet;
  /** Files of which the stamp is known, and that others, or we before a kill, may have written only in memory. */
  readonly #unflushed = new Set<number>();
  /** Files had to be read: until they all were, there is nothing to save. */
  #isReading = false;
  #isUnsaved = false;
  #isFailing = false;
  #saving: Promise<void> = Promise.resolve();
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(parts: ResumeKeeperParts) {
    this.#parts = parts;
    this.#have = new PieceSet(parts.metainfo.pieceCount);
    this.#stamps = parts.metainfo.files.map(() => undefined);
  }

  /** What need not be read again. The storage was surveyed just now, and nothing is written before `checked`. */
  async begin(): Promise<StillVerified> {
    const { file, log, metainfo, storage } = this.#parts;
    const { files, infoHash, name, pieceCount } = metainfo;
    const state = await file.load({ infoHash, pieceCount, fileCount: files.length });
    const found = storage.stamps();
    const known = stillVerified(metainfo, state, found);
    const changed = new Set(known.changed);
    for (const index of files.keys()) {
      if (!changed.has(index)) this.#stamps[index] = state?.stamps[index];
    }
    if (known.suspects.size === 0) return known;
    // Of those that are gone there is nothing to check.
    const written = files.filter((_, index) => changed.has(index) && found[index]?.size !== MISSING);
    if (state && written.length > 0) {
      const pieces = new Set(written.flatMap((one) => [...piecesOfFile(metainfo, one)])).size;
      log.info(
        { event: "resume", files: written.length, pieces },
        `${name}: checking ${pieces} pieces whose files were written to since they were checked last`,
      );
    }
    this.#isReading = true;
    await this.#lookBefore(known.changed);
    return known;
  }

  /** These pieces are on disk: all that `begin` left open was read. */
  checked(have: PieceSet): void {
    this.#have = have.copy();
    if (!this.#isReading) return;
    this.#isUnsaved = true;
    this.#saving = this.#saving.then(() => this.#trySave(IN_USE_NS));
  }

  /** A piece is about to be written to its files. */
  writing(piece: number): void {
    this.#isUnsaved = true;
    for (const index of this.#filesOf(piece)) {
      this.#stamps[index] = undefined;
      const writes = this.#writes.get(index) ?? { begun: 0, underWay: 0 };
      this.#writes.set(index, { begun: writes.begun + 1, underWay: writes.underWay + 1 });
    }
    this.#saveLater();
  }

  /** It was written, or that failed. */
  wrote(piece: number, isWritten: boolean): void {
    for (const index of this.#filesOf(piece)) {
      const writes = this.#writes.get(index);
      if (writes) writes.underWay--;
    }
    if (isWritten) this.#have.add(piece);
  }

  /** Saves soon, files too that were written a moment ago. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#saveAll());
    return this.#saving;
  }

  /** Saves what is not saved yet, for the last time. The storage is still open. Never rejects; idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return this.#saving;
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.save();
  }

  /** Saves nothing any more. */
  abandon(): void {
    this.#isClosed = true;
    this.#isUnsaved = false;
    this.#timer?.cancel();
  }

  /** Files that are read now, as they are before: whoever writes to them meanwhile changes that. */
  async #lookBefore(changed: readonly number[]): Promise<void> {
    const { file, storage } = this.#parts;
    let young = changed;
    // What was written in this very tick is looked at once more, in the next one.
    for (let round = 0; round < 2 && young.length > 0; round++) {
      if (round > 0) await this.#nextTick();
      let nowNs: bigint;
      try {
        const probe = await file.begin();
        nowNs = probe.startedNs;
        await probe.cancel();
      } catch (error) {
        this.#tellFailure(error);
        return;
      }
      await storage.survey();
      const stamps = storage.stamps();
      young = young.filter((index) => {
        // Its own stamp says nothing of the parts file.
        if (storage.isKeptAside(index)) return false;
        const stamp = stamps[index];
        if (stamp && isSettled(stamp, nowNs)) {
          this.#stamps[index] = stamp;
          if (!isSettled(stamp, nowNs, WRITTEN_BACK_NS)) this.#unflushed.add(index);
        }
        return this.#stamps[index] === undefined;
      });
    }
  }

  async #saveAll(): Promise<void> {
    // As above: twice is enough, unless the file system counts whole seconds.
    for (let round = 0; round < 2 && this.#isUnsaved; round++) {
      if (round > 0) await this.#nextTick();
      await this.#trySave(0n);
    }
  }

  /** One at a time, and as often as a limit says; files in use wait until they rest. */
  #saveLater(): void {
    if (this.#isClosed) return;
    this.#timer ??= this.#parts.clock.after(LIMITS.peer.resumeMs, () => {
      this.#saving = this.#saving.then(async () => {
        await this.#trySave(IN_USE_NS);
        this.#timer = undefined;
        if (this.#isUnsaved) this.#saveLater();
      });
    });
  }

  async #trySave(leastAgeNs: bigint): Promise<void> {
    try {
      await this.#save(leastAgeNs);
      this.#isFailing = false;
    } catch (error) {
      this.#isUnsaved = true;
      this.#tellFailure(error);
    }
  }

  async #save(leastAgeNs: bigint): Promise<void> {
    const { file, metainfo, storage } = this.#parts;
    // At one moment: a write that ends later may be in a stamp, but is not in the pieces.
    const have = this.#have.copy();
    for (const [index, { underWay }] of this.#writes) {
      if (underWay === 0 && storage.isKeptAside(index)) this.#writes.delete(index);
    }
    const resting = [...this.#writes].flatMap(([index, { begun, underWay }]) =>
      underWay === 0 ? [{ index, begun }] : [],
    );
    const writing = await file.begin();
    let fault: unknown;
    await pooled(resting, FLUSHES_AT_ONCE, async ({ begun, index }) => {
      try {
        const before = await storage.stampOf(index);
        if (!isSettled(before, writing.startedNs, leastAgeNs)) return;
        await storage.flush(index);
        const stamp = await storage.stampOf(index);
        if (!isSameStamp(before, stamp) || this.#writes.get(index)?.begun !== begun) return;
        this.#stamps[index] = stamp;
        this.#writes.delete(index);
      } catch (error) {
        fault ??= error; // that file is without a stamp, the others have theirs
      }
    });
    await pooled([...this.#unflushed], FLUSHES_AT_ONCE, async (index) => {
      try {
        await storage.flushAsRead(index);
      } catch (error) {
        this.#stamps[index] = undefined;
        fault ??= error;
      }
      this.#unflushed.delete(index);
    });
    this.#isUnsaved = this.#writes.size > 0;
    await writing.commit({ infoHash: metainfo.infoHash, have, stamps: this.#stamps.slice() });
    if (fault !== undefined) throw fault;
  }

  #nextTick(): Promise<void> {
    return new Promise((resolve) => {
      this.#parts.clock.after(NEXT_TICK_MS, resolve, { keepAlive: true });
    });
  }

  /** Once, not every time: the download goes on without. */
  #tellFailure(error: unknown): void {
    if (!this.#isFailing) {
      this.#parts.log.warn(
        { err: error, event: "resume" },
        `${error instanceof Error ? error.message : String(error)}: the content will be checked at the next start`,
      );
    }
    this.#isFailing = true;
  }

  #filesOf(piece: number): number[] {
    const { metainfo } = this.#parts;
    return segmentsOfPiece(metainfo, piece).flatMap(({ file }) => (metainfo.files[file]?.pad ? [] : [file]));
  }
}
