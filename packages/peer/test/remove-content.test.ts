import { mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { removeContent } from "../src/disk/remove-content.ts";
import { keptTorrentName, recordName } from "../src/metainfo/torrent-paths.ts";
import { writeContent } from "./support/test-peer.ts";
import { type GivenTorrent, KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";

/** Two files of 40 and 50 KiB that share a piece, a third in a folder of its own, and an empty one. */
function someTorrent(): Promise<GivenTorrent> {
  return torrentOf([
    { path: ["a"], content: noise(40 * KIB, 1) },
    { path: ["sub", "b"], content: noise(50 * KIB, 2) },
    { path: ["sub", "deep", "c"], content: noise(20 * KIB, 3) },
    { path: ["empty"], content: Buffer.alloc(0) },
  ]);
}

async function put(torrent: GivenTorrent): Promise<string> {
  const dir = await temporaryDirectory();
  await writeContent(torrent, dir);
  return dir;
}

function removed({ metainfo }: GivenTorrent, dir: string, over: { have?: PieceSet; inUse?: string } = {}) {
  return removeContent({
    dir,
    infoHash: metainfo.infoHash,
    metainfo,
    have: over.have,
    isInUse: async (path) => path === over.inUse,
  });
}

describe("the data of a torrent that is dropped", () => {
  it("goes with its folders and our records, and nothing else does", async () => {
    const torrent = await someTorrent();
    const dir = await put(torrent);
    await writeFile(join(dir, recordName(torrent.metainfo.infoHash)), "");
    await writeFile(join(dir, keptTorrentName(torrent.metainfo.infoHash)), "");
    await writeFile(join(dir, "other"), "mine");
    expect(await removed(torrent, dir)).toEqual([]);
    expect(await readdir(dir)).toEqual(["other"]);
  });

  it("stays where somebody has put another file in its place, whatever was verified before", async () => {
    const torrent = await someTorrent();
    const dir = await put(torrent);
    const have = new PieceSet(torrent.metainfo.pieceCount);
    for (let piece = 0; piece < have.pieceCount; piece++) have.add(piece);
    const path = join(dir, "torrent", "a");
    await writeFile(path, noise(40 * KIB, 9));
    expect(await removed(torrent, dir, { have })).toEqual([path]);
    expect(await readdir(join(dir, "torrent"))).toEqual(["a"]);
  });

  it("stays where there is a folder, a link or a longer file, and where another file lies in its folder", async () => {
    const torrent = await someTorrent();
    const dir = await put(torrent);
    const root = join(dir, "torrent");
    for (const name of ["a", "sub/b"]) await rm(join(root, name));
    await mkdir(join(root, "a"));
    const elsewhere = join(await temporaryDirectory(), "target");
    await writeFile(elsewhere, "mine");
    await symlink(elsewhere, join(root, "sub", "b"));
    await writeFile(join(root, "sub", "deep", "c"), noise(21 * KIB, 3));
    await writeFile(join(root, "sub", "mine"), "mine");
    const kept = await removed(torrent, dir);
    expect(kept.sort()).toEqual(["a", "sub/b", "sub/deep/c"].map((name) => join(root, name)));
    expect(await readdir(root)).toEqual(["a", "sub"]);
    expect(await readdir(join(root, "sub"))).toEqual(["b", "deep", "mine"]);
    expect(await readdir(join(root, "sub", "deep"))).toEqual(["c"]);
  });

  it("does not go by a link that leads out of the folder", async () => {
    const torrent = await someTorrent();
    const dir = await put(torrent);
    const outside = await put(torrent);
    await rm(join(dir, "torrent", "sub"), { recursive: true });
    await symlink(join(outside, "torrent", "sub"), join(dir, "torrent", "sub"));
    const names = ["sub/b", "sub/deep/c"].map((name) => join(dir, "torrent", name));
    expect(await removed(torrent, dir)).toEqual(names);
    expect(await readdir(join(outside, "torrent", "sub"))).toEqual(["b", "deep"]);
  });

  it("stays where another torrent has the file, too", async () => {
    const torrent = await someTorrent();
    const dir = await put(torrent);
    const inUse = join(dir, "torrent", "a");
    expect(await removed(torrent, dir, { inUse })).toEqual([inUse]);
    expect(await readdir(join(dir, "torrent"))).toEqual(["a"]);
  });

  it("goes, too, where a download has begun a file and has no whole piece of it", async () => {
    const torrent = await someTorrent();
    const dir = await put(torrent);
    await writeFile(join(dir, "torrent", "a"), noise(5 * KIB, 9));
    await writeFile(join(dir, recordName(torrent.metainfo.infoHash)), '\n"torrent/a"');
    expect(await removed(torrent, dir)).toEqual([]);
    expect(await readdir(dir)).toEqual([]);
  });
});
