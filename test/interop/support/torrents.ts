import { createHash, randomBytes } from "node:crypto";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import {
  asCount,
  asDict,
  asList,
  asText,
  type Bencodable,
  decodeBencodeDict,
  encodeBencode,
  get,
  type InfoHash,
  infoHashFromBytes,
  scanBencode,
  unwrap,
} from "@cachetorrent/protocol";
import { expect } from "vitest";

/** A torrent on disk. */
export interface MadeTorrent {
  readonly name: string;
  /** The .torrent. */
  readonly file: string;
  readonly infoHash: InfoHash;
  /** The directory in which its content lies. */
  readonly source: string;
  /** Its files, pad files (BEP 47) left out, relative to `source`. */
  readonly paths: readonly string[];
  /** Those of length 0. */
  readonly emptyPaths: readonly string[];
}

export interface Plan {
  readonly name: string;
  /** Without one it is a torrent that has none. */
  readonly tracker?: string;
  /** A length makes a single-file torrent; paths with lengths a multi-file one. */
  readonly content: number | Readonly<Record<string, number>>;
  readonly pieceLength?: number;
  /** BEP 27. */
  readonly isPrivate?: boolean;
}

/**
 * Makes random content and its torrent under `dir`. Made by hand here, so that what our own `create` writes is not proven
 * with itself.
 */
export async function makeTorrent(dir: string, plan: Plan): Promise<MadeTorrent> {
  const { name, tracker, pieceLength = 256 * 1024 } = plan;
  const files = await writeContent(dir, plan);
  const shape =
    typeof plan.content === "number"
      ? { length: plan.content }
      : { files: files.map((file) => ({ length: file.bytes.length, path: file.path })) };
  const pieces = hashPieces(Buffer.concat(files.map((file) => file.bytes)), pieceLength);
  const rest = plan.isPrivate ? { private: 1 } : {};
  return writeTorrent(dir, tracker, { ...shape, name, "piece length": pieceLength, pieces, ...rest });
}

/** Writes a plan's content under `dir`, random bytes. Paths are as in a torrent: without the torrent's name. */
export async function writeContent(
  dir: string,
  { name, content }: Pick<Plan, "name" | "content">,
): Promise<{ path: string[]; bytes: Buffer }[]> {
  const single = typeof content === "number";
  const files = Object.entries(single ? { [name]: content } : content).map(([file, length]) => ({
    path: file.split("/"),
    bytes: randomBytes(length),
  }));
  for (const file of files) {
    const target = path.join(dir, ...(single ? [] : [name]), ...file.path);
    await mkdir(path.dirname(target), { recursive: true });
    await writeFile(target, file.bytes);
  }
  return files;
}

/** Writes `<name>.torrent` under `dir` for a finished info dictionary. */
export async function writeTorrent(
  dir: string,
  tracker: string | undefined,
  info: { readonly name: string; readonly [key: string]: Bencodable },
): Promise<MadeTorrent> {
  const file = path.join(dir, `${info.name}.torrent`);
  await writeFile(file, encodeBencode({ ...(tracker === undefined ? {} : { announce: tracker }), info }));
  return describeTorrent(file, dir);
}

/** Writes to `to` what the .torrent says, with other values for some of its keys besides `info`. */
export async function changeTorrent(
  file: string,
  keys: { readonly [key: string]: Bencodable },
  to = file,
): Promise<void> {
  await writeFile(to, encodeBencode({ ...unwrap(decodeBencodeDict(await readFile(file))), ...keys }));
}

/** Reads what a .torrent says; its content lies, or will, under `source`. */
export async function describeTorrent(file: string, source: string): Promise<MadeTorrent> {
  const bytes = await readFile(file);
  const torrent = decodeBencodeDict(bytes);
  const places = scanBencode(bytes);
  if (!torrent.ok) throw torrent.error;
  if (!places.ok) throw places.error;
  const info = asDict(get(torrent.value, "info"));
  const name = asText(info?.name);
  const place = places.value.get("info");
  if (!info || name === undefined || !place) throw new Error(`${file}: no info dictionary with a name`);
  const files = (asList(info.files) ?? []).map(asDict).filter((entry) => !asText(entry?.attr)?.includes("p"));
  const paths = files.map((entry) =>
    path.join(name, ...(asList(entry?.path) ?? []).map((part) => asText(part) ?? "")),
  );
  return {
    name,
    file,
    infoHash: infoHashFromBytes(
      createHash("sha1")
        .update(bytes.subarray(...place))
        .digest(),
    ),
    source,
    paths: info.files ? paths : [name],
    emptyPaths: paths.filter((_, at) => asCount(files[at]?.length) === 0),
  };
}

function hashPieces(bytes: Buffer, pieceLength: number): Buffer {
  const count = Math.ceil(bytes.length / pieceLength);
  const piece = (at: number) => bytes.subarray(at * pieceLength, (at + 1) * pieceLength);
  return Buffer.concat(
    Array.from({ length: count }, (_, at) => createHash("sha1").update(piece(at)).digest()),
  );
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
