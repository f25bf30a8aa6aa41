import type { PeerRecord } from "../accounts.ts";
import type { CellResult } from "../report/results.ts";

/**
 * What the stock clients of each of these ASes got from our peers of other ASes, by both sides' ledgers: what went into the AS,
 * less what our own there received. What they got from stock clients elsewhere no ledger has.
 */
export function stockCrossings(
  asns: readonly number[],
  peers: readonly PeerRecord[],
): NonNullable<CellResult["stockCrossings"]> {
  const others = [...new Set(peers.map((peer) => Number(peer.asn)))];
  return asns.map((asn) => {
    const bytes = others
      .filter((from) => from !== asn)
      .map((from) => Math.max(0, sentTo(asn, peers, from) - receivedFrom(from, peers, asn)));
    return { asn, bytes: sum(bytes) };
  });
}

function sentTo(asn: number, peers: readonly PeerRecord[], from: number): number {
  return sum(peers.filter((peer) => peer.asn === from).map(({ ledger }) => ledger.sentByAsn[asn] ?? 0));
}

function receivedFrom(from: number, peers: readonly PeerRecord[], asn: number): number {
  const ours = peers.filter((peer) => peer.asn === asn);
  return sum(ours.flatMap(({ ledger }) => ledger.roles.map((role) => role.bytesByAsn[from] ?? 0)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
