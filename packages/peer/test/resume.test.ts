import { execFileSync } from "node:child_process";
import { readdir, rename, rm, stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ManualClock, randomBelow, seededRandom, systemClock, systemRandom } from "@cachetorrent/clock";
import { LIMITS, PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { Content } from "../src/disk/content.ts";
import { FileStorage } from "../src/disk/file-storage.ts";
import { ResumeFile } from "../src/disk/resume-file.ts";
import { ResumeKeeper } from "../src/disk/resume-keeper.ts";
import { verifyOnDisk } from "../src/disk/verifier.ts";
import {
  ALL,
  folders,
  openContent,
  partsOf,
  pathIn,
  SPOILT_C,
  spoilUnseen,
  statePath,
  torrent,
  verifiedBefore,
} from "./support/resuming.ts";
import { silent } from "./support/samples.ts";
import { writeContent } from "./support/test-peer.ts";
import { KIB, noise, pieceOf, temporaryDirectory, torrentOf } from "./support/torrents.ts";

async function inodeOf(path: string): Promise<number | undefined> {
  const found = await stat(path).catch(() => undefined); // not saved yet
  return found?.ino;
}

describe("a start after a run that has ended", () => {
  it("reads nothing of what is unchanged", async () => {
    const given = await verifiedBefore();
    for (const name of ["a", "b", "c"]) await spoilUnseen(pathIn(given, name));
    expect((await openContent(given)).have).toEqual(ALL);
  });

  it("reads a file that was written to, and no other", async () => {
    const given = await verifiedBefore();
    await spoilUnseen(pathIn(given, "c"));
    await writeFile(pathIn(given, "a"), Buffer.from(torrent.content.subarray(0, 70 * KIB)).fill("x", 0, 100));
    const { have, told } = await openContent(given);
    expect(have).toEqual(ALL.slice(1));
    expect((await told()).map(({ msg }) => msg)).toContainEqual(
      "torrent: checking 5 pieces whose files were written to since they were checked last",
    );
  });

  it("notices that a file was touched, grew short, or is gone", async () => {
    const given = await verifiedBefore();
    execFileSync("touch", [pathIn(given, "a")]);
    await truncate(pathIn(given, "b"), 80 * KIB);
    await rm(pathIn(given, "c"));
    expect((await openContent(given)).have).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
  });

  it("tells of files that are gone, and says nothing of checking them", async () => {
    const given = await verifiedBefore();
    await rm(pathIn(given, "c"));
    const some = await openContent(given);
    expect((await some.told()).filter(({ level }) => level >= 30).map(({ msg }) => msg)).toEqual([
      `${given.dir}: 1 of the files of torrent are gone that were verified there; what is missing is downloaded anew`,
    ]);
    await some.content.close();
    await rm(join(given.dir, "torrent"), { recursive: true });
    const { have, warnings } = await openContent(given);
    expect(have).toEqual([]);
    expect(await warnings()).toEqual([
      `${given.dir}: all of the files of torrent are gone that were verified there; what is missing is downloaded anew`,
    ]);
  });

  it("may be held while all files are gone, as on a disk that is not mounted, and forgets nothing meanwhile", async () => {
    const given = await verifiedBefore();
    for (const name of ["a", "b", "c"]) await spoilUnseen(pathIn(given, name));
    await rename(join(given.dir, "torrent"), join(given.dir, "away"));
    await expect(openContent(given, torrent, systemClock, true)).rejects.toMatchObject({
      code: "CT_ERR_STORAGE",
      message: expect.stringContaining(`${given.dir}: all files of the torrent are gone`),
    });
    await rename(join(given.dir, "away"), join(given.dir, "torrent"));
    expect((await openContent(given, torrent, systemClock, true)).have).toEqual(ALL);
  });

  it("reads what was put into another folder, though it looks the same", async () => {
    const given = await verifiedBefore();
    const moved = { ...given, dir: await temporaryDirectory() };
    await spoilUnseen(pathIn(given, "c"));
    await rename(join(given.dir, "torrent"), join(moved.dir, "torrent"));
    expect((await openContent(given)).have).toEqual([]);
    expect((await openContent(moved)).have).toEqual(SPOILT_C);
  });

  it("reads a file that was exchanged for another of the same length", async () => {
    const given = await verifiedBefore();
    await writeFile(join(given.dir, "other"), Buffer.from(noise(64 * KIB, 3)).fill("x", 0, 100));
    await rename(join(given.dir, "other"), pathIn(given, "c"));
    expect((await openContent(given)).have).toEqual(SPOILT_C);
  });

  it("goes on with what a download had that was ended in its midst", async () => {
    const given = await folders();
    const { content } = await openContent(given);
    for (const piece of [0, 2, 11, 4]) await content.store(piece, pieceOf(torrent, piece));
    await content.close();
    for (const name of ["a", "b", "c"]) await spoilUnseen(pathIn(given, name));
    const again = await openContent(given);
    expect(again.have).toEqual([0, 2, 4, 11]);
    await again.content.store(5, pieceOf(torrent, 5));
    await again.content.close();
    expect((await openContent(given)).have).toEqual([0, 2, 4, 5, 11]);
  });

  it("has saved what was complete before it ends: it may be killed then", async () => {
    const given = await folders();
    const { content } = await openContent(given);
    for (const piece of ALL) await content.store(piece, pieceOf(torrent, piece));
    await content.finish();
    await content.saved();
    content.abandon();
    for (const name of ["a", "b", "c"]) await spoilUnseen(pathIn(given, name));
    expect((await openContent(given)).have).toEqual(ALL);
  });

  it("writes nothing when nothing has changed", async () => {
    const given = await verifiedBefore();
    const path = statePath(given);
    const before = await stat(path, { bigint: true });
    await (await openContent(given)).content.close();
    const after = await stat(path, { bigint: true });
    expect([after.ino, after.mtimeNs]).toEqual([before.ino, before.mtimeNs]);
  });

  it("keeps a state for each folder that a torrent is in, all in one folder, readable by nobody else", async () => {
    const given = await verifiedBefore();
    const other = { ...given, dir: await temporaryDirectory() };
    const { content } = await openContent(other);
    await content.store(3, pieceOf(torrent, 3));
    await content.close();
    expect((await openContent(given)).have).toEqual(ALL);
    expect((await openContent(other)).have).toEqual([3]);
    const names = await readdir(given.stateDir);
    expect(names).toHaveLength(2);
    for (const name of names) {
      expect(name).toMatch(new RegExp(`^${torrent.metainfo.infoHash}-[0-9a-f]{16}\\.resume$`));
      expect((await stat(join(given.stateDir, name))).mode & 0o777).toBe(0o600);
    }
  });
});

describe("a start after a kill", () => {
  it("or after a stop before all was read, loses nothing", async () => {
    const given = await folders();
    await writeContent(torrent, given.dir);
    const content = new Content({ ...partsOf(given), log: silent });
    const opening = content.open();
    content.abortCheck();
    await expect(opening).rejects.toThrow();
    await content.close();
    expect((await openContent(given)).have).toEqual(ALL);
  });

  it("believes nothing of a file that was written after it was saved, and finds all that is in it", async () => {
    const given = await folders();
    const { content } = await openContent(given);
    for (const piece of [10, 12]) await content.store(piece, pieceOf(torrent, piece));
    await content.saved();
    content.abandon();
    await content.store(11, pieceOf(torrent, 11));
    await content.store(0, pieceOf(torrent, 0));
    await content.store(6, pieceOf(torrent, 6));
    // The write during which the kill comes is torn.
    await writeFile(pathIn(given, "b"), noise(50 * KIB, 9));
    expect((await openContent(given)).have).toEqual([0, 10, 11, 12]);
  });

  it("believes what was saved while pieces came, of files that rest", async () => {
    const given = await folders();
    const clock = new ManualClock();
    const { content } = await openContent(given, torrent, clock);
    const path = statePath(given);
    // What the check found is saved beside what follows.
    await expect.poll(() => inodeOf(path), { timeout: 10_000 }).toBeDefined();
    for (const piece of [0, 1, 11]) await content.store(piece, pieceOf(torrent, piece));
    // Files are at rest when nobody has written to them for a while; c is in use.
    execFileSync("touch", ["-d", "1 minute ago", pathIn(given, "a")]);
    const before = await inodeOf(path);
    clock.advance(LIMITS.peer.resumeMs);
    await expect.poll(() => inodeOf(path), { timeout: 10_000 }).not.toBe(before);
    content.abandon();
    for (const name of ["a", "c"]) await spoilUnseen(pathIn(given, name));
    expect((await openContent(given)).have).toEqual([0, 1, 11]);
  });

  it("reads a file that was saved while a piece was being written, for the piece may be whole by then", async () => {
    const given = await folders();
    const storage = await FileStorage.open(torrent.metainfo, given.dir);
    onTestFinished(() => storage.close());
    const { metainfo, ...parts } = partsOf(given);
    const path = statePath(given);
    const file = new ResumeFile(path, silent);
    const keeper = new ResumeKeeper({ ...parts, metainfo, storage, file, log: silent });
    await keeper.begin();
    keeper.checked(new PieceSet(metainfo.pieceCount));
    keeper.writing(10);
    await storage.writePiece(10, pieceOf(torrent, 10));
    await keeper.save();
    keeper.abandon();
    expect((await openContent(given)).have).toEqual([10]);
  });

  it("reads a file that may have been written to once more in the tick of its stamp", async () => {
    const given = await folders();
    const { content } = await openContent(given);
    for (const piece of [10, 11]) await content.store(piece, pieceOf(torrent, piece));
    // Whenever it is saved, that is too early.
    execFileSync("touch", ["-d", "1 hour", pathIn(given, "c")]);
    await content.saved();
    content.abandon();
    await spoilUnseen(pathIn(given, "c"));
    expect((await openContent(given)).have).toEqual([11]);
  });

  it("finds exactly what is intact, whenever it came between writes and saves", async () => {
    const seed = randomBelow(systemRandom, 2 ** 32);
    const random = seededRandom(seed);
    const files = Array.from({ length: 6 }, (_, n) => ({ path: [`${n}`], content: noise(70 * KIB, n + 1) }));
    const many = await torrentOf(files);
    const given = await folders();
    for (let run = 0; run < 30; run++) {
      const { content, have } = await openContent(given, many);
      const storage = await FileStorage.open(many.metainfo, given.dir);
      const intact = await verifyOnDisk(many.metainfo, storage);
      await storage.close();
      expect(have, `run ${run}, seed ${seed}`).toEqual([...intact]);
      const missing = Array.from({ length: many.metainfo.pieceCount }, (_, piece) => piece).filter(
        (piece) => !intact.has(piece),
      );
      if (missing.length === 0) break;
      // Writes and saves at the same time; with the kill, saving ends wherever it is.
      const killedAt = 1 + randomBelow(random, 4);
      for (let step = 0; step < killedAt; step++) {
        const piece = missing[randomBelow(random, missing.length)] as number;
        const writing = content.store(piece, pieceOf(many, piece));
        if (random() < 0.5) void content.saved();
        if (random() < 0.7) await writing;
        else if (step === killedAt - 1) content.abandon();
        await writing;
        if (random() < 0.3) await content.saved();
      }
      content.abandon();
    }
  });
});
