import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { CtError, encodeBencode, type InfoHash, LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { DownloadDirectory } from "../disk/download-directory.ts";
import { errnoOf, storageError } from "../disk/storage-error.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import { type Metainfo, parseMetainfo } from "../metainfo/metainfo.ts";
import { keptTorrentName } from "../metainfo/torrent-paths.ts";

/** A .torrent of what the link and its peers said. The info dictionary stays as it is: its bytes are what was hashed. */
export function torrentOf({ trackers, webSeeds }: Magnet, info: Uint8Array): Uint8Array {
  const key = (name: string, value: Uint8Array) => [encodeBencode(name), value];
  return Buffer.concat([
    Buffer.from("d"),
    ...(trackers.length > 0 ? key("announce-list", encodeBencode(trackers.map((tracker) => [tracker]))) : []),
    ...key("info", info),
    ...(webSeeds.length > 0 ? key("url-list", encodeBencode(webSeeds)) : []),
    Buffer.from("e"),
  ]);
}

class DamagedMetadata extends CtError {}

/**
 * The metadata of torrents that came by magnet link, kept as a hidden .torrent in the download directory: a seed that
 * starts again must not have to ask others for what they may have had from it alone.
 */
export class KeptMetadata {
  readonly #directory: DownloadDirectory;
  readonly #path: string;
  readonly #infoHash: InfoHash;
  readonly #log: Logger;

  constructor(directory: string, infoHash: InfoHash, log: Logger) {
    this.#directory = new DownloadDirectory(directory);
    this.#path = this.#directory.join([keptTorrentName(infoHash)]);
    this.#infoHash = infoHash;
    this.#log = log;
  }

  /** Undefined where there is none. Rejects with the CtError of a file that cannot be read, or is damaged. */
  async load(): Promise<Metainfo | undefined> {
    const bytes = await this.#read();
    if (!bytes) return undefined;
    const kept = await parseMetainfo(bytes, this.#path).catch((): Metainfo | undefined => undefined);
    if (kept?.infoHash === this.#infoHash) return kept;
    throw new DamagedMetadata(
      "CT_ERR_STORAGE",
      `${this.#path} is damaged: which files are the torrent's is not known until it is fetched again`,
    );
  }

  /** As `load`; one that is damaged is told of, and counts as none. */
  async loadWhole(): Promise<Metainfo | undefined> {
    try {
      return await this.load();
    } catch (error) {
      if (!(error instanceof DamagedMetadata)) throw error;
      this.#log.warn({ event: "metadata" }, `${this.#path} is damaged: the metadata is fetched again`);
      return undefined;
    }
  }

  /** Rejects with the CtError of a file that cannot be written. One that is cut off in the middle is found out by its hash. */
  async save(torrent: Uint8Array): Promise<void> {
    await this.#directory.make([]);
    const { O_CREAT, O_NOFOLLOW, O_TRUNC, O_WRONLY } = constants;
    try {
      const file = await open(this.#path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0o666);
      try {
        await file.writeFile(torrent);
      } finally {
        await file.close();
      }
    } catch (error) {
      throw storageError(error, this.#path, "cannot keep the metadata");
    }
  }

  /** Empty for what is too large to be any. */
  async #read(): Promise<Uint8Array | undefined> {
    try {
      const file = await open(this.#path, constants.O_RDONLY | constants.O_NOFOLLOW);
      try {
        const { size } = await file.stat();
        return size <= LIMITS.bencode.torrentBytes ? await file.readFile() : new Uint8Array();
      } finally {
        await file.close();
      }
    } catch (error) {
      if (errnoOf(error) === "ENOENT") return undefined;
      throw storageError(error, this.#path, "cannot read the metadata that was kept");
    }
  }
}
