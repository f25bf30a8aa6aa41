import { hash } from "node:crypto";
import { PieceSet } from "@cachetorrent/protocol";
import { type Metainfo, pieceSize } from "../metainfo/metainfo.ts";
import type { FileStorage } from "./file-storage.ts";

/** Bytes that one read asks for, unless a piece is larger. Two such buffers exist at a time. */
const READ_BYTES = 1024 * 1024;

export interface VerifyOptions {
  /** What need not be read: the pieces of `have` are valid, and only `suspects` may be, too. */
  readonly known?: { readonly have: PieceSet; readonly suspects: PieceSet };
  /** Pieces checked so far, and how many of them are valid; after every read, and once at the end. */
  onProgress?(checked: number, valid: number): void;
  /** These bytes are on disk in place of the piece, and no hole. They are overwritten after the call. */
  onDamaged?(piece: number, bytes: Uint8Array): void;
  readonly signal?: AbortSignal;
}

/** Whether the bytes are the piece. On the calling thread: SHA-1 runs at 2 GB/s, a worker's messages cost more. */
export function isPieceValid(metainfo: Metainfo, piece: number, bytes: Uint8Array): boolean {
  if (bytes.length !== pieceSize(metainfo, piece)) return false;
  const { buffer, byteOffset } = metainfo.hashes;
  // As text: bytes would be one more buffer for each piece, for the collector of garbage to keep count of.
  return (
    hash("sha1", bytes, "binary") === Buffer.from(buffer, byteOffset + piece * 20, 20).toString("latin1")
  );
}

/**
 * The pieces that are whole on disk. Reads many pieces at a time in order, one read ahead of the hashing; pieces of
 * missing or short files are not read. An aborted signal rejects with its reason.
 */
export async function verifyOnDisk(
  metainfo: Metainfo,
  storage: FileStorage,
  options: VerifyOptions = {},
): Promise<PieceSet> {
  const { known, onDamaged, onProgress, signal } = options;
  const valid = known?.have.copy() ?? new PieceSet(metainfo.pieceCount);
  const isToRead = (piece: number) => (known?.suspects.has(piece) ?? true) && storage.isOnDisk(piece);
  await storage.survey();
  const buffers: Uint8Array[] = [new Uint8Array(), new Uint8Array()];

  const read = async (run: Run) => {
    const offset = run.first * metainfo.pieceLength;
    const length = Math.min(run.count * metainfo.pieceLength, metainfo.length - offset);
    let buffer = buffers.pop() ?? new Uint8Array();
    if (buffer.length < length) buffer = new Uint8Array(length);
    await storage.readInto(buffer.subarray(0, length), offset);
    return { run, buffer };
  };
  const checkPiece = pieceChecker(metainfo);
  const check = ({ run, buffer }: { run: Run; buffer: Uint8Array }) => {
    for (let piece = run.first; piece < run.first + run.count; piece++) {
      const start = (piece - run.first) * metainfo.pieceLength;
      const bytes = buffer.subarray(start, start + pieceSize(metainfo, piece));
      const found = checkPiece(piece, bytes);
      if (found === "valid") valid.add(piece);
      if (found === "damaged") onDamaged?.(piece, bytes);
    }
    buffers.push(buffer);
    onProgress?.(run.first + run.count, valid.size);
  };

  let current: Awaited<ReturnType<typeof read>> | undefined;
  for (const run of runsOnDisk(metainfo, isToRead)) {
    const next = read(run); // under way while the one before it is hashed
    if (current) check(current);
    current = await next;
    signal?.throwIfAborted();
  }
  if (current) check(current);
  onProgress?.(metainfo.pieceCount, valid.size);
  return valid;
}

/** Zeros (holes, space that another client preallocated) are hashed once, for comparing is 10 times as fast. */
function pieceChecker(
  metainfo: Metainfo,
): (piece: number, bytes: Uint8Array) => "valid" | "empty" | "damaged" {
  const zeros = Buffer.alloc(metainfo.pieceLength);
  const hashOfZeros = hash("sha1", zeros, "buffer");
  return (piece, bytes) => {
    if (!zeros.equals(bytes)) return isPieceValid(metainfo, piece, bytes) ? "valid" : "damaged";
    const isValid = hashOfZeros.equals(metainfo.hashes.subarray(piece * 20, piece * 20 + 20));
    return isValid ? "valid" : "empty";
  };
}

/** Pieces in a row that are to be read, as many as one read takes. */
interface Run {
  readonly first: number;
  readonly count: number;
}

function* runsOnDisk(metainfo: Metainfo, isToRead: (piece: number) => boolean): Generator<Run> {
  const most = Math.max(1, Math.floor(READ_BYTES / metainfo.pieceLength));
  let count = 0;
  for (let piece = 0; piece <= metainfo.pieceCount; piece++) {
    const isThere = piece < metainfo.pieceCount && isToRead(piece);
    if (count === most || (!isThere && count > 0)) {
      yield { first: piece - count, count };
      count = 0;
    }
    if (isThere) count++;
  }
}
