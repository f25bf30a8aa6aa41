import { constants } from "node:fs";
import { type FileHandle, lstat, open } from "node:fs/promises";
import { CtError, type PieceSet } from "@cachetorrent/protocol";
import { type Metainfo, pieceSize, type TorrentFile } from "../metainfo/metainfo.ts";
import { BegunFiles } from "./begun-files.ts";
import { DownloadDirectory } from "./download-directory.ts";
import { OpenFiles } from "./open-files.ts";
import { pooled } from "./pooled.ts";
import { type Segment, segmentsOf } from "./segments.ts";
import { errnoOf, storageError } from "./storage-error.ts";

/** Where a torrent's verified bytes are kept. Errors are CtErrors that name the path. */
export interface Storage {
  /** Exactly `length` bytes from `begin` of the piece. */
  read(piece: number, begin: number, length: number): Promise<Uint8Array>;
  /** A whole piece, verified already. */
  writePiece(piece: number, bytes: Uint8Array): Promise<void>;
  /** When every piece is in place: makes the zero-length files, checks all lengths, flushes to the disk. */
  finish(): Promise<void>;
  /** Waits for what is under way; idempotent. */
  close(): Promise<void>;
}

/** A storage that is open, and the pieces that stand verified in it. */
export interface OpenedStorage {
  readonly storage: Storage;
  readonly have: PieceSet;
}

/** What to do about files on disk that are longer than the torrent says. */
type LongerFiles = "refuse" | "pass";

const OPEN_FILES_MOST = 64;
/** File system calls at a time where there is one a file: libuv has four threads, more would only queue. */
const CALLS_AT_ONCE = 8;
const MISSING = -1;

/**
 * A torrent as the files it names. Nothing is made before its first byte is there to write, and nothing preallocated:
 * holes stay holes. Each piece is one write for each file that it touches.
 */
export class FileStorage implements Storage {
  readonly #metainfo: Metainfo;
  readonly #directory: DownloadDirectory;
  readonly #begun: BegunFiles;
  readonly #longerFiles: LongerFiles;
  readonly #open = new OpenFiles((file, writable) => this.#openFile(file, writable), OPEN_FILES_MOST);
  /** Bytes on disk when last looked at; MISSING where there is no file. */
  readonly #sizes: Float64Array;
  /** Written, and not flushed yet. */
  readonly #dirty = new Set<number>();

  private constructor(
    metainfo: Metainfo,
    directory: DownloadDirectory,
    begun: BegunFiles,
    longerFiles: LongerFiles,
  ) {
    this.#metainfo = metainfo;
    this.#directory = directory;
    this.#begun = begun;
    this.#longerFiles = longerFiles;
    this.#sizes = new Float64Array(metainfo.files.length).fill(MISSING);
  }

  /**
   * Looks at what is there, and changes nothing. CT_ERR_FILE_IN_THE_WAY for what cannot be the torrent's; who only
   * wants to look may have longer files pass.
   */
  static async open(
    metainfo: Metainfo,
    dir: string,
    { longerFiles = "refuse" }: { readonly longerFiles?: LongerFiles } = {},
  ): Promise<FileStorage> {
    const directory = new DownloadDirectory(dir);
    await directory.has([]); // says so if the directory itself is a file
    const begun = await BegunFiles.load(directory.path, metainfo.infoHash);
    const storage = new FileStorage(metainfo, directory, begun, longerFiles);
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
      this.#sizes[index] = file.pad ? MISSING : await this.#sizeOf(file);
    });
    return this.#sizes;
  }

  async read(piece: number, begin: number, length: number): Promise<Uint8Array> {
    if (begin < 0 || length < 0 || begin + length > pieceSize(this.#metainfo, piece)) {
      throw new RangeError(`no bytes ${begin} to ${begin + length} in piece ${piece}`);
    }
    const bytes = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
    await this.readInto(bytes, piece * this.#metainfo.pieceLength + begin);
    return bytes;
  }

  /** Fills `bytes` from `offset` of the torrent on, across pieces and files. */
  async readInto(bytes: Uint8Array, offset: number): Promise<void> {
    for (const segment of segmentsOf(this.#metainfo, offset, bytes.length)) {
      const target = bytes.subarray(segment.at, segment.at + segment.length);
      if (this.#file(segment.file).pad) target.fill(0);
      else
        await this.#use(segment.file, false, "cannot read", (handle) => this.#fill(target, handle, segment));
    }
  }

  async writePiece(piece: number, bytes: Uint8Array): Promise<void> {
    const size = pieceSize(this.#metainfo, piece);
    if (bytes.length !== size) throw new RangeError(`piece ${piece} has ${size} bytes, not ${bytes.length}`);
    for (const segment of segmentsOf(this.#metainfo, piece * this.#metainfo.pieceLength, size)) {
      if (this.#file(segment.file).pad) continue;
      this.#dirty.add(segment.file);
      const source = bytes.subarray(segment.at, segment.at + segment.length);
      await this.#use(segment.file, true, "cannot write", (handle) =>
        writeAll(handle, source, segment.fileOffset),
      );
    }
  }

  async finish(): Promise<void> {
    const files = this.#metainfo.files;
    await this.survey();
    for (const [index, file] of files.entries()) {
      if (file.pad || this.#sizes[index] === file.length) continue;
      if (file.length > 0) throw this.#error(file, `is missing or shorter than ${file.length} bytes`);
      this.#dirty.add(index); // flushing opens it, and that makes it
    }
    await pooled([...this.#dirty], CALLS_AT_ONCE, async (index) => {
      await this.#use(index, true, "cannot flush", (handle) => handle.sync());
      this.#dirty.delete(index);
    });
    await this.#begun.remove();
  }

  async close(): Promise<void> {
    await this.#open.close();
    await this.#begun.close();
  }

  /** Whether this download, or one that was killed, began the file and has not completed the torrent since. */
  hasBegun(file: TorrentFile): boolean {
    return this.#begun.has(file.path.join("/"));
  }

  /** Where the file is. */
  pathOf(file: TorrentFile): string {
    return this.#directory.join(file.path);
  }

  async #openFile(index: number, writable: boolean): Promise<FileHandle> {
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

  async #sizeOf(file: TorrentFile): Promise<number> {
    if (!(await this.#directory.has(file.path.slice(0, -1)))) return MISSING;
    const path = this.pathOf(file);
    const stats = await lstat(path).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw storageError(error, path, "cannot look at the file");
    });
    if (!stats) return MISSING;
    if (!stats.isFile()) {
      const found = stats.isDirectory()
        ? "a directory"
        : stats.isSymbolicLink()
          ? "a symbolic link"
          : "a device";
      throw new CtError("CT_ERR_FILE_IN_THE_WAY", `${path}: ${found} is where a file must be`);
    }
    if (stats.size > file.length && this.#longerFiles === "refuse") {
      throw new CtError(
        "CT_ERR_FILE_IN_THE_WAY",
        `${path}: a file of ${stats.size} bytes is where the torrent has one of ${file.length}`,
      );
    }
    return stats.size;
  }

  async #fill(target: Uint8Array, handle: FileHandle, { file, fileOffset }: Segment): Promise<void> {
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await handle.read(target, done, target.length - done, fileOffset + done);
      if (bytesRead === 0) throw this.#error(this.#file(file), `ends at byte ${fileOffset + done}`);
      done += bytesRead;
    }
  }

  async #use<T>(index: number, writable: boolean, doing: string, task: (handle: FileHandle) => Promise<T>) {
    try {
      return await this.#open.use(index, writable, task);
    } catch (error) {
      throw storageError(error, this.pathOf(this.#file(index)), doing);
    }
  }

  #file(index: number): TorrentFile {
    const file = this.#metainfo.files[index];
    if (!file) throw new RangeError(`no file ${index}`);
    return file;
  }

  #error(file: TorrentFile, fault: string): CtError {
    return new CtError("CT_ERR_STORAGE", `${this.pathOf(file)}: ${fault}; verify the torrent again`);
  }
}

/** A signal or a nearly full disk may cut a write short. */
async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await handle.write(bytes, done, bytes.length - done, position + done);
    done += bytesWritten;
  }
}
