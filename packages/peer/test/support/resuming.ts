import { execFileSync } from "node:child_process";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Clock, systemClock } from "@cachetorrent/clock";
import { expect, onTestFinished } from "vitest";
import { Content } from "../../src/disk/content.ts";
import { PieceCache } from "../../src/disk/piece-cache.ts";
import { resumePath } from "../../src/disk/resume-file.ts";
import { listeningLog } from "./samples.ts";
import { writeContent } from "./test-peer.ts";
import { type GivenTorrent, KIB, noise, temporaryDirectory, torrentOf } from "./torrents.ts";

/** a: pieces 0 to 3, and 4 in part; b: 4 in part to 9; c: 10 to 13. */
export const torrent = await torrentOf([
  { path: ["a"], content: noise(70 * KIB, 1) },
  { path: ["b"], content: noise(90 * KIB, 2) },
  { path: ["c"], content: noise(64 * KIB, 3) },
]);
/** Without the first piece of c. */
export const SPOILT_C = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 12, 13];
export const ALL = Array.from({ length: 14 }, (_, piece) => piece);

export interface Folders {
  readonly dir: string;
  readonly stateDir: string;
}

export async function folders(): Promise<Folders> {
  return { dir: await temporaryDirectory(), stateDir: await temporaryDirectory() };
}

export function partsOf({ dir, stateDir }: Folders, { metainfo } = torrent) {
  return { metainfo, dir, stateDir, cache: new PieceCache(KIB), clock: systemClock };
}

/** The content as it is found at a start, and what the log says of that. */
export async function openContent(
  folders: Folders,
  given: GivenTorrent = torrent,
  clock: Clock = systemClock,
  holdsIfGone = false,
) {
  const { log, lines } = listeningLog();
  const content = new Content({ ...partsOf(folders, given), clock, log, holdsIfGone });
  onTestFinished(() => content.close());
  await content.open();
  const told = async () => {
    const told: { level: number; msg: string }[] = [];
    while (lines.size > 0) told.push(await lines.next());
    return told;
  };
  const warnings = async () => (await told()).filter(({ level }) => level >= 40).map(({ msg }) => msg);
  return { content, have: [...content.have], told, warnings };
}

/** The whole content, verified by a run that has ended. */
export async function verifiedBefore(): Promise<Folders> {
  const given = await folders();
  await writeContent(torrent, given.dir);
  const first = await openContent(given);
  expect(first.have).toEqual(ALL);
  await first.content.close();
  return given;
}

/** Where the state of the torrent is kept. */
export function statePath({ dir, stateDir }: Folders): string {
  return resumePath(stateDir, torrent.metainfo.infoHash, dir);
}

export function pathIn({ dir }: Folders, name: string): string {
  return join(dir, "torrent", name);
}

/** Spoils the start of the file, and has it look untouched: who still trusts it has not read it. */
export async function spoilUnseen(path: string): Promise<void> {
  execFileSync("touch", ["-r", path, `${path}.time`]);
  await writeFile(path, (await readFile(path)).fill("x", 0, 100));
  execFileSync("touch", ["-r", `${path}.time`, path]);
  await rm(`${path}.time`);
}
