import { readFile } from "node:fs/promises";
import type { LedgerAccounts, TorrentAccounts } from "@cachetorrent/peer";
import { CtError, type InfoHash, UNKNOWN_ASN } from "@cachetorrent/protocol";

/** What a torrent's accounts are before its peer has written anything. */
export function emptyAccounts(infoHash: InfoHash): TorrentAccounts {
  return {
    infoHash,
    asn: UNKNOWN_ASN,
    startedAt: 0,
    firstAnnounceAt: null,
    completedAt: null,
    roles: [],
    sentByAsn: {},
    escapes: 0,
    webSeedBytes: 0,
    externalPieces: "",
  };
}

/**
 * Reads what a peer daemon wrote with `--ledger FILE`; undefined while there is nothing. The daemon replaces the file in
 * one step, so that a reader never sees half of one. Throws CT_ERR_TESTBED for a file that is no ledger.
 */
export async function readLedger(path: string): Promise<LedgerAccounts | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as LedgerAccounts;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CtError("CT_ERR_TESTBED", `cannot read the ledger ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
