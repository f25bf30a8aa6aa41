import { execFileSync } from "node:child_process";
import { mkdir, readFile, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeBencode } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { resumePath } from "../src/disk/resume-file.ts";
import {
  ALL,
  type Folders,
  folders,
  openContent,
  pathIn,
  SPOILT_C,
  spoilUnseen,
  statePath,
  torrent,
  verifiedBefore,
} from "./support/resuming.ts";
import { KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";

describe("a resume file that cannot be used", () => {
  type Spoil = (path: string, given: Folders) => Promise<unknown>;
  const cases: [name: string, spoil: Spoil, fault: RegExp][] = [
    ["cut in half", async (path) => truncate(path, (await stat(path)).size / 2), /is cut short or damaged/],
    ["empty", (path) => truncate(path, 0), /is cut short or damaged/],
    [
      "of another torrent",
      async (path, { stateDir }) => {
        const other = await torrentOf([{ path: ["a"], content: noise(30 * KIB, 7) }]);
        const dir = await temporaryDirectory();
        await (await openContent({ dir, stateDir }, other)).content.close();
        await rename(resumePath(stateDir, other.metainfo.infoHash, dir), path);
      },
      /belongs to another torrent, [0-9a-f]{40}/,
    ],
    [
      "of a version that is not known",
      (path) => writeFile(path, encodeBencode({ format: "CacheTorrent resume", news: "all", version: 2 })),
      /has version 2, and only version 1 is known here/,
    ],
    ["somebody's text", (path) => writeFile(path, "remember the milk"), /is no resume file of CacheTorrent/],
    ["longer than any", (path) => truncate(path, 1e9), /is no resume file of this torrent/],
    [
      "a folder",
      async (path) => {
        await rm(path);
        await mkdir(path);
      },
      /is no resume file of this torrent/,
    ],
    [
      "a FIFO",
      async (path) => {
        await rm(path);
        execFileSync("mkfifo", [path]);
      },
      /is no resume file of this torrent/,
    ],
  ];

  it.each(cases)("%s, is named in a warning and kept, and all is checked", async (_, spoil, fault) => {
    const given = await verifiedBefore();
    const path = statePath(given);
    // What is trusted would be found whole.
    await spoilUnseen(pathIn(given, "c"));
    await spoil(path, given);
    const before = await stat(path);
    const { content, have, warnings } = await openContent(given);
    expect(have).toEqual(SPOILT_C);
    const told = (await warnings()).filter((warning) => warning.includes(path));
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(fault);
    expect((await stat(`${path}.unusable`)).ino).toBe(before.ino);
    expect(Buffer.from(await readFile(pathIn(given, "a")))).toEqual(
      Buffer.from(torrent.content.subarray(0, 70 * KIB)),
    );
    await content.close();
    const again = await openContent(given);
    expect(again.have).toEqual(SPOILT_C);
    expect(await again.warnings()).toEqual([]);
  });

  it("that cannot be written is told of once, and the download goes on", async () => {
    const { dir } = await folders();
    const inTheWay = join(await temporaryDirectory(), "file");
    await writeFile(inTheWay, "mine");
    const { content, warnings } = await openContent({ dir, stateDir: inTheWay });
    for (const piece of ALL) await content.store(piece, pieceOf(torrent, piece));
    await content.finish();
    await content.close();
    const told = (await warnings()).filter((warning) => warning.includes(inTheWay));
    expect(told.at(-1)).toMatch(/the content will be checked at the next start$/);
    expect((await openContent({ dir, stateDir: inTheWay })).have).toEqual(ALL);
  });
});
