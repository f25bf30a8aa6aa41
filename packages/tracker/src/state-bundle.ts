import { open } from "node:fs/promises";
import { replaceFile } from "@cachetorrent/files";
import { CtError, type InfoHash, isInfoHash } from "@cachetorrent/protocol";

/** The states of many swarms in one file, by info-hash; undefined: there is no state of the swarm any more. */
export type StateBundle = Map<InfoHash, string | undefined>;

const LINES_A_WRITE = 1000;

/** A line a swarm: its info-hash, a space, its state as a swarm's own file has it. */
export async function writeBundle(file: string, bundle: StateBundle): Promise<void> {
  await replaceFile(file, parts(bundle));
}

/**
 * Empty if there is no such file.
 * @throws CtError CT_ERR_STATE, naming the file and line.
 */
export async function readBundle(file: string): Promise<StateBundle> {
  const bundle: StateBundle = new Map();
  let handle: Awaited<ReturnType<typeof open>>;
  try {
    handle = await open(file, "r");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return bundle;
    throw error;
  }
  for await (const line of handle.readLines()) {
    const infoHash = line.slice(0, 40);
    if (!isInfoHash(infoHash) || line[40] !== " ") {
      throw new CtError(
        "CT_ERR_STATE",
        `state: ${file}:${bundle.size + 1} cannot be used: no info-hash and state; move it away to start without it`,
      );
    }
    bundle.set(infoHash, line.slice(41) || undefined);
  }
  return bundle;
}

function* parts(bundle: StateBundle): Iterable<string> {
  let lines: string[] = [];
  for (const [infoHash, text = ""] of bundle) {
    lines.push(`${infoHash} ${text}\n`);
    if (lines.length < LINES_A_WRITE) continue;
    yield lines.join("");
    lines = [];
  }
  yield lines.join("");
}
