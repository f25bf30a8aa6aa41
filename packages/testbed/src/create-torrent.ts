import { mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import type { ContentFile } from "./content.ts";
import { type Launcher, runCommand } from "./launcher.ts";

/** Content that lies ready in `parent/name`. */
export interface Content {
  readonly parent: string;
  readonly name: string;
  readonly files: readonly ContentFile[];
  readonly pieceLength: number;
}

/** Makes the torrent with the command a user would take; each tracker is a tier of its own. */
export async function createTorrent(
  launcher: Launcher,
  content: Content,
  announceUrl: string | readonly string[],
  torrentFile: string,
): Promise<InfoHash> {
  await mkdir(dirname(torrentFile), { recursive: true });
  const command = await runCommand(launcher, `create ${content.name}`, [
    "create",
    join(content.parent, content.name),
    ...[announceUrl].flat().flatMap((url) => ["--tracker", url]),
    ...["-o", torrentFile],
    ...["--piece-length", String(content.pieceLength)],
  ]);
  const infoHash = command.lines.map((line) => /\b[0-9a-f]{40}\b/.exec(line.text)?.[0]).find(Boolean);
  if (infoHash === undefined) throw command.failure("told no info-hash");
  return infoHash as InfoHash;
}
