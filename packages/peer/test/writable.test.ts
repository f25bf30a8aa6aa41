import { execFileSync } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, systemRandom } from "@cachetorrent/clock";
import { Value } from "typebox/value";
import { describe, expect, it, onTestFinished } from "vitest";
import { PeerConfigSchema } from "../src/config.ts";
import { startPeer } from "../src/daemon.ts";
import { requireWritable } from "../src/disk/writable.ts";
import { loadMetainfo } from "../src/metainfo/metainfo.ts";
import { silent } from "./support/samples.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";
import { fillUp, tinyFileSystem } from "./support/tiny-file-system.ts";
import { temporaryDirectory, torrentWith, treeOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const NOTHING_IN_PROC = "/proc/not/there: no directory can be made there";

describe("a directory that can be written to", () => {
  it.each([[[]], [["sub"]], [["not", "there", "yet"]]])("stays as it was: %j", async (below) => {
    const root = await temporaryDirectory();
    await mkdir(join(root, "sub"));
    await requireWritable(join(root, ...below));
    expect(Object.keys(await treeOf(root))).toEqual(["sub/"]);
  });

  it("may be full: there may be room later", async (context) => {
    const directory = await tinyFileSystem();
    if (!directory) return context.skip("mounting a file system needs root");
    execFileSync("mount", ["-o", "remount,nr_inodes=2", directory]);
    await fillUp(directory);
    await expect(mkdir(join(directory, "new"))).rejects.toThrow("ENOSPC");
    await requireWritable(directory);
  });
});

describe("a directory that cannot be written to is told of, by its own name", () => {
  it("where none can be made", async () => {
    await expect(requireWritable("/proc/not/there")).rejects.toThrow(NOTHING_IN_PROC);
  });

  it("where a file is above it", async () => {
    const file = join(await temporaryDirectory(), "file");
    await writeFile(file, "mine");
    await expect(requireWritable(join(file, "sub"))).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: `${file}/sub: cannot write there: a file is where a directory must be`,
    });
  });

  it("where the file system is read-only", async (context) => {
    const directory = await tinyFileSystem();
    if (!directory) return context.skip("mounting a file system needs root");
    execFileSync("mount", ["-o", "remount,ro", directory]);
    await expect(requireWritable(join(directory, "new"))).rejects.toMatchObject({
      code: "CT_ERR_PERMISSION",
      message: `${directory}/new: cannot write there: the file system is read-only`,
    });
  });
});

describe("a peer that cannot write to its directory fails before any tracker hears of it", () => {
  it.each(["a .torrent", "a magnet link"])("with %s", async (kind) => {
    const tracker = await ScriptedTracker.listen();
    onTestFinished(() => tracker.close());
    const file = join(await temporaryDirectory(), "given.torrent");
    await writeFile(file, torrentWith({}, { announce: tracker.announceUrl }));
    const { infoHash } = await loadMetainfo(file);
    const link = `magnet:?xt=urn:btih:${infoHash}&tr=${encodeURIComponent(tracker.announceUrl)}`;
    const given = { dir: "/proc/not/there", listen: "127.0.0.1:0" };
    const config = Value.Parse(PeerConfigSchema, Value.Default(PeerConfigSchema, given));
    const parts = { clock: systemClock, random: systemRandom, log: silent };
    const peer = await startPeer(config, [kind === "a .torrent" ? file : link], parts);
    onTestFinished(() => peer.stop());
    const asked: unknown[] = [];
    void tracker.next().then((one) => asked.push(one));
    await until("it fails, or the tracker is asked", () => {
      return asked.length > 0 || peer.status().torrents[0]?.state === "failed";
    });
    await peer.stop();
    expect(asked).toEqual([]);
    expect(peer.status().torrents).toMatchObject([{ error: NOTHING_IN_PROC }]);
  });
});
