import { mkdtemp, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { findDifference, writeSeededContent } from "../src/content.ts";

const FILES = [
  { path: "one.bin", bytes: 3_000_000 },
  { path: "sub/two.bin", bytes: 1 },
  { path: "sub/empty", bytes: 0 },
];

let dir: string;
let a: string;
let b: string;

beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "content-"));
  a = join(dir, "a");
  b = join(dir, "b");
  await writeSeededContent(a, FILES, 7);
  await writeSeededContent(b, FILES, 7);
});

afterEach(() => rm(dir, { recursive: true }));

describe("seeded content", () => {
  it("has the lengths asked for, and the same bytes for the same seed", async () => {
    for (const file of FILES) expect((await stat(join(a, file.path))).size).toBe(file.bytes);
    expect(await findDifference(a, b, FILES)).toBeUndefined();
  });

  it("has other bytes for another seed", async () => {
    await writeSeededContent(b, FILES, 8);
    expect(await findDifference(a, b, FILES)).toMatch(/b\/one\.bin differs at byte/);
  });

  it("does not repeat itself", async () => {
    const bytes = await readFile(join(a, "one.bin"));
    expect(bytes.subarray(0, 1 << 20).equals(bytes.subarray(1 << 20, 2 << 20))).toBe(false);
  });
});

describe("two copies of a content", () => {
  it("differ by one byte, and the file and the place are told", async () => {
    const path = join(b, "one.bin");
    const bytes = await readFile(path);
    bytes[2_345_678] = (bytes[2_345_678] ?? 0) ^ 1;
    await writeFile(path, bytes);
    expect(await findDifference(a, b, FILES)).toBe(`${path} differs at byte 2345678`);
  });

  it("differ by a length", async () => {
    await truncate(join(b, "sub/two.bin"), 0);
    expect(await findDifference(a, b, FILES)).toBe(`${join(b, "sub/two.bin")} has 0 bytes, not 1`);
  });

  it("cannot be compared where a file is missing: its path is told", async () => {
    await rm(join(b, "sub/empty"));
    await expect(findDifference(a, b, FILES)).rejects.toThrow(join(b, "sub/empty"));
  });
});
