import { CtError, PieceSet } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { type Metainfo, pieceSize } from "../metainfo/metainfo.ts";
import { DamagedFiles } from "./damaged-files.ts";
import { refuseForeignFiles } from "./foreign-files.ts";
import type { PieceCache } from "./piece-cache.ts";
import { FileStorage, type OpenedStorage, type Storage } from "./storage.ts";
import { isPieceValid, verifyOnDisk } from "./verifier.ts";

/** What a torrent holds: its files, which of its pieces stand verified in them, and those that are in memory. */
export class Content {
  readonly #metainfo: Metainfo;
  readonly #dir: string;
  readonly #cache: PieceCache;
  readonly #log: Logger;
  readonly #abort = new AbortController();
  readonly #elsewhere: (() => Promise<OpenedStorage>) | undefined;
  #storage: Storage | undefined;
  #have: PieceSet;
  #checked = 0;
  #validSoFar = 0;

  /** `elsewhere` opens what stands in for files in `dir`. */
  constructor(
    metainfo: Metainfo,
    dir: string,
    cache: PieceCache,
    log: Logger,
    elsewhere?: () => Promise<OpenedStorage>,
  ) {
    this.#elsewhere = elsewhere;
    this.#metainfo = metainfo;
    this.#dir = dir;
    this.#cache = cache;
    this.#log = log;
    this.#have = new PieceSet(metainfo.pieceCount);
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
    const last = pieceCount - 1;
    const lastIsMissing = last >= 0 && !this.#have.has(last);
    const shortfall = lastIsMissing ? pieceLength - pieceSize(this.#metainfo, last) : 0;
    return (pieceCount - this.#have.size) * pieceLength - shortfall;
  }

  /** Checks what is on disk; from then on `have` is true. Throws a CtError when the files cannot be used. */
  async open(): Promise<void> {
    if (this.#elsewhere) {
      const { storage, have } = await this.#elsewhere();
      this.#storage = storage;
      this.#have = have;
      this.#checked = this.#metainfo.pieceCount;
      return;
    }
    const storage = await FileStorage.open(this.#metainfo, this.#dir);
    this.#storage = storage;
    const damaged = new DamagedFiles(this.#metainfo);
    const have = await verifyOnDisk(this.#metainfo, storage, {
      signal: this.#abort.signal,
      onProgress: (checked, valid) => {
        this.#checked = checked;
        this.#validSoFar = valid;
      },
      onDamaged: (piece, bytes) => damaged.found(piece, bytes),
    });
    if (have.isFull) await this.#finishSeed(storage);
    else await refuseForeignFiles(this.#metainfo, storage, have);
    this.#tellDamaged(storage, damaged);
    this.#have = have;
    this.#checked = this.#metainfo.pieceCount;
  }

  isValid(piece: number, bytes: Uint8Array): boolean {
    return isPieceValid(this.#metainfo, piece, bytes);
  }

  cached(piece: number): Uint8Array | undefined {
    return this.#cache.get(this.#key(piece));
  }

  async load(piece: number): Promise<void> {
    const storage = this.#opened();
    await this.#cache.load(this.#key(piece), () => storage.read(piece, 0, pieceSize(this.#metainfo, piece)));
  }

  /** A verified piece; it stays in memory for those who ask for it next. */
  async store(piece: number, bytes: Uint8Array): Promise<void> {
    await this.#opened().writePiece(piece, bytes);
    this.#cache.put(this.#key(piece), bytes);
  }

  /** Every piece is there: makes what needs no piece, and flushes. */
  finish(): Promise<void> {
    return this.#opened().finish();
  }

  /** Ends a check that is under way: `open` then rejects. */
  abortCheck(): void {
    this.#abort.abort();
  }

  /** Flushes and closes. Idempotent; what fails is logged. */
  async close(): Promise<void> {
    try {
      await this.#storage?.close();
    } catch (error) {
      this.#log.error({ err: error, event: "storage" }, "closing the files failed");
    }
  }

  /** What this download wrote itself needs no word: a kill may have torn it. */
  #tellDamaged(storage: FileStorage, damaged: DamagedFiles): void {
    for (const [file, pieces] of damaged) {
      if (storage.hasBegun(file)) continue;
      const path = storage.pathOf(file);
      this.#log.warn(
        { event: "damaged", path, pieces },
        `rewriting ${pieces} damaged ${pieces === 1 ? "piece" : "pieces"} of ${path}`,
      );
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

  #opened(): Storage {
    if (!this.#storage) throw new Error("the content is not open");
    return this.#storage;
  }

  #key(piece: number): string {
    return `${this.#metainfo.infoHash}:${piece}`;
  }
}
