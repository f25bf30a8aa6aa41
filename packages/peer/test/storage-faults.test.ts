import { execFileSync } from "node:child_process";
import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { FileStorage } from "../src/disk/file-storage.ts";
import { storageError } from "../src/disk/storage-error.ts";
import { verifyOnDisk } from "../src/disk/verifier.ts";
import { openStorage, threePieces, writeAll } from "./support/storing.ts";
import { tinyFileSystem } from "./support/tiny-file-system.ts";
import { KIB, noise, pieceOf, sha1, temporaryDirectory, torrentOf, treeOf } from "./support/torrents.ts";

describe("something in the way is named, and stays as it was", () => {
  it.each<[string, (at: string) => Promise<unknown>, RegExp]>([
    [
      "a directory where a file must be",
      (at) => mkdir(join(at, "torrent/a"), { recursive: true }),
      /torrent\/a: a directory/,
    ],
    [
      "a file where a directory must be",
      (at) => writeFile(join(at, "torrent"), "mine"),
      /torrent: a file is where/,
    ],
    ["a longer file", (at) => put(at, "torrent/c", noise(101)), /torrent\/c: a file of 101 bytes/],
    [
      "content in an empty file's place",
      (at) => put(at, "torrent/sub/empty", noise(1)),
      /empty: a file of 1 bytes/,
    ],
    [
      "a link where a file must be",
      (at) => link(at, "torrent/a", "../elsewhere"),
      /torrent\/a: a symbolic link/,
    ],
    [
      "a directory that is a link out of the download directory",
      (at) => link(at, "torrent/sub", "/usr"),
      /sub: .*leads out/,
    ],
    ["a torrent's directory that is such a link", (at) => link(at, "torrent", ".."), /torrent: .*leads out/],
    [
      "a FIFO",
      async (at) => {
        await mkdir(join(at, "torrent"));
        execFileSync("mkfifo", [join(at, "torrent/a")]);
      },
      /torrent\/a: a device/,
    ],
  ])("%s", async (_, prepare, fault) => {
    const directory = await temporaryDirectory();
    await prepare(directory);
    const before = await treeOf(directory);
    const { metainfo } = await threePieces();
    await expect(FileStorage.open(metainfo, directory)).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: expect.stringMatching(fault),
    });
    expect(await treeOf(directory)).toEqual(before);
  });

  it("the download directory itself may not be a file", async () => {
    const directory = join(await temporaryDirectory(), "file");
    await writeFile(directory, "mine");
    const { metainfo } = await threePieces();
    await expect(FileStorage.open(metainfo, directory)).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
    });
  });

  it("links inside the download directory, and to it, are followed", async () => {
    const outside = await temporaryDirectory();
    const directory = join(outside, "link");
    await mkdir(join(outside, "real/disk2"), { recursive: true });
    await symlink("real", directory);
    await link(directory, "torrent/sub", "../disk2");
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await writeAll(torrent, storage);
    expect(sha1(await readFile(join(outside, "real/disk2/b")))).toEqual(sha1(noise(20 * KIB, 2)));
  });

  it("a file that somebody else made after we looked is not overwritten", async () => {
    const directory = await temporaryDirectory();
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await put(directory, "torrent/a", Buffer.from("mine"));
    await expect(storage.writePiece(0, pieceOf(torrent, 0))).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: expect.stringContaining("torrent/a"),
    });
    expect(await readFile(join(directory, "torrent/a"), "utf8")).toBe("mine");
  });

  async function put(directory: string, path: string, content: Uint8Array) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await writeFile(join(directory, path), content);
  }

  async function link(directory: string, path: string, target: string) {
    await mkdir(dirname(join(directory, path)), { recursive: true });
    await symlink(target, join(directory, path));
  }
});

describe("when the disk fails", () => {
  it("no space is said, with the path; what was written stays, and the rest goes on when there is room", async (context) => {
    const directory = await tinyFileSystem();
    if (!directory) return context.skip("mounting a file system needs root");
    const torrent = await torrentOf([{ path: ["a"], content: noise(320 * KIB) }], 32 * KIB);
    await writeFile(join(directory, "ballast"), noise(100 * KIB));
    const storage = await openStorage(torrent.metainfo, directory);
    const failed = expect.objectContaining({
      code: "CT_ERR_NO_SPACE",
      message: expect.stringContaining(join(directory, "torrent/a")),
    });
    await expect(writeAll(torrent, storage)).rejects.toEqual(failed);
    const before = await verifyOnDisk(torrent.metainfo, storage);
    expect(before.size).toBeGreaterThan(0);
    execFileSync("mount", ["-o", "remount,size=1m", directory]);
    await writeAll(torrent, storage);
    await storage.finish();
    expect((await verifyOnDisk(torrent.metainfo, storage)).isFull).toBe(true);
  });

  it("a file that was read, and cannot be opened for writing, is said, with the path", async (context) => {
    const directory = await tinyFileSystem();
    if (!directory) return context.skip("mounting a file system needs root");
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await writeAll(torrent, storage);
    await storage.close();
    execFileSync("mount", ["-o", "remount,ro", directory]);
    const again = await openStorage(torrent.metainfo, directory);
    expect((await verifyOnDisk(torrent.metainfo, again)).isFull).toBe(true);
    await expect(again.writePiece(0, pieceOf(torrent, 0))).rejects.toMatchObject({
      code: "CT_ERR_PERMISSION",
      message: expect.stringContaining(join(directory, "torrent/a")),
    });
    expect((await again.read(0, 0, 100)).length).toBe(100);
  });

  it("a read-only file system is said, with the path", async (context) => {
    const directory = await tinyFileSystem();
    if (!directory) return context.skip("mounting a file system needs root");
    execFileSync("mount", ["-o", "remount,ro", directory]);
    const torrent = await threePieces();
    const storage = await openStorage(torrent.metainfo, directory);
    await expect(writeAll(torrent, storage)).rejects.toMatchObject({
      code: "CT_ERR_PERMISSION",
      message: expect.stringContaining(join(directory, "torrent")),
    });
  });

  it.each([
    ["ENOSPC", "CT_ERR_NO_SPACE"],
    ["EDQUOT", "CT_ERR_NO_SPACE"],
    ["EACCES", "CT_ERR_PERMISSION"],
    ["EPERM", "CT_ERR_PERMISSION"],
    ["EROFS", "CT_ERR_PERMISSION"],
    ["EIO", "CT_ERR_STORAGE"],
  ])("%s is %s", (code, expected) => {
    const error = Object.assign(new Error(`${code}: what the system says`), { code });
    expect(storageError(error, "/dir/file", "cannot write")).toMatchObject({
      code: expected,
      message: expect.stringMatching(/^\/dir\/file: cannot write: /),
      cause: error,
    });
  });
});
