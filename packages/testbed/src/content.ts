import { type FileHandle, open } from "node:fs/promises";
import { dirname, join } from "node:path";
import { seededRandom } from "@cachetorrent/clock";
import { makeDirectory } from "@cachetorrent/files";
import { CtError } from "@cachetorrent/protocol";

/** A file of a run's content. `path` is relative to the content's folder, with `/`. */
export interface ContentFile {
  readonly path: string;
  readonly bytes: number;
}

const CHUNK_BYTES = 1 << 20;

/** Writes the files under `folder`, full of random bytes that are the same for the same `seed`. */
export async function writeSeededContent(
  folder: string,
  files: readonly ContentFile[],
  seed: number,
): Promise<void> {
  const random = seededRandom(seed);
  for (const file of files) {
    const path = join(folder, file.path);
    await makeDirectory(dirname(path));
    await using handle = await open(path, "w");
    for (let at = 0; at < file.bytes; at += CHUNK_BYTES) {
      const words = new Uint32Array(CHUNK_BYTES / 4);
      for (let i = 0; i < words.length; i++) words[i] = random() * 2 ** 32;
      await handle.writeFile(new Uint8Array(words.buffer, 0, Math.min(CHUNK_BYTES, file.bytes - at)));
    }
  }
}

/**
 * Compares the files under two folders byte by byte. The first difference in words, or undefined when they
 * are the same.
 */
export async function findDifference(
  expectedFolder: string,
  actualFolder: string,
  files: readonly ContentFile[],
): Promise<string | undefined> {
  for (const file of files) {
    const path = join(actualFolder, file.path);
    await using expected = await open(join(expectedFolder, file.path));
    await using actual = await open(path).catch((cause: Error) => {
      throw new CtError("CT_ERR_TESTBED", `cannot read ${path}: ${cause.message}`, { cause });
    });
    const length = (await actual.stat()).size;
    if (length !== file.bytes) return `${path} has ${length} bytes, not ${file.bytes}`;
    const at = await firstDifference(expected, actual, file.bytes);
    if (at !== undefined) return `${path} differs at byte ${at}`;
  }
  return undefined;
}

async function firstDifference(a: FileHandle, b: FileHandle, length: number): Promise<number | undefined> {
  for (let at = 0; at < length; at += CHUNK_BYTES) {
    const bytes = Math.min(CHUNK_BYTES, length - at);
    const [left, right] = await Promise.all([readAt(a, at, bytes), readAt(b, at, bytes)]);
    if (!left.equals(right)) return at + left.findIndex((byte, i) => byte !== right[i]);
  }
  return undefined;
}

async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const buffer = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await file.read(buffer, filled, length - filled, position + filled);
    if (bytesRead === 0) throw new CtError("CT_ERR_TESTBED", "a file shrank while it was compared");
    filled += bytesRead;
  }
  return buffer;
}
