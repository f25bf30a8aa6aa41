import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import { CtError, decodeBencodeDict, encodeBencode, LIMITS, unwrap } from "@cachetorrent/protocol";
import createTorrent, { type CreateTorrentOptions } from "create-torrent";
import { storageError } from "../disk/storage-error.ts";
import { usableWebSeeds } from "../web-seeds/web-seed-url.ts";
import { type Metainfo, parseMetainfo } from "./metainfo.ts";
import { listSourceFiles, type SourceFile } from "./source-files.ts";

export interface CreateOptions {
  /** A file or a directory. */
  readonly path: string;
  /** Announce URLs, tried in this order: each is a tier of its own (BEP 12). */
  readonly trackers: readonly string[];
  /** URLs of HTTP servers that have the content (BEP 19). */
  readonly webSeeds?: readonly string[];
  /** A power of two, 16 KiB to 16 MiB; without it about 1,000 to 2,000 pieces. */
  readonly pieceLength?: number;
  readonly isPrivate?: boolean;
  readonly comment?: string;
  /** Without it, now. It is no part of the info dictionary. */
  readonly createdAt?: Date;
  onProgress?(hashedBytes: number, totalBytes: number): void;
}

export interface CreatedTorrent {
  /** The .torrent file. */
  readonly bytes: Uint8Array;
  readonly metainfo: Metainfo;
  /** Litter of file managers that was not taken in, below the path. */
  readonly leftOut: readonly string[];
}

/** The same files, name, piece length and private flag make the same info-hash. Throws CtErrors that name the path. */
export async function createTorrentFile(options: CreateOptions): Promise<CreatedTorrent> {
  const trackers = options.trackers.map(checkTracker);
  const webSeeds = checkWebSeeds(options.webSeeds ?? []);
  const { name, isDirectory, files, leftOut } = await listSourceFiles(options.path);
  const total = files.reduce((sum, file) => sum + file.length, 0);
  const bytes = await hashFiles(files, name, {
    name,
    pieceLength:
      options.pieceLength === undefined ? sensiblePieceLength(total) : checkPieceLength(options.pieceLength),
    announceList: trackers.map((tracker) => [tracker]),
    ...(webSeeds.length > 0 ? { urlList: webSeeds } : {}),
    filterJunkFiles: false,
    createdBy: "CacheTorrent",
    ...(options.isPrivate ? { private: true } : {}),
    ...(options.comment === undefined ? {} : { comment: options.comment }),
    ...(options.createdAt ? { creationDate: options.createdAt } : {}),
    onProgress: (hashed) => options.onProgress?.(hashed, total),
  });
  const torrent = isDirectory && files.length === 1 ? asMultiFile(bytes, files) : bytes;
  return { bytes: torrent, metainfo: await parseMetainfo(torrent, options.path), leftOut };
}

/**
 * Our own list of files goes in, each as a stream that opens its file when its turn comes: the library's walk leaves
 * hidden files out, waits forever on a socket or FIFO, and states lengths from before it read the files.
 */
function hashFiles(
  files: readonly SourceFile[],
  name: string,
  options: CreateTorrentOptions,
): Promise<Uint8Array> {
  const streams = files.map((file) =>
    Object.assign(Readable.from(contentOf(file)), { name: [name, ...file.path].join("/") }),
  );
  return new Promise((resolve, reject) => {
    createTorrent(streams, options, (error, torrent) => (error ? reject(error) : resolve(torrent)));
  });
}

async function* contentOf({ source, length }: SourceFile): AsyncGenerator<Uint8Array> {
  let seen = 0;
  try {
    for await (const chunk of createReadStream(source, {
      highWaterMark: 1024 * 1024,
    }) as AsyncIterable<Uint8Array>) {
      seen += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw storageError(error, source, "cannot read");
  }
  if (seen !== length) {
    throw new CtError(
      "CT_ERR_STORAGE",
      `${source}: changed while it was read (${length} bytes, then ${seen})`,
    );
  }
}

/** The library takes one stream for a single-file torrent; a directory of one file stays a directory. */
function asMultiFile(bytes: Uint8Array, files: readonly SourceFile[]): Uint8Array {
  const torrent = unwrap(decodeBencodeDict(bytes));
  const { length: _, ...info } = torrent.info as Record<string, never>;
  return encodeBencode({
    ...torrent,
    info: { ...info, files: files.map(({ path, length }) => ({ path, length })) },
  });
}

/** The smallest power of two that makes 2,048 pieces at most: fine enough to spread, small enough a .torrent. */
function sensiblePieceLength(total: number): number {
  let pieceLength: number = LIMITS.peer.pieceLengthLeast;
  while (pieceLength < LIMITS.peer.pieceLengthMost && total / pieceLength > 2048) pieceLength *= 2;
  return pieceLength;
}

/** The length itself. Throws CT_ERR_USAGE where it is none that `createTorrentFile` takes. */
export function checkPieceLength(pieceLength: number): number {
  const { pieceLengthLeast, pieceLengthMost } = LIMITS.peer;
  if (
    pieceLength >= pieceLengthLeast &&
    pieceLength <= pieceLengthMost &&
    Number.isInteger(Math.log2(pieceLength))
  ) {
    return pieceLength;
  }
  throw new CtError(
    "CT_ERR_USAGE",
    `piece length ${pieceLength}: must be a power of two from ${pieceLengthLeast} (16 KiB) to ${pieceLengthMost} (16 MiB)`,
  );
}

function checkTracker(tracker: string): string {
  const url = URL.canParse(tracker) ? new URL(tracker) : undefined;
  if (url?.hostname && ["http:", "https:", "udp:"].includes(url.protocol)) return tracker;
  throw new CtError("CT_ERR_USAGE", `tracker ${JSON.stringify(tracker)}: must be an http, https or udp URL`);
}

/** What a peer would leave out is better not written. */
function checkWebSeeds(urls: readonly string[]): readonly string[] {
  for (const url of urls) {
    if (usableWebSeeds([url]).length > 0) continue;
    const most = LIMITS.webSeeds.urlBytes;
    throw new CtError(
      "CT_ERR_USAGE",
      `web seed ${JSON.stringify(url)}: must be an http or https URL of at most ${most} characters`,
    );
  }
  const most = LIMITS.webSeeds.perTorrent;
  if (urls.length > most)
    throw new CtError("CT_ERR_USAGE", `${urls.length} web seeds: at most ${most} are used`);
  return urls;
}
