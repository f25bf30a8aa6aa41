import { readFile } from "node:fs/promises";
import { type Asn, CtError, type InfoHash, type PeerId, UNKNOWN_ASN } from "@cachetorrent/protocol";

/** The account a peer daemon keeps with `--ledger FILE`, as far as a testbed reads it. Times: ms since the epoch. */
export interface Ledger {
  readonly peerId: PeerId;
  readonly torrents: readonly LedgerTorrent[];
}

export interface LedgerTorrent {
  readonly infoHash: InfoHash;
  /** The AS that its tracker told the peer; 0 while unknown. */
  readonly asn: Asn;
  readonly firstAnnounceAt: number | null;
  readonly completedAt: number | null;
  readonly roles: readonly LedgerRole[];
  /** Payload bytes sent, by the receiver's AS number; "0" is unknown. */
  readonly sentByAsn: Readonly<Record<string, number>>;
  /** The pieces of which payload came from another AS: a bitfield (BEP 3) in hex. */
  readonly externalPieces: string;
}

export interface LedgerRole {
  readonly role: string;
  /** Payload bytes received, by the sender's AS number; "0" is unknown. */
  readonly bytesByAsn: Readonly<Record<string, number>>;
}

/** What `torrent` is before its peer has written anything. */
export function emptyLedger(infoHash: InfoHash): LedgerTorrent {
  return {
    infoHash,
    asn: UNKNOWN_ASN,
    firstAnnounceAt: null,
    completedAt: null,
    roles: [],
    sentByAsn: {},
    externalPieces: "",
  };
}

/**
 * Reads a ledger file; undefined while there is none. The daemon replaces the file in one step, so that a
 * reader never sees half of one.
 */
export async function readLedger(path: string): Promise<Ledger | undefined> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as Ledger;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw new CtError("CT_ERR_TESTBED", `cannot read the ledger ${path}: ${(error as Error).message}`, {
      cause: error,
    });
  }
}
