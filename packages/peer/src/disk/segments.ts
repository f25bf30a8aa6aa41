import { type Metainfo, pieceSize } from "../metainfo/metainfo.ts";

/** A stretch of the torrent's bytes that lies in one file. */
export interface Segment {
  /** Index into `metainfo.files`. */
  readonly file: number;
  /** Where it starts in the file. */
  readonly fileOffset: number;
  /** Where it starts in the stretch that was asked for. */
  readonly at: number;
  readonly length: number;
}

/** The files that [offset, offset + length) of the torrent's byte stream lies in, in order. Empty files have no part in it. */
export function segmentsOf(
  metainfo: Pick<Metainfo, "files" | "length">,
  offset: number,
  length: number,
): Segment[] {
  const end = offset + length;
  if (!Number.isSafeInteger(offset) || offset < 0 || length < 0 || end > metainfo.length) {
    throw new RangeError(`no bytes ${offset} to ${end} of ${metainfo.length}`);
  }
  const segments: Segment[] = [];
  for (let index = firstFileEndingAfter(metainfo.files, offset); index < metainfo.files.length; index++) {
    const file = metainfo.files[index];
    if (!file || file.offset >= end) break;
    const from = Math.max(offset, file.offset);
    const to = Math.min(end, file.offset + file.length);
    if (to <= from) continue;
    segments.push({ file: index, fileOffset: from - file.offset, at: from - offset, length: to - from });
  }
  return segments;
}

/** The files that a piece lies in. */
export function segmentsOfPiece(metainfo: Metainfo, piece: number): Segment[] {
  return segmentsOf(metainfo, piece * metainfo.pieceLength, pieceSize(metainfo, piece));
}

/** Memory for so many bytes of a piece, all of its buffer: RangeError where the piece has no such bytes. */
export function memoryFor(metainfo: Metainfo, piece: number, begin: number, length: number): Uint8Array {
  if (begin < 0 || length < 0 || begin + length > pieceSize(metainfo, piece)) {
    throw new RangeError(`no bytes ${begin} to ${begin + length} in piece ${piece}`);
  }
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer);
}

/** Binary search: a torrent may have 100,000 files, and every block that is read asks. */
function firstFileEndingAfter(files: Metainfo["files"], offset: number): number {
  let low = 0;
  let high = files.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const file = files[middle];
    if (file && file.offset + file.length <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
