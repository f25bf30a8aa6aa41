import { execFile } from "node:child_process";
import { hash } from "node:crypto";
import { mkdir, open, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { promisify } from "node:util";
import { encodeBencode, type InfoHash } from "@cachetorrent/protocol";

/** A file and the hashes of its pieces: of these a torrent is made for each tracker. */
export interface Hashed {
  readonly name: string;
  readonly length: number;
  readonly pieceLength: number;
  /** 20 bytes for each piece. */
  readonly hashes: Uint8Array;
}

/** Hashes the file piece by piece. `name` is what the torrent calls it. */
export async function hashFile(file: string, name: string, pieceLength: number): Promise<Hashed> {
  await using handle = await open(file);
  const { size } = await handle.stat();
  const hashes = Buffer.alloc(Math.ceil(size / pieceLength) * 20);
  const piece = Buffer.alloc(pieceLength);
  for (let at = 0; at * pieceLength < size; at++) {
    const { bytesRead } = await handle.read(piece, 0, pieceLength, at * pieceLength);
    hash("sha1", piece.subarray(0, bytesRead), "buffer").copy(hashes, at * 20);
  }
  return { name, length: size, pieceLength, hashes };
}

/** A file of nothing but zeroes, all of whose pieces are alike: its hashes are known without reading it. */
export function hashedZeroes(name: string, pieceCount: number, pieceLength: number): Hashed {
  const one = hash("sha1", Buffer.alloc(pieceLength), "buffer");
  return {
    name,
    length: pieceCount * pieceLength,
    pieceLength,
    hashes: Buffer.alloc(pieceCount * 20, one),
  };
}

export interface Sources {
  /** Without a tracker one has to be told where peers are. */
  readonly announceUrl?: string;
  /** URL of the file (BEP 19). */
  readonly webSeed?: string;
}

/** Writes the .torrent. */
export async function writeTorrent(file: string, hashed: Hashed, sources: Sources = {}): Promise<InfoHash> {
  const { announceUrl, webSeed } = sources;
  const { hashes, length, name, pieceLength } = hashed;
  const info = { length, name, "piece length": pieceLength, pieces: hashes };
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, encodeBencode({ announce: announceUrl, info, "url-list": webSeed }));
  return hash("sha1", encodeBencode(info)) as InfoHash;
}

/** A file that takes no room: all of it reads as zeroes. */
export async function writeSparse(file: string, length: number): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await using handle = await open(file, "w");
  await handle.truncate(length);
}

/** Brings all of the file into the page cache, or all of it out of there; what was written is on disk then. */
export async function setPageCache(file: string, state: "warm" | "cold"): Promise<void> {
  const run = promisify(execFile);
  await run("sync", [file]);
  if (state === "warm") await run("dd", [`if=${file}`, "of=/dev/null", "bs=1M", "status=none"]);
  // With a count of 0 it means the whole file, which is copied nowhere.
  else await run("dd", [`if=${file}`, "iflag=nocache", "count=0", "status=none"]);
}
