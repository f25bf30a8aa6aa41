import type { Metainfo, TorrentFile } from "./metainfo.ts";

/** The pieces that a file has bytes in, in order; those from its byte `from` on, where that is given. None of an empty file. */
export function* piecesOfFile(
  { pieceLength }: Pick<Metainfo, "pieceLength">,
  { length, offset }: Pick<TorrentFile, "length" | "offset">,
  from = 0,
): Generator<number, void, undefined> {
  if (from >= length) return;
  const last = Math.floor((offset + length - 1) / pieceLength);
  for (let piece = Math.floor((offset + from) / pieceLength); piece <= last; piece++) yield piece;
}
