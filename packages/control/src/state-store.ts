import { readdir, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { makePrivateDirectory, syncDirectory } from "@cachetorrent/files";
import { errnoOf, parseSchedule, refuseForeign, storageError } from "@cachetorrent/peer";
import { CtError, type InfoHash, isInfoHash, LIMITS } from "@cachetorrent/protocol";
import { Value } from "typebox/value";
import { areInfoHashes, type SavedState, SavedStateSchema } from "./saved-state.ts";
import { readSmallFile, writeSmallFile } from "./small-file.ts";

const EMPTY: SavedState = { version: 1, limits: {}, torrents: [] };

/**
 * What a daemon remembers of its torrents, in its state folder: `torrents.json`, a list that is replaced whole, and for each torrent that came
 * as one its .torrent.
 */
export class StateStore {
  readonly #list: string;
  readonly #folder: string;

  private constructor(stateDir: string) {
    this.#list = join(stateDir, "torrents.json");
    this.#folder = join(stateDir, "torrents");
  }

  /** Rejects with CT_ERR_STATE for a list that is none of ours: to begin without it would be to lose it. */
  static async open(stateDir: string): Promise<{ readonly store: StateStore; readonly saved: SavedState }> {
    const store = new StateStore(stateDir);
    try {
      await makePrivateDirectory(store.#folder);
      await refuseForeign(store.#folder, 0o022);
    } catch (error) {
      throw storageError(error, store.#folder, "cannot make the folder");
    }
    const bytes = await readSmallFile(store.#list, LIMITS.control.stateBytes);
    return { store, saved: bytes === undefined ? EMPTY : parse(bytes.toString("utf8"), store.#list) };
  }

  /** Rejects with CT_ERR_STATE for what could not be read again, and leaves the list as it is. */
  async save(state: SavedState): Promise<void> {
    const bytes = Buffer.from(`${JSON.stringify(state)}\n`);
    if (bytes.length > LIMITS.control.stateBytes)
      throw new CtError(
        "CT_ERR_STATE",
        `${this.#list} would have over ${LIMITS.control.stateBytes} bytes: there are too many torrents, or too long links and patterns`,
      );
    await writeSmallFile(this.#list, bytes);
  }

  async saveTorrent(infoHash: InfoHash, bytes: Uint8Array): Promise<void> {
    await writeSmallFile(this.pathOf(infoHash), bytes);
  }

  pathOf(infoHash: InfoHash): string {
    return join(this.#folder, `${infoHash}.torrent`);
  }

  /** Undefined where it is gone. */
  async loadTorrent(infoHash: InfoHash): Promise<Uint8Array | undefined> {
    return readSmallFile(this.pathOf(infoHash), LIMITS.bencode.torrentBytes);
  }

  async removeTorrent(infoHash: InfoHash): Promise<void> {
    await rm(this.pathOf(infoHash), { force: true });
  }

  /** A daemon that was killed leaves some: of torrents that it had not listed yet, or did not list any more. */
  async removeUnlisted(listed: ReadonlySet<string>): Promise<void> {
    for (const name of await readdir(this.#folder)) {
      const infoHash = basename(basename(name, ".tmp"), ".torrent");
      if (isInfoHash(infoHash) && !listed.has(infoHash)) await rm(join(this.#folder, name), { force: true });
    }
    await syncDirectory(this.#folder).catch((error: unknown) => {
      if (errnoOf(error) === undefined) throw error;
    });
  }
}

function parse(text: string, path: string): SavedState {
  let state: unknown;
  try {
    state = JSON.parse(text);
  } catch (error) {
    throw damaged(path, (error as Error).message);
  }
  if (Value.Check(SavedStateSchema, state) && areInfoHashes(state)) {
    const schedule = parseSchedule(state.schedule ?? []);
    if (!schedule.ok) throw damaged(path, `/schedule ${schedule.error.message}`);
    return state;
  }
  const [fault] = Value.Errors(SavedStateSchema, state);
  throw damaged(path, fault ? `${fault.instancePath || "/"} ${fault.message}` : "an info-hash is none");
}

function damaged(path: string, fault: string): CtError {
  return new CtError(
    "CT_ERR_STATE",
    `state: ${path} cannot be used: ${fault}; move it away to start without its torrents`,
  );
}
