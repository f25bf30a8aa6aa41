import { writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import { createTorrentFile } from "@cachetorrent/peer";
import type { InfoHash } from "@cachetorrent/protocol";
import type { ContentFile } from "./content.ts";

/** Content that lies ready in `parent/name`. */
export interface Content {
  readonly parent: string;
  readonly name: string;
  readonly files: readonly ContentFile[];
  readonly pieceLength: number;
}

/** Makes the torrent as `cachetorrent create` does; each tracker is a tier of its own. */
export async function createTorrent(
  content: Content,
  announceUrl: string | readonly string[],
  torrentFile: string,
): Promise<InfoHash> {
  const { bytes, metainfo } = await createTorrentFile({
    path: join(content.parent, content.name),
    trackers: [announceUrl].flat(),
    pieceLength: content.pieceLength,
  });
  await makeDirectory(dirname(torrentFile));
  await writeFile(torrentFile, bytes);
  return metainfo.infoHash;
}
