/** The parts of parse-torrent 11 and create-torrent 6 that we use; the packages ship no types of their own. */
declare module "parse-torrent" {
  export interface ParsedTorrent {
    readonly pieceLength: number;
    readonly length: number;
    readonly files: readonly { readonly length: number; readonly offset: number }[];
    readonly private?: boolean;
    readonly comment?: string;
    readonly createdBy?: string;
    /** An Invalid Date where the torrent's number is beyond all dates. */
    readonly created?: Date;
  }
  export default function parseTorrent(torrent: Uint8Array): Promise<ParsedTorrent>;
}

declare module "create-torrent" {
  import type { Readable } from "node:stream";

  export interface CreateTorrentOptions {
    readonly name: string;
    readonly pieceLength: number;
    /** Without it the library adds public trackers of its own choice. */
    readonly announceList: readonly (readonly string[])[];
    /** Web seeds (BEP 19). */
    readonly urlList?: readonly string[];
    readonly filterJunkFiles: boolean;
    readonly private?: boolean;
    readonly comment?: string;
    readonly createdBy?: string;
    readonly creationDate?: Date;
    readonly onProgress?: (hashedBytes: number) => void;
  }
  export default function createTorrent(
    files: readonly Readable[],
    options: CreateTorrentOptions,
    done: (error: Error | null, torrent: Uint8Array) => void,
  ): void;
}
