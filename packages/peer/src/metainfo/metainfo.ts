import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import {
  asBytes,
  asCount,
  asDict,
  asList,
  type BencodeDict,
  decodeBencodeDict,
  encodeBencode,
  get,
  type InfoHash,
  infoHashFromBytes,
  LIMITS,
  type PieceSet,
  scanBencode,
} from "@cachetorrent/protocol";
import parseTorrent from "parse-torrent";
import { storageError } from "../disk/storage-error.ts";
import { usableWebSeeds } from "../web-seeds/web-seed-url.ts";
import { refusal, v1Part } from "./torrent-info.ts";
import { text } from "./torrent-text.ts";

/** A file of a torrent, at `offset` in the byte stream that the pieces cut. */
export interface TorrentFile {
  /** Checked components below the download directory; a multi-file torrent's name comes first. */
  readonly path: readonly string[];
  readonly length: number;
  readonly offset: number;
  /** Not on disk: BEP 47 padding, hashed and sent as zeros, or a symbolic link, which has no bytes. */
  readonly pad: boolean;
}

/** What a .torrent file says, checked. */
export interface Metainfo {
  readonly infoHash: InfoHash;
  readonly name: string;
  readonly pieceLength: number;
  readonly pieceCount: number;
  /** Bytes in all, padding included. */
  readonly length: number;
  /** The info dictionary as it stands in the torrent: the bytes that the info-hash is of. */
  readonly info: Uint8Array;
  /** SHA-1 of every piece in turn, 20 bytes each. */
  readonly hashes: Uint8Array;
  readonly files: readonly TorrentFile[];
  readonly isPrivate: boolean;
  /** BEP 12 tiers; a lone `announce` is one tier of one. */
  readonly trackers: readonly (readonly string[])[];
  /** Where the content is on the web (BEP 19), as far as we can ask there. */
  readonly webSeeds: readonly string[];
  /** It has a v2 part too (BEP 52); its v1 part is what we use. */
  readonly isHybrid: boolean;
  readonly comment?: string;
  readonly createdBy?: string;
  readonly createdAt?: Date;
}

/** Bytes in a piece: the last may be short. */
export function pieceSize(
  metainfo: Pick<Metainfo, "pieceLength" | "length" | "pieceCount">,
  piece: number,
): number {
  if (!Number.isInteger(piece) || piece < 0 || piece >= metainfo.pieceCount) {
    throw new RangeError(`no piece ${piece} of ${metainfo.pieceCount}`);
  }
  return Math.min(metainfo.pieceLength, metainfo.length - piece * metainfo.pieceLength);
}

/** Bytes in the pieces that are not in `pieces`. */
export function bytesOutside(
  metainfo: Pick<Metainfo, "pieceLength" | "length" | "pieceCount">,
  pieces: PieceSet,
): number {
  const { pieceCount, pieceLength } = metainfo;
  const last = pieceCount - 1;
  const shortfall = last >= 0 && !pieces.has(last) ? pieceLength - pieceSize(metainfo, last) : 0;
  return (pieceCount - pieces.size) * pieceLength - shortfall;
}

/** Reads and checks a .torrent file; every error is a CtError that names `path`. */
export async function loadMetainfo(path: string): Promise<Metainfo> {
  return parseMetainfo(await readTorrentFile(path), path);
}

/** The file's bytes; of one that is too large a part that is too large, too. Rejects with a CtError that names `path`. */
export async function readTorrentFile(path: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > LIMITS.bencode.torrentBytes) break; // whatever it is, parseMetainfo refuses that many bytes
    }
  } catch (error) {
    throw storageError(error, path, "cannot read the torrent file");
  }
  return Buffer.concat(chunks);
}

/** Throws a CtError that names `source`, the file the bytes came from. */
export async function parseMetainfo(bytes: Uint8Array, source: string): Promise<Metainfo> {
  const scan = scanBencode(bytes);
  if (!scan.ok) throw refusal(source, somethingElse(bytes) ?? scan.error.message);
  const decoded = decodeBencodeDict(bytes);
  if (!decoded.ok) throw refusal(source, decoded.error.message);
  const torrent = decoded.value;
  const info = asDict(get(torrent, "info"));
  const infoRange = scan.value.get("info");
  if (!info || !infoRange) throw refusal(source, "has no info dictionary");

  const v1 = v1Part(info, source);
  // Of its pieces the library would make a string each, and there may be millions; we have them from `v1Part`.
  const withoutHashes = { ...v1.info, pieces: v1.hashes.subarray(0, 20) };
  const parsed = await parseTorrent(encodeBencode({ ...descriptions(torrent), info: withoutHashes }));
  const { pieceLength, length } = parsed;
  const pieceCount = v1.hashes.length / 20;
  if (!Number.isSafeInteger(length)) throw refusal(source, "is longer than 2^53 bytes");
  if (pieceCount !== Math.ceil(length / pieceLength)) {
    throw refusal(
      source,
      `has the hashes of ${pieceCount} pieces, but ${length} bytes are ${Math.ceil(length / pieceLength)} pieces of ${pieceLength}`,
    );
  }
  const infoBytes = bytes.subarray(...infoRange);
  return {
    infoHash: infoHashFromBytes(createHash("sha1").update(infoBytes).digest()),
    info: infoBytes,
    name: v1.name,
    pieceLength,
    pieceCount,
    length,
    hashes: hashesIn(infoBytes) ?? v1.hashes,
    files: v1.files.map(({ path, pad }, index) => {
      const { length = 0, offset = 0 } = parsed.files[index] ?? {};
      return { path, length, offset, pad };
    }),
    isPrivate: parsed.private === true,
    trackers: trackerTiers(torrent),
    webSeeds: webSeedsOf(torrent),
    isHybrid: get(info, "meta version") === 2,
    ...(parsed.comment ? { comment: parsed.comment } : {}),
    ...(parsed.createdBy ? { createdBy: parsed.createdBy } : {}),
    ...(parsed.created && !Number.isNaN(parsed.created.getTime()) ? { createdAt: parsed.created } : {}),
  };
}

/** Where they stand: a copy of them would be as large as the torrent file. */
function hashesIn(info: Uint8Array): Uint8Array | undefined {
  const scan = scanBencode(info);
  const range = scan.ok ? scan.value.get("pieces") : undefined;
  if (!range) return undefined;
  const [start, end] = range;
  return info.subarray(info.indexOf(COLON, start) + 1, end);
}

const COLON = 0x3a;

/** BEP 12: `announce-list` stands in for `announce`. A list that is no list of lists, as some makers write, is read too. */
function trackerTiers(torrent: BencodeDict): string[][] {
  const known = new Set<string>();
  const tierOf = (urls: readonly unknown[]) =>
    urls.flatMap((url) => {
      const tracker = url instanceof Uint8Array ? text(url).trim() : "";
      if (tracker === "" || known.has(tracker)) return [];
      known.add(tracker);
      return [tracker];
    });
  const tiers = (asList(get(torrent, "announce-list")) ?? [])
    .map((tier) => tierOf(asList(tier) ?? [tier]))
    .filter((tier) => tier.length > 0);
  if (tiers.length > 0) return tiers;
  const only = tierOf([get(torrent, "announce")]);
  return only.length > 0 ? [only] : [];
}

/** BEP 19: a list, or a single one; many makers write an empty text where there is none. */
function webSeedsOf(torrent: BencodeDict): string[] {
  const urls = get(torrent, "url-list");
  return usableWebSeeds(
    (asList(urls) ?? [urls]).flatMap((url) => (url instanceof Uint8Array ? [text(url).trim()] : [])),
  );
}

const YEAR_10000 = 253_402_300_800;

function descriptions(torrent: BencodeDict): BencodeDict {
  const kept: BencodeDict = {};
  for (const key of ["comment", "created by"]) {
    const bytes = asBytes(get(torrent, key));
    if (bytes) kept[key] = bytes;
  }
  const createdAt = asCount(get(torrent, "creation date"));
  // Seconds (BEP 3); some makers write milliseconds.
  if (createdAt !== undefined) {
    kept["creation date"] = createdAt > YEAR_10000 ? Math.floor(createdAt / 1000) : createdAt;
  }
  return kept;
}

/** What people hand us instead of a torrent, by name. */
function somethingElse(bytes: Uint8Array): string | undefined {
  if (bytes.length === 0) return "is empty";
  const start = Buffer.from(bytes.subarray(0, 512)).toString("latin1").trimStart();
  if (start.startsWith("<")) return "is a web page (HTML or XML), not a torrent";
  if (start.startsWith("magnet:")) return "is a magnet link, not a torrent";
  if (start.startsWith("\x1f\x8b")) return "is compressed (gzip), not a torrent";
  if (!/^d\d/.test(start))
    return "is not a torrent; of content to share make one first: cachetorrent create FILE --tracker URL";
  return undefined;
}
