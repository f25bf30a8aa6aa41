import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { type Asn, type InfoHash, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { type PeerRecord, receivedBytes } from "../accounts.ts";
import { borderLines } from "../compose/border-series.ts";
import { readLedger } from "../ledger.ts";

/** What the border of an AS counted since it began: bytes of whole frames, so headers and all other messages too. */
export interface WatchedBorder {
  readonly asn: Asn;
  /** When it counted last, ms since 1970. */
  readonly at: number;
  readonly inBytes: number;
  readonly outBytes: number;
}

/** Peers that run somewhere else, by what they write down. */
export interface WatchedSwarm {
  readonly peers: readonly PeerRecord[];
  readonly borders: readonly WatchedBorder[];
}

const LEDGER = /^[^.].*\.json$/;
const BORDER = /^border-(\d+)\.jsonl$/;

/**
 * Reads the folder in which peers keep their ledgers (`*.json`, see `peer --ledger`), and the one in which borders keep their
 * counters (`border-ASN.jsonl`): the same unless given.
 * Ledgers without the torrent are passed over. Throws CT_ERR_TESTBED for a file that is no ledger, and what the file system throws.
 */
export async function readWatchedSwarm(
  dir: string,
  infoHash: InfoHash,
  countersDir: string = dir,
): Promise<WatchedSwarm> {
  const names = (await readdir(dir)).sort();
  const ledgers = await Promise.all(
    names.filter((name) => LEDGER.test(name)).map((name) => readLedger(join(dir, name))),
  );
  const borders = await Promise.all(
    (await readdir(countersDir)).sort().flatMap((name) => {
      const asn = BORDER.exec(name)?.[1];
      return asn === undefined ? [] : [readCounters(join(countersDir, name), Number(asn) as Asn)];
    }),
  );
  return {
    peers: ledgers.flatMap((ledger) => {
      const torrent = ledger?.torrents.find((one) => one.infoHash === infoHash);
      return torrent ? [recordOf(torrent)] : [];
    }),
    borders: borders.filter((one) => one !== undefined),
  };
}

/** Of all content that peers are to get, how much has come: 0 to 1. Blocks that came twice count once more. */
export function fractionHere({ peers }: WatchedSwarm, count: number, contentBytes: number): number {
  const got = peers.filter((peer) => !peer.initialSeed);
  const here = got.map((peer) =>
    peer.ledger.completedAt === null ? Math.min(receivedBytes(peer), contentBytes) : contentBytes,
  );
  return here.reduce((sum, bytes) => sum + bytes, 0) / Math.max(1, count * contentBytes);
}

/** Those that began with nothing and hold everything, verified. */
export function completeOf({ peers }: WatchedSwarm): number {
  return peers.filter((peer) => !peer.initialSeed && peer.ledger.completedAt !== null).length;
}

/** Have all borders counted since the last peer was complete? */
export function isCounted({ borders, peers }: WatchedSwarm): boolean {
  const last = Math.max(0, ...peers.map((peer) => peer.ledger.completedAt ?? 0));
  return borders.every(({ at }) => at >= last);
}

/** Who was complete before its tracker had answered, and got nothing from anybody, came with everything. */
function recordOf(ledger: PeerRecord["ledger"]): PeerRecord {
  const { asn, completedAt, firstAnnounceAt } = ledger;
  const record = { asn: asn ?? UNKNOWN_ASN, initialSeed: false, ledger };
  const cameWithIt = completedAt !== null && completedAt <= (firstAnnounceAt ?? completedAt);
  return { ...record, initialSeed: cameWithIt && receivedBytes(record) === 0 };
}

/** The last whole line; a border appends one each second, and may be at it. */
async function readCounters(file: string, asn: Asn): Promise<WatchedBorder | undefined> {
  const last = borderLines(await readFile(file, "utf8")).at(-1);
  return last && { asn, at: last.t, inBytes: last.in, outBytes: last.out };
}
