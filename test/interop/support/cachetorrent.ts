import path from "node:path";
import {
  describeExit,
  type LedgerTorrent,
  type PeerProcess,
  startPeerProcess,
  startTrackerProcess,
  type TrackerProcess,
} from "@cachetorrent/testbed";
import type { Place } from "./place.ts";
import type { MadeTorrent } from "./torrents.ts";

const EXIT_ON_SIGTERM = 143;
/** For what should take seconds: a ceiling, not an expectation. */
export const CEILING_MS = 90_000;

/** Starts our tracker on a free port. `address` is of either family, without brackets. */
export function startTracker(
  place: Place,
  address: string,
  args: readonly string[] = [],
): Promise<TrackerProcess> {
  const listen = `${bracketed(address)}:0`;
  return startTrackerProcess(place.launcher, { listen, ases: [], args });
}

/** Plain BitTorrent, for a tracker whose policy is not the matter. */
export const PLAIN = ["--policy", "bittorrent"] as const;

/** Options of `--as-prefix`, from `CIDR=ASN` values. */
export function asPrefixOptions(prefixes: readonly string[]): string[] {
  return prefixes.flatMap((prefix) => ["--as-prefix", prefix]);
}

/** Starts one peer of ours for all the torrents, on a free port unless one is given; resolves when it listens. */
export function startPeer(
  place: Place,
  address: string,
  torrents: readonly MadeTorrent[],
  dir: string,
  args: readonly string[] = [],
  port = 0,
): Promise<PeerProcess> {
  return startPeerProcess(place.launcher, {
    name: `peer on ${place.name}`,
    torrentFiles: torrents.map((torrent) => torrent.file),
    dir,
    listen: `${bracketed(address)}:${port}`,
    ledgerFile: path.join(place.dir, "ledger.json"),
    args: ["--log-level", "warn", ...args],
  });
}

/** Settles when the peer says that it has the torrent whole. */
export function complete(peer: PeerProcess, torrent: MadeTorrent): Promise<void> {
  return peer.complete({ infoHash: torrent.infoHash, timeoutMs: CEILING_MS });
}

/** Ends the peer as a user would. Its ledger is final then, unless it ended in some other way before: that is thrown. */
export async function stopPeer({ daemon }: PeerProcess): Promise<void> {
  const exit = await daemon.stop();
  if (exit.code !== EXIT_ON_SIGTERM) throw daemon.failure(`${describeExit(exit)} instead of a clean stop`);
}

/** Payload bytes received, by the sender's AS, over all roles. */
export function receivedByAsn(account: LedgerTorrent): Map<number, number> {
  const sums = new Map<number, number>();
  for (const { bytesByAsn } of account.roles) {
    for (const [asn, bytes] of Object.entries(bytesByAsn)) {
      sums.set(Number(asn), (sums.get(Number(asn)) ?? 0) + bytes);
    }
  }
  return sums;
}

function bracketed(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
