import { resolve } from "node:path";
import type { Clock } from "@cachetorrent/clock";
import { CtError, LIMITS, PieceSet } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { bytesOutside, type Metainfo, pieceSize } from "../metainfo/metainfo.ts";
import { Selection } from "../selection/selection.ts";
import type { BlockRequest } from "../wire/block-request.ts";
import { CheckLog } from "./check-log.ts";
import { DamagedFiles } from "./damaged-files.ts";
import { DiskSpace } from "./disk-space.ts";
import { FileStorage } from "./file-storage.ts";
import { refuseForeignFiles } from "./foreign-files.ts";
import type { PieceCache } from "./piece-cache.ts";
import { ResumeFile, resumePath } from "./resume-file.ts";
import { ResumeKeeper } from "./resume-keeper.ts";
import type { OpenedStorage, Storage } from "./storage.ts";
import { isPieceValid, verifyOnDisk } from "./verifier.ts";
import { requireWritable } from "./writable.ts";

export interface ContentParts {
  readonly metainfo: Metainfo;
  readonly dir: string;
  /** Which files are wanted; all, unless said. */
  readonly selection?: Selection;
  readonly cache: PieceCache;
  readonly clock: Clock;
  readonly log: Logger;
  /** Where what was verified is remembered; nowhere, and every start reads everything. */
  readonly stateDir?: string | undefined;
  /** `open` refuses where pieces were verified, and all files are gone since: a disk may not be mounted. */
  readonly holdsIfGone?: boolean | undefined;
  /** Opens what stands in for files in `dir`. */
  readonly elsewhere?: (() => Promise<OpenedStorage>) | undefined;
  /** `lack` has changed. */
  roomChanged?(): void;
}

/** What a torrent holds: its files, which of its pieces stand verified in them, and those that are in memory. */
export class Content {
  readonly #parts: ContentParts;
  readonly #metainfo: Metainfo;
  readonly #cache: PieceCache;
  /** Of its pieces in the cache. */
  readonly #name: string;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #space: DiskSpace;
  #resume: ResumeKeeper | undefined;
  #selection: Selection;
  /** While something that is wanted stands elsewhere, for there is no room for it in its place. */
  #unplaced: PromiseWithResolvers<void> | undefined;
  #storage: Storage | undefined;
  #have: PieceSet;
  #checked = 0;
  #validSoFar = 0;

  constructor(parts: ContentParts) {
    this.#parts = parts;
    this.#metainfo = parts.metainfo;
    this.#selection = parts.selection ?? new Selection(parts.metainfo);
    this.#cache = parts.cache;
    this.#name = parts.cache.nameOwner();
    this.#log = parts.log;
    this.#have = new PieceSet(parts.metainfo.pieceCount);
    this.#space = new DiskSpace({
      ...parts,
      dir: resolve(parts.dir),
      needed: () => this.#wantedLeft(),
      changed: () => parts.roomChanged?.(),
    });
  }

  /** Which files are wanted. */
  get selection(): Selection {
    return this.#selection;
  }

  /** The pieces that are verified and on disk. */
  get have(): PieceSet {
    return this.#have;
  }

  /** Share of the check at the start that is done, 0 to 1. */
  get checkedFraction(): number {
    return this.#metainfo.pieceCount === 0 ? 1 : this.#checked / this.#metainfo.pieceCount;
  }

  /** Bytes in pieces that are not verified; while the check goes on, in those not found valid so far. */
  get left(): number {
    const { length, pieceCount, pieceLength } = this.#metainfo;
    if (this.#checked < pieceCount) return Math.max(0, length - this.#validSoFar * pieceLength);
    return bytesOutside(this.#metainfo, this.#have);
  }

  /** Why nothing can be written now, in words: the disk is full. Undefined while it can. */
  get lack(): string | undefined {
    return this.#space.lack;
  }

  /** Is all that we hold of wanted files where it belongs? Else it waits for room, and can be read meanwhile. */
  get isPlaced(): boolean {
    return this.#unplaced === undefined;
  }

  /** Resolves when it is. Rejects with a CtError when something cannot be brought to its place. */
  async placed(): Promise<void> {
    while (this.#unplaced) await this.#unplaced.promise;
  }

  /** Checks what is on disk; from then on `have` is true. Throws a CtError when the files cannot be used. */
  async open(): Promise<void> {
    const { dir, elsewhere } = this.#parts;
    if (elsewhere) {
      const { storage, have } = await elsewhere();
      this.#storage = storage;
      this.#have = have;
      this.#checked = this.#metainfo.pieceCount;
      return;
    }
    const storage = await FileStorage.open(this.#metainfo, dir, { selection: this.#selection });
    this.#storage = storage;
    this.#resume = this.#makeResume(storage);
    const known = await this.#resume?.begin();
    const told = new CheckLog(this.#parts);
    if (known) told.gone(known);
    const damaged = new DamagedFiles(this.#metainfo);
    const have =
      known?.suspects.size === 0
        ? known.have
        : await verifyOnDisk(this.#metainfo, storage, {
            ...(known ? { known } : {}),
            signal: this.#abort.signal,
            onProgress: (checked, valid) => {
              this.#checked = checked;
              this.#validSoFar = valid;
            },
            onDamaged: (piece, bytes) => damaged.found(piece, bytes),
          });
    if (!have.isFull) await refuseForeignFiles(this.#metainfo, storage, have);
    if (have.size === 0) await told.misplaced();
    // Before anybody hears of us: who comes and cannot keep what it gets costs others their time.
    if (!this.#isAllOf(have)) await requireWritable(dir);
    this.#have = have;
    await this.#place(async () => {
      await storage.place(have);
      if (this.#isAllOf(have)) await this.#finishSeed(storage);
    });
    told.damaged(storage, damaged);
    this.#resume?.checked(have);
    this.#checked = this.#metainfo.pieceCount;
  }

  isValid(piece: number, bytes: Uint8Array): boolean {
    return isPieceValid(this.#metainfo, piece, bytes);
  }

  /** A part of a piece, if it is in memory. */
  cached(wanted: BlockRequest): Uint8Array | undefined {
    const { piece, begin, end } = this.#sectionOf(wanted);
    const at = wanted.begin - begin;
    return this.#cache.get(this.#key(piece, begin, end))?.subarray(at, at + wanted.length);
  }

  /** Is a part of a piece in memory, or in the kernel's? `fromDisk`: or where it is likely to? */
  isAtHand(wanted: BlockRequest, fromDisk: boolean): boolean {
    return this.cached(wanted) !== undefined || (this.#storage?.isAtHand?.(wanted.piece, fromDisk) ?? false);
  }

  /**
   * What is at hand of a piece, to be sent. From the kernel come these bytes and no more: what many peers ask for at the same time is more than
   * the cache holds, and a section read for each of its blocks would be read over and over.
   */
  atOnce(wanted: BlockRequest, fromDisk: boolean): Uint8Array | undefined {
    const cached = this.cached(wanted);
    if (cached) return cached;
    const { piece, begin, end } = this.#sectionOf(wanted);
    const read = this.#storage?.readAtOnce?.(piece, wanted.begin, wanted.length, fromDisk);
    if (read?.length === end - begin) this.#cache.put(this.#key(piece, begin, end), read);
    else if (read) this.#cache.passes(read);
    return read;
  }

  /** What `atOnce` gave stays as it is until the function is called that is returned, and otherwise until the end of the task. */
  lend(bytes: Uint8Array): () => void {
    return this.#cache.lend(bytes);
  }

  /** Brings the section of a part of a piece into memory. */
  async load(wanted: BlockRequest): Promise<void> {
    const storage = this.#opened();
    const { piece, begin, end } = this.#sectionOf(wanted);
    await this.#cache.load(this.#key(piece, begin, end), () => storage.read(piece, begin, end - begin));
  }

  /** A verified piece. Waits while the disk is full. */
  async store(piece: number, bytes: Uint8Array): Promise<void> {
    const storage = this.#opened();
    let isWritten = false;
    this.#resume?.writing(piece);
    try {
      await this.#space.whenThereIsRoom(bytes.length, () => storage.writePiece(piece, bytes));
      isWritten = true;
    } finally {
      this.#resume?.wrote(piece, isWritten);
    }
  }

  /** As `store`, without waiting. False where that would take time, or something is wrong, and it is still to be stored. */
  storeAtOnce(piece: number, bytes: Uint8Array): boolean {
    const { writeAtOnce } = this.#opened();
    if (!writeAtOnce || this.lack !== undefined) return false;
    this.#resume?.writing(piece);
    const isWritten = writeAtOnce.call(this.#storage, piece, bytes);
    this.#resume?.wrote(piece, isWritten);
    return isWritten;
  }

  /**
   * It stays in memory for those who ask for it next, and its bytes may be freed from then on. False where it is longer than a section, and
   * does not.
   */
  keep(piece: number, bytes: Uint8Array): boolean {
    const isSection = bytes.length <= LIMITS.peer.sectionBytes;
    if (isSection) this.#cache.put(this.#key(piece, 0, bytes.length), bytes);
    return isSection;
  }

  /**
   * From now on these files are wanted. After `open`, or before it. On a full disk what is kept of them elsewhere stays there for now: see
   * `isPlaced`. Rejects with a CtError, having changed nothing, when a file cannot be brought to its place.
   */
  async select(selection: Selection): Promise<void> {
    await this.#place(async () => this.#storage?.select?.(selection), selection);
  }

  /** Every wanted piece is there: makes what needs no piece. Waits while the disk is full. */
  async makeWhole(): Promise<void> {
    const storage = this.#opened();
    await this.placed();
    await this.#space.whenThereIsRoom(0, async () => storage.makeWhole?.());
  }

  /** As `makeWhole`, and flushes. */
  async finish(): Promise<void> {
    const storage = this.#opened();
    await this.placed();
    await this.#space.whenThereIsRoom(0, () => storage.finish());
    void this.#resume?.save();
  }

  /** Ends a check that is under way: `open` then rejects. */
  abortCheck(): void {
    this.#abort.abort();
  }

  /** What could not be written until now, for want of room, is given up. */
  giveUpWaiting(): void {
    this.#space.stop();
  }

  /** Resolves when what is verified now is remembered, or cannot be. */
  async saved(): Promise<void> {
    await this.#resume?.save();
  }

  /** What is verified from now on is not remembered, as if the process were killed. */
  abandon(): void {
    this.#resume?.abandon();
  }

  /** Flushes and closes. Idempotent; what fails is logged. */
  async close(): Promise<void> {
    this.#space.stop();
    await this.#resume?.close();
    try {
      await this.#storage?.close();
    } catch (error) {
      this.#log.error({ err: error, event: "storage" }, "closing the files failed");
    }
  }

  /** The task brings what is wanted by the selection to its place, or there is no room for that, and it is tried again when there is. */
  async #place(task: () => Promise<void>, selection = this.#selection): Promise<void> {
    const before = this.#selection;
    // By it is told how much is needed.
    this.#selection = selection;
    const placed = await this.#space.runIfThereIsRoom(task).catch((error: unknown) => {
      this.#selection = before;
      throw error;
    });
    if (placed) {
      this.#unplaced?.resolve();
      this.#unplaced = undefined;
      return;
    }
    if (this.#unplaced) return;
    const unplaced = Promise.withResolvers<void>();
    this.#unplaced = unplaced;
    // Whoever waits for it hears of it; maybe nobody does.
    unplaced.promise.catch(() => undefined);
    // By then others may be wanted.
    const again = async () => this.#storage?.select?.(this.#selection);
    void this.#space
      .whenThereIsRoomAgain(0, again)
      .then(unplaced.resolve, unplaced.reject)
      .then(() => {
        if (this.#unplaced === unplaced) this.#unplaced = undefined;
      });
  }

  /** Are these all the pieces that are wanted? */
  #isAllOf(have: PieceSet): boolean {
    return this.#missingOf(have).next().done === true;
  }

  #wantedLeft(): number {
    let bytes = 0;
    for (const piece of this.#missingOf(this.#have)) bytes += pieceSize(this.#metainfo, piece);
    return bytes;
  }

  *#missingOf(have: PieceSet): Generator<number> {
    for (let piece = 0; piece < have.pieceCount; piece++) {
      if (this.#selection.isWanted(piece) && !have.has(piece)) yield piece;
    }
  }

  async #finishSeed(storage: FileStorage): Promise<void> {
    try {
      await storage.finish();
    } catch (error) {
      // Complete content on a read-only disk is a fine seed.
      if (!(error instanceof CtError && error.code === "CT_ERR_PERMISSION")) throw error;
      this.#log.warn({ event: "storage" }, error.message);
    }
  }

  #makeResume(storage: FileStorage): ResumeKeeper | undefined {
    const { dir, stateDir } = this.#parts;
    if (stateDir === undefined) return undefined;
    const file = new ResumeFile(resumePath(stateDir, this.#metainfo.infoHash, dir), this.#log);
    return new ResumeKeeper({ ...this.#parts, storage, file });
  }

  #opened(): Storage {
    if (!this.#storage) throw new Error("the content is not open");
    return this.#storage;
  }

  /** What is read for it: the section that it is in, or, where it is in two, no more than itself. */
  #sectionOf({ piece, begin, length }: BlockRequest): { piece: number; begin: number; end: number } {
    const { sectionBytes } = LIMITS.peer;
    const start = begin - (begin % sectionBytes);
    const end = Math.min(start + sectionBytes, pieceSize(this.#metainfo, piece));
    return begin + length <= end ? { piece, begin: start, end } : { piece, begin, end: begin + length };
  }

  #key(piece: number, begin: number, end: number): string {
    return `${this.#name}${piece}:${begin}-${end}`;
  }
}
