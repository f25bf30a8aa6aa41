import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { encodeBencode } from "@cachetorrent/protocol";
import { expect } from "vitest";

/** A torrent on disk. */
export interface MadeTorrent {
  readonly name: string;
  /** The .torrent. */
  readonly file: string;
  /** 40 hex digits. */
  readonly infoHash: string;
  /** Where its content lies: `<source>/<name>`. */
  readonly source: string;
  /** Relative to `<source>` */
  readonly paths: readonly string[];
}

export interface Plan {
  readonly name: string;
  readonly tracker: string;
  /** A length makes a single-file torrent; paths with lengths a multi-file one. */
  readonly content: number | Readonly<Record<string, number>>;
  readonly pieceLength?: number;
}

/**
 * Makes random content and its torrent under `dir`. Made by hand here, so that what our own `create` writes is not proven
 * with itself.
 */
export async function makeTorrent(dir: string, plan: Plan): Promise<MadeTorrent> {
  const { name, tracker, content, pieceLength = 256 * 1024 } = plan;
  const single = typeof content === "number";
  const lengths = single ? { [name]: content } : content;
  const paths = Object.keys(lengths).map((file) => (single ? file : path.join(name, file)));
  const bytes = Object.values(lengths).map((length) => randomBytes(length));
  for (const [at, file] of paths.entries()) {
    await mkdir(path.dirname(path.join(dir, file)), { recursive: true });
    await writeFile(path.join(dir, file), bytes[at] as Buffer);
  }
  const shape = single
    ? { length: content }
    : { files: Object.entries(lengths).map(([file, length]) => ({ length, path: file.split("/") })) };
  const pieces = hashPieces(Buffer.concat(bytes), pieceLength);
  return writeTorrent(dir, tracker, { ...shape, name, "piece length": pieceLength, pieces }, paths);
}

/** Writes `<name>.torrent` for a finished info dictionary. */
export async function writeTorrent(
  dir: string,
  tracker: string,
  info: { readonly name: string; readonly [key: string]: unknown },
  paths: readonly string[],
): Promise<MadeTorrent> {
  const encoded = encodeBencode(info as Parameters<typeof encodeBencode>[0]);
  const infoHash = createHash("sha1").update(encoded).digest("hex");
  const file = path.join(dir, `${info.name}.torrent`);
  await writeFile(
    file,
    encodeBencode({ announce: tracker, info: info as Parameters<typeof encodeBencode>[0] }),
  );
  return { name: info.name, file, infoHash, source: dir, paths };
}

function hashPieces(bytes: Buffer, pieceLength: number): Buffer {
  const hashes: Buffer[] = [];
  for (let start = 0; start < bytes.length; start += pieceLength) {
    hashes.push(
      createHash("sha1")
        .update(bytes.subarray(start, start + pieceLength))
        .digest(),
    );
  }
  return Buffer.concat(hashes);
}

/** Every file of the torrent under `dir` equals its source, byte by byte; `without` names files a client leaves out. */
export async function expectSameContent(
  torrent: MadeTorrent,
  dir: string,
  without: readonly string[] = [],
): Promise<void> {
  for (const file of torrent.paths.filter((file) => !without.includes(file))) {
    const [made, got] = await Promise.all([
      readFile(path.join(torrent.source, file)),
      readFile(path.join(dir, file)),
    ]);
    expect(got.length, `length of ${file}`).toBe(made.length);
    expect(got.equals(made), `${file} differs from its source`).toBe(true);
  }
}
