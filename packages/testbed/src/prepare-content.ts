import { basename, dirname, join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import { createTorrentFile, type Metainfo } from "@cachetorrent/peer";
import { writeSeededContent } from "./content.ts";
import type { Scenario } from "./scenario/scenario.ts";

export interface PreparedContent {
  readonly metainfo: Metainfo;
  /** The .torrent file. */
  readonly torrent: Uint8Array;
  /** The folder the content is in. */
  readonly dir: string;
}

/** Makes the random content of a scenario, or takes the path it names, and cuts it into a torrent. */
export async function prepareContent(
  { content, name, seed }: Pick<Scenario, "content" | "name" | "seed">,
  workDir: string,
  announceUrl: string,
): Promise<PreparedContent> {
  const path = content.kind === "path" ? content.path : join(workDir, "content", `${name}.bin`);
  if (content.kind === "random") {
    await makeDirectory(dirname(path));
    const bytes = content.pieces * content.pieceLength;
    await writeSeededContent(dirname(path), [{ path: basename(path), bytes }], seed);
  }
  const { pieceLength } = content;
  const { bytes, metainfo } = await createTorrentFile({
    path,
    trackers: [announceUrl],
    ...(pieceLength === undefined ? {} : { pieceLength }),
  });
  return { metainfo, torrent: bytes, dir: dirname(path) };
}
