import { constants } from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { pooled } from "@cachetorrent/files";
import { CtError, type PieceSet } from "@cachetorrent/protocol";
import { type Metainfo, pieceSize, type TorrentFile } from "../metainfo/metainfo.ts";
import { Selection } from "../selection/selection.ts";
import { AtOnce } from "./at-once.ts";
import { BegunFiles } from "./begun-files.ts";
import type { DirectIo } from "./direct-io.ts";
import { diskOf } from "./disk-of.ts";
import { DownloadDirectory } from "./download-directory.ts";
import { type LongerFiles, stampInPlace } from "./file-in-place.ts";
import { readAll } from "./file-io.ts";
import { type FileStamp, MISSING, NO_FILE } from "./file-stamp.ts";
import type { FileStorageOptions } from "./file-storage-options.ts";
import { OpenFiles } from "./open-files.ts";
import { PartsFile } from "./parts-file.ts";
import { memoryFor, type Segment, segmentsOf, segmentsOfPiece } from "./segments.ts";
import type { Storage } from "./storage.ts";
import { storageError } from "./storage-error.ts";
import { WriteGate } from "./write-gate.ts";

const OPEN_FILES_MOST = 64;
/** File system calls at a time where there is one a file: libuv has four threads, more would only queue. */
const CALLS_AT_ONCE = 8;
const PARTS = -1; // the parts file, where others are counted from 0

/**
 * A torrent as the files it names. Nothing is made before its first byte is there to write, and nothing preallocated:
 * holes stay holes. Files that are not to be downloaded are not made: what comes of them in pieces that they share with others is kept in a
 * parts file.
 */
export class FileStorage implements Storage {
  readonly #metainfo: Metainfo;
  readonly #directory: DownloadDirectory;
  readonly #begun: BegunFiles;
  readonly #longerFiles: LongerFiles;
  readonly #open = new OpenFiles((file, writable) => this.#openFile(file, writable), OPEN_FILES_MOST);
  /** Bytes on disk when last looked at; MISSING where there is no file. */
  readonly #sizes: Float64Array;
  /** As the sizes: when the files were last written. */
  readonly #mtimesNs: BigInt64Array;
  /** Written, and not flushed yet. */
  readonly #dirty = new Set<number>();
  readonly #flushing = new Map<number, Promise<void>>();
  /** What could not be flushed may be lost, and the next try would not say so: Linux tells of it once. */
  readonly #unflushed = new Map<number, CtError>();
  readonly #parts: PartsFile;
  #selection: Selection;
  /** Skipped files in whose place something else is: it is left alone. */
  readonly #disowned = new Set<number>();
  /** The pieces of which bytes are in the parts file. */
  readonly #partPieces = new Set<number>();
  /** Files on their way out of the parts file: until all of it is done, which may take several tries, that is where their bytes are. */
  readonly #moving = new Set<number>();
  readonly #io: DirectIo;
  readonly #atOnce: AtOnce;
  /** Writes do not overlap with the moving of what was written. */
  readonly #gate = new WriteGate();

  private constructor(
    metainfo: Metainfo,
    directory: DownloadDirectory,
    begun: BegunFiles,
    longerFiles: LongerFiles,
    selection: Selection,
    io: DirectIo,
  ) {
    this.#io = io;
    this.#atOnce = new AtOnce({
      metainfo,
      open: this.#open,
      io,
      isAside: (file) => this.#isAside(file),
      writing: (file) => this.#dirty.add(file),
    });
    this.#parts = new PartsFile(directory.path, metainfo.infoHash);
    this.#selection = selection;
    this.#metainfo = metainfo;
    this.#directory = directory;
    this.#begun = begun;
    this.#longerFiles = longerFiles;
    this.#sizes = new Float64Array(metainfo.files.length).fill(MISSING);
    this.#mtimesNs = new BigInt64Array(metainfo.files.length);
  }

  /** Looks at what is there, and changes nothing. CT_ERR_FILE_IN_THE_WAY for what cannot be the torrent's. */
  static async open(
    metainfo: Metainfo,
    dir: string,
    { longerFiles = "refuse", selection = new Selection(metainfo), io }: FileStorageOptions = {},
  ): Promise<FileStorage> {
    const directory = new DownloadDirectory(dir);
    await directory.has([]); // says so if the directory itself is a file
    const begun = await BegunFiles.load(directory.path, metainfo.infoHash);
    io ??= await diskOf(directory.path);
    const storage = new FileStorage(metainfo, directory, begun, longerFiles, selection, io);
    await storage.survey();
    return storage;
  }

  /**
   * Looks at the disk again: the bytes there are of each file, -1 where there is none (and for padding). Throws where
   * a directory, a link, a device or a longer file is in the way.
   */
  async survey(): Promise<Readonly<Float64Array>> {
    this.#directory.forget();
    await pooled(this.#metainfo.files.entries(), CALLS_AT_ONCE, async ([index, file]) => {
      const { size, mtimeNs } = file.pad ? NO_FILE : await this.#look(index, file);
      this.#sizes[index] = size;
      this.#mtimesNs[index] = mtimeNs;
    });
    await this.#parts.look();
    return this.#sizes;
  }

  /** May bytes of the file be in the parts file? */
  isKeptAside(file: number): boolean {
    return !this.#parts.isEmpty && !this.#file(file).pad && this.#isAside(file);
  }

  /** How every file was at the last survey. */
  stamps(): FileStamp[] {
    return Array.from(this.#sizes, (size, index) => ({ size, mtimeNs: this.#mtimesNs[index] ?? 0n }));
  }

  /** How the file that we read and write is now: not one that somebody has put in its place meanwhile. */
  stampOf(index: number): Promise<FileStamp> {
    return this.#use(index, false, "cannot look at the file", async (handle) => {
      const { mtimeNs, size } = await handle.stat({ bigint: true });
      return { size: Number(size), mtimeNs };
    });
  }

  /** What was written to the file survives a power cut from here on. Throws CT_ERR_STORAGE, and ever after. */
  async flush(index: number): Promise<void> {
    for (let running = this.#flushing.get(index); running; running = this.#flushing.get(index)) await running;
    const fault = this.#unflushed.get(index);
    if (fault) throw fault;
    if (!this.#dirty.delete(index)) return;
    const flushed = this.#sync(index).finally(() => this.#flushing.delete(index));
    this.#flushing.set(index, flushed);
    await flushed;
  }

  /** As `flush`, for what was not written here: the file may be one that we may only read. */
  flushAsRead(index: number): Promise<void> {
    return this.#use(index, false, "cannot flush", (handle) => handle.sync());
  }

  /** Are the bytes of the piece there, at least by the files' lengths, and not only in the parts of files to be skipped? */
  isOnDisk(piece: number): boolean {
    const segments = this.#segmentsOf(piece).filter(({ file }) => !this.#file(file).pad);
    const isThere = segments.every(({ file, fileOffset, length }) => {
      const end = fileOffset + length;
      return this.#isAside(file)
        ? this.#parts.reaches(this.#file(file).offset + end)
        : this.#sizeAt(file) >= end;
    });
    return isThere && (segments.length === 0 || segments.some(({ file }) => !this.#isAside(file)));
  }

  isSkipped(file: number): boolean {
    return this.#selection.isSkipped(file);
  }

  /** What is in the place of the skipped file is somebody's own. */
  disown(file: number): void {
    this.#disowned.add(file);
    this.#sizes[file] = MISSING;
  }

  /** After the check, which found these: what is kept of files that are wanted now is brought to its place. */
  async place(verified: PieceSet): Promise<void> {
    if (this.#parts.isEmpty) return;
    for (const piece of verified) {
      if (this.#hasParts(piece)) this.#partPieces.add(piece);
    }
    await this.select(this.#selection);
  }

  /** Rejects with CT_ERR_FILE_IN_THE_WAY, having changed nothing, where a file is wanted that would overwrite another. */
  async select(selection: Selection): Promise<void> {
    for (const file of this.#disowned) {
      if (selection.isSkipped(file)) continue;
      const path = this.pathOf(this.#file(file));
      throw new CtError("CT_ERR_FILE_IN_THE_WAY", `${path}: something else is where this file would be`);
    }
    await this.#gate.alone(() => this.#move(selection));
  }

  isAtHand(piece: number, fromDisk = false): boolean {
    return this.#atOnce.has(piece, fromDisk);
  }

  readAtOnce(piece: number, begin: number, length: number, fromDisk = false): Uint8Array | undefined {
    return this.#atOnce.read(piece, begin, length, fromDisk);
  }

  async read(piece: number, begin: number, length: number): Promise<Uint8Array> {
    const bytes = memoryFor(this.#metainfo, piece, begin, length);
    await this.readInto(bytes, piece * this.#metainfo.pieceLength + begin);
    return bytes;
  }

  /** Fills `bytes` from `offset` of the torrent on, across pieces and files. */
  async readInto(bytes: Uint8Array, offset: number): Promise<void> {
    for (const segment of segmentsOf(this.#metainfo, offset, bytes.length)) {
      const target = bytes.subarray(segment.at, segment.at + segment.length);
      if (this.#file(segment.file).pad) target.fill(0);
      else await this.#fill(target, segment);
    }
  }

  async writePiece(piece: number, bytes: Uint8Array): Promise<void> {
    const size = pieceSize(this.#metainfo, piece);
    if (bytes.length !== size) throw new RangeError(`piece ${piece} has ${size} bytes, not ${bytes.length}`);
    await this.#gate.write(() => this.#write(piece, bytes));
    this.#atOnce.wrote(piece, size);
  }

  writeAtOnce(piece: number, bytes: Uint8Array): boolean {
    return !this.#gate.isHeld && this.#atOnce.write(piece, bytes);
  }

  async makeWhole(): Promise<void> {
    // What is selected meanwhile is none of this.
    const selection = this.#selection;
    await this.survey();
    for (const [index, file] of this.#metainfo.files.entries()) {
      if (file.pad || selection.isSkipped(index) || this.#sizes[index] === file.length) continue;
      if (file.length > 0)
        throw this.#error(this.pathOf(file), `is missing or shorter than ${file.length} bytes`);
      this.#dirty.add(index);
      await this.#use(index, true, "cannot make", async () => undefined);
    }
  }

  async finish(): Promise<void> {
    const { isEverything } = this.#selection;
    await this.makeWhole();
    await pooled([...this.#dirty], CALLS_AT_ONCE, (index) => this.flush(index));
    // Of a skipped file there may be parts, which are no whole piece.
    if (!isEverything) return;
    await this.#begun.remove();
    await this.#parts.remove();
  }

  async close(): Promise<void> {
    await this.#open.close();
    await this.#begun.close();
  }

  /** Whether this download, or one that was killed, began the file and has not completed the torrent since. */
  hasBegun(file: TorrentFile): boolean {
    return this.#begun.has(file.path.join("/"));
  }

  pathOf(file: TorrentFile): string {
    return this.#directory.join(file.path);
  }

  async #sync(index: number): Promise<void> {
    try {
      await this.#use(index, true, "cannot flush", (handle) => handle.sync());
    } catch (error) {
      const fault = new CtError("CT_ERR_STORAGE", `${(error as Error).message}; verify the torrent again`, {
        cause: error,
      });
      this.#unflushed.set(index, fault);
      throw fault;
    }
  }

  async #write(piece: number, bytes: Uint8Array): Promise<void> {
    for (const segment of this.#segmentsOf(piece)) {
      const { at, file, fileOffset, length } = segment;
      if (this.#file(file).pad) continue;
      const isKeptAside = this.isSkipped(file) && this.#isAside(file);
      if (isKeptAside) this.#partPieces.add(piece);
      await this.#put(isKeptAside ? PARTS : file, file, fileOffset, bytes.subarray(at, at + length));
    }
  }

  /** Writes to the file, or to where bytes of it stand in the parts file. */
  async #put(target: number, file: number, fileOffset: number, bytes: Uint8Array): Promise<void> {
    const position = target === PARTS ? this.#file(file).offset + fileOffset : fileOffset;
    this.#dirty.add(target);
    await this.#use(target, true, "cannot write", (handle) => this.#io.write(handle, bytes, position));
    if (target === PARTS) this.#parts.wrote(position + bytes.length);
  }

  async #move(selection: Selection): Promise<void> {
    const isMoved = (file: number) =>
      !this.#file(file).pad && !selection.isSkipped(file) && this.#isAside(file);
    const files = new Set([...this.#metainfo.files.keys()].filter(isMoved));
    for (const file of files) this.#moving.add(file);
    for (const piece of this.#partPieces) {
      const segments = this.#segmentsOf(piece).filter(({ file }) => files.has(file));
      for (const { file, fileOffset, length } of segments) {
        const bytes = new Uint8Array(length);
        await this.#read(PARTS, this.#file(file).offset + fileOffset, bytes);
        await this.#put(file, file, fileOffset, bytes);
      }
    }
    for (const file of files) this.#moving.delete(file);
    for (const piece of this.#partPieces) if (!this.#hasParts(piece)) this.#partPieces.delete(piece);
    this.#selection = selection;
  }

  /** Are bytes of the piece, if they are there, in the parts file? */
  #hasParts(piece: number): boolean {
    return this.#segmentsOf(piece).some(({ file }) => !this.#file(file).pad && this.#isAside(file));
  }

  /** Is what there is of the file in the parts file? */
  #isAside(file: number): boolean {
    return this.#sizeAt(file) === MISSING || this.#moving.has(file);
  }

  #sizeAt(file: number): number {
    return this.#sizes[file] ?? MISSING;
  }

  #segmentsOf(piece: number): Segment[] {
    return segmentsOfPiece(this.#metainfo, piece);
  }

  async #openFile(index: number, writable: boolean): Promise<FileHandle> {
    if (index === PARTS) {
      if (writable) await this.#directory.make([]);
      return this.#parts.open(writable);
    }
    const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
    const file = this.#file(index);
    const path = this.pathOf(file);
    if (!writable) return open(path, O_RDONLY | O_NOFOLLOW);
    await this.#directory.make(file.path.slice(0, -1));
    await this.#begun.add(file.path.join("/"));
    // A file that was not there when we looked, and is now, is not ours; one that was there and is gone took pieces along.
    const isNew = this.#sizes[index] === MISSING;
    const handle = await open(path, O_RDWR | O_NOFOLLOW | (isNew ? O_CREAT | O_EXCL : 0), 0o666);
    if (isNew) this.#sizes[index] = 0;
    return handle;
  }

  /** What is where a skipped file would be does not matter. */
  async #look(index: number, file: TorrentFile): Promise<FileStamp> {
    if (this.#disowned.has(index)) return NO_FILE;
    try {
      return await stampInPlace(this.#directory, file, this.#longerFiles);
    } catch (error) {
      const isInTheWay = error instanceof CtError && error.code === "CT_ERR_FILE_IN_THE_WAY";
      if (!isInTheWay || !this.isSkipped(index)) throw error;
      this.#disowned.add(index);
      return NO_FILE;
    }
  }

  async #fill(target: Uint8Array, { file, fileOffset, length }: Segment): Promise<void> {
    const { offset } = this.#file(file);
    if (this.#isAside(file) && this.#parts.reaches(offset + fileOffset + length)) {
      await this.#read(PARTS, offset + fileOffset, target);
    } else await this.#read(file, fileOffset, target);
  }

  async #read(index: number, position: number, target: Uint8Array): Promise<void> {
    await this.#use(index, false, "cannot read", async (handle) => {
      if (await readAll(handle, target, position)) return;
      throw this.#error(this.#pathAt(index), `ends before byte ${position + target.length}`);
    });
  }

  async #use<T>(index: number, writable: boolean, doing: string, task: (handle: FileHandle) => Promise<T>) {
    try {
      return await this.#open.use(index, writable, task);
    } catch (error) {
      throw storageError(error, this.#pathAt(index), doing);
    }
  }

  #file(index: number): TorrentFile {
    const file = this.#metainfo.files[index];
    if (!file) throw new RangeError(`no file ${index}`);
    return file;
  }

  #pathAt(index: number): string {
    return index === PARTS ? this.#parts.path : this.pathOf(this.#file(index));
  }

  #error(path: string, fault: string): CtError {
    return new CtError("CT_ERR_STORAGE", `${path}: ${fault}; verify the torrent again`);
  }
}
