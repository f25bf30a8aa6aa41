import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Bencodable, encodeBencode } from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { type Metainfo, parseMetainfo, pieceSize } from "../../src/metainfo/metainfo.ts";

/** Where the npm package webtorrent-fixtures keeps its torrents and their content. */
export const FIXTURES = join(import.meta.dirname, "../../../../node_modules/webtorrent-fixtures/fixtures");

export interface GivenFile {
  readonly path: readonly string[];
  readonly content: Uint8Array;
  /** BEP 47 attributes. */
  readonly attr?: string;
}

export interface GivenTorrent {
  readonly metainfo: Metainfo;
  readonly bytes: Uint8Array;
  readonly content: Uint8Array;
}

export const KIB = 1024;

/** A multi-file torrent called "torrent" of the given files, put together by hand: create.ts is not what is tested. */
export async function torrentOf(files: readonly GivenFile[], pieceLength = 16 * KIB): Promise<GivenTorrent> {
  const content = Buffer.concat(files.map((file) => file.content));
  const bytes = encodeBencode({
    info: {
      name: "torrent",
      "piece length": pieceLength,
      pieces: hashesOf(content, pieceLength),
      files: files.map(({ path, content, attr }) => ({ path, length: content.length, attr })),
    },
  });
  return { bytes, content, metainfo: await parseMetainfo(bytes, "given.torrent") };
}

/** An info dictionary of three pieces (BEP 9), the last one short, by the long names of empty files. */
export function torrentOfLongInfo(): Promise<GivenTorrent> {
  const long = "n".repeat(240);
  const empty = Array.from({ length: 50 }, (_, i) => ({
    path: [long, long, long, `${i}`],
    content: Buffer.alloc(0),
  }));
  return torrentOf([{ path: ["a"], content: noise(20_000) }, ...empty]);
}

export function hashesOf(content: Uint8Array, pieceLength: number): Uint8Array {
  const hashes: Uint8Array[] = [];
  for (let at = 0; at < content.length; at += pieceLength) {
    hashes.push(sha1(content.subarray(at, at + pieceLength)));
  }
  return Buffer.concat(hashes);
}

export function sha1(bytes: Uint8Array): Uint8Array {
  return createHash("sha1").update(bytes).digest();
}

/** A valid info dictionary of a 20,000-byte file, with keys replaced or, by undefined, left out. */
export function torrentWith(
  info: Readonly<Record<string, Bencodable | undefined>>,
  outside: Readonly<Record<string, Bencodable>> = {},
): Uint8Array {
  const valid = { name: "file.bin", length: 20_000, "piece length": 16 * KIB, pieces: new Uint8Array(40) };
  return encodeBencode({ ...outside, info: { ...valid, ...info } });
}

/** As `torrentWith`, of files of the given lengths. */
export function torrentOfPaths(
  files: readonly { readonly path: readonly (string | Uint8Array)[]; readonly length?: number }[],
): Uint8Array {
  const entries = files.map(({ path, length = 1 }) => ({ path, length }));
  const total = entries.reduce((sum, { length }) => sum + length, 0);
  const pieces = new Uint8Array(20 * Math.ceil(total / (16 * KIB)));
  return torrentWith({ name: "dir", length: undefined, files: entries, pieces });
}

/** Bytes without a pattern and without a zero, the same for the same seed. */
export function noise(length: number, seed = 1): Uint8Array {
  const bytes = Buffer.alloc(length);
  let state = seed * 2_654_435_761;
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    bytes[at] = state >>> 24 || 1;
  }
  return bytes;
}

export function pieceOf({ metainfo, content }: GivenTorrent, piece: number): Uint8Array {
  const start = piece * metainfo.pieceLength;
  return content.subarray(start, start + pieceSize(metainfo, piece));
}

/** Where holes are read fast, on Linux: a disk's page cache would fill with their zeros. */
export const SHARED_MEMORY = existsSync("/dev/shm") ? "/dev/shm" : tmpdir();

/** Removed when the test ends. */
export async function temporaryDirectory(parent = tmpdir()): Promise<string> {
  const directory = await mkdtemp(join(parent, "cachetorrent-"));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  return directory;
}

/** Every file below the directory with its bytes, hidden ones too; directories end in a slash. */
export async function treeOf(directory: string): Promise<Record<string, string>> {
  const tree: Record<string, string> = {};
  for (const entry of await readdir(directory, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(directory.length + 1);
    if (entry.isDirectory()) tree[`${name}/`] = "";
    else tree[name] = entry.isFile() ? sha1(await readFile(path)).toString() : "not a file";
  }
  return tree;
}
