import type { Host } from "../lab.ts";
import type { MadeTorrent } from "../torrents.ts";

/** What a client is held to by its own options. */
export interface Limits {
  /** Bytes/s. */
  readonly up?: number;
  /** No connection that is not encrypted by RC4, in and out. */
  readonly requiresEncryption?: boolean;
}

/** A client as Debian ships it, driven by nothing but its command line and settings. */
export interface StockClient {
  readonly name: string;
  /** The commands it needs installed. */
  readonly commands: readonly string[];
  /** Transmission makes no file of length zero. */
  readonly writesEmptyFiles: boolean;
  /** Seeds (the content is in place under `dir`) or downloads into `dir`. */
  start(
    host: Host,
    role: "seed" | "leecher",
    dir: string,
    torrents: readonly MadeTorrent[],
    limits?: Limits,
  ): Promise<RunningClient>;
}

export interface RunningClient {
  /** Settles when the client itself says that it has the torrent whole, on disk. */
  complete(torrent: MadeTorrent): Promise<void>;
  stop(): Promise<void>;
}
