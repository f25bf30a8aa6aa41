import { mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { createTorrentFile, type Metainfo } from "@cachetorrent/peer";
import { writeSeededContent } from "./content.ts";
import type { Scenario } from "./scenario/scenario.ts";

/** No peer ever asks it: each run's own tracker takes its place. */
const NO_TRACKER = "http://127.0.0.1:1/announce";

/** Makes the random content of a scenario, or takes the path it names, and cuts it into a torrent. */
export async function prepareContent(
  { content, name, seed }: Pick<Scenario, "content" | "name" | "seed">,
  workDir: string,
): Promise<{ readonly metainfo: Metainfo; readonly dir: string }> {
  const path = content.kind === "path" ? content.path : join(workDir, "content", `${name}.bin`);
  if (content.kind === "random") {
    await mkdir(dirname(path), { recursive: true });
    const bytes = content.pieces * content.pieceLength;
    await writeSeededContent(dirname(path), [{ path: basename(path), bytes }], seed);
  }
  const { pieceLength } = content;
  const { metainfo } = await createTorrentFile({
    path,
    trackers: [NO_TRACKER],
    ...(pieceLength === undefined ? {} : { pieceLength }),
  });
  return { metainfo, dir: dirname(path) };
}
