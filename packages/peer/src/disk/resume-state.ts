import { hash } from "node:crypto";
import {
  asBytes,
  asCount,
  asText,
  type BencodeDict,
  decodeBencodeDict,
  encodeBencode,
  fail,
  get,
  type InfoHash,
  idBytes,
  infoHashFromBytes,
  ok,
  PieceSet,
  type Result,
} from "@cachetorrent/protocol";
import { type FileStamp, MISSING } from "./file-stamp.ts";

/** What is kept of a torrent between two runs. */
export interface ResumeState {
  readonly infoHash: InfoHash;
  /** The pieces that were verified and written. */
  readonly have: PieceSet;
  /** Of each file of the torrent what it looked like with those pieces in it; undefined where that is not known. */
  readonly stamps: readonly (FileStamp | undefined)[];
}

/** What of a torrent the state has to fit. */
export interface ResumeShape {
  readonly infoHash: InfoHash;
  readonly pieceCount: number;
  readonly fileCount: number;
}

const FORMAT = "CacheTorrent resume";
const VERSION = 1;
/** Bencode sorts keys, so every version begins so. */
const START = Buffer.from(`d6:format${FORMAT.length}:${FORMAT}`);
/** A size and a time, of 8 bytes each. */
const STAMP_BYTES = 16;
const UNKNOWN = -2;

/** No state of such a torrent is longer: what is, need not be read. */
export function resumeBytesMost({ fileCount, pieceCount }: Omit<ResumeShape, "infoHash">): number {
  return 512 + Math.ceil(pieceCount / 8) + fileCount * STAMP_BYTES;
}

export function encodeResume({ have, infoHash, stamps }: ResumeState): Uint8Array {
  const state = encodeBencode({
    files: encodeStamps(stamps),
    "info hash": idBytes(infoHash),
    pieces: have.toBitfield(),
  });
  return encodeBencode({ format: FORMAT, sha256: sha256(state), state, version: VERSION });
}

/** The state, or in the error's message what is wrong with it, as the end of a sentence that names the file. */
export function decodeResume(bytes: Uint8Array, shape: ResumeShape): Result<ResumeState> {
  if (!Buffer.from(bytes.subarray(0, START.length)).equals(START)) {
    return refuse(
      START.subarray(0, bytes.length).equals(bytes) ? DAMAGED : "is no resume file of CacheTorrent",
    );
  }
  // There are two dictionaries of a few strings each, whatever the file says.
  const bounds = { bytes: resumeBytesMost(shape), depth: 2, items: 32 };
  const outer = decodeBencodeDict(bytes, bounds);
  if (!outer.ok) return refuse(DAMAGED);
  const version = asCount(get(outer.value, "version"));
  if (asText(get(outer.value, "format")) !== FORMAT || version === undefined) return refuse(DAMAGED);
  if (version !== VERSION) return refuse(`has version ${version}, and only version ${VERSION} is known here`);
  const state = asBytes(get(outer.value, "state"));
  const checksum = asBytes(get(outer.value, "sha256"));
  if (!state || !checksum || !sha256(state).equals(checksum)) return refuse(DAMAGED);
  const inner = decodeBencodeDict(state, bounds);
  return inner.ok ? decodeState(inner.value, shape) : refuse(DAMAGED);
}

function decodeState(state: BencodeDict, shape: ResumeShape): Result<ResumeState> {
  const hashBytes = asBytes(get(state, "info hash"));
  if (hashBytes?.length !== 20) return refuse(DAMAGED);
  const infoHash = infoHashFromBytes(hashBytes);
  if (infoHash !== shape.infoHash) return refuse(`belongs to another torrent, ${infoHash}`);
  const pieces = asBytes(get(state, "pieces"));
  const have = pieces && PieceSet.fromBitfield(pieces, shape.pieceCount);
  const files = asBytes(get(state, "files"));
  if (!have || files?.length !== shape.fileCount * STAMP_BYTES) return refuse(DAMAGED);
  return ok({ infoHash, have, stamps: decodeStamps(files) });
}

function encodeStamps(stamps: ResumeState["stamps"]): Uint8Array {
  const bytes = Buffer.alloc(stamps.length * STAMP_BYTES);
  for (const [index, stamp] of stamps.entries()) {
    bytes.writeBigInt64BE(BigInt(stamp?.size ?? UNKNOWN), index * STAMP_BYTES);
    bytes.writeBigInt64BE(stamp?.mtimeNs ?? 0n, index * STAMP_BYTES + 8);
  }
  return bytes;
}

function decodeStamps(bytes: Uint8Array): (FileStamp | undefined)[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return Array.from({ length: bytes.length / STAMP_BYTES }, (_, index) => {
    const size = Number(view.getBigInt64(index * STAMP_BYTES));
    if (!Number.isSafeInteger(size) || size < MISSING) return undefined;
    return { size, mtimeNs: view.getBigInt64(index * STAMP_BYTES + 8) };
  });
}

function sha256(bytes: Uint8Array): Buffer {
  return hash("sha256", bytes, "buffer");
}

const DAMAGED = "is cut short or damaged";

function refuse(fault: string): Result<ResumeState> {
  return fail("CT_ERR_STORAGE", fault);
}
