import { cp } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { changeTorrent, describeTorrent, type MadeTorrent } from "./torrents.ts";

const PACKAGE = path.dirname(fileURLToPath(import.meta.resolve("webtorrent-fixtures")));

/** The torrents of `webtorrent-fixtures` whose content comes along. */
export const FIXTURES = ["leaves", "alice", "numbers", "folder"] as const;

/** Copies a fixture's content under `dir` and writes its torrent there, with our tracker in it. */
export async function fixtureTorrent(
  fixture: (typeof FIXTURES)[number],
  dir: string,
  tracker: string,
): Promise<MadeTorrent> {
  const file = path.join(dir, `${fixture}.torrent`);
  await changeTorrent(path.join(PACKAGE, "fixtures", `${fixture}.torrent`), { announce: tracker }, file);
  const torrent = await describeTorrent(file, dir);
  await cp(path.join(PACKAGE, "fixtures", torrent.name), path.join(dir, torrent.name), { recursive: true });
  return torrent;
}
