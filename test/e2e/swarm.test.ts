import type { Asn } from "@cachetorrent/protocol";
import { type PeerRecord, receivedBytes, SwarmRun } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { AS1, AS2, makeContent, useBench } from "./support/e2e.ts";

const MiB = 1 << 20;
const AS3 = 3 as Asn;
const bench = useBench("swarm");

describe.for(["bittorrent", "biased"] as const)("a swarm over three ASes under %s", (policy) => {
  it("completes with equal content everywhere, and senders and receivers agree on every byte", async () => {
    const content = await makeContent(bench(), { bytes: 4 * MiB + 1 });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy,
      sites: [
        { asn: AS1, peers: 2, seeds: 1 },
        { asn: AS2, peers: 3 },
        { asn: AS3, peers: 2 },
      ],
      trackerArgs: ["--quorum", "7"],
      peerArgs: ["--limit-up", "2MB/s"],
    });
    await run.complete(60_000);
    const swarm = await run.tracker.swarm(run.infoHash);
    await run.stopPeers();
    await run.verifyContent();

    const records = await run.records();
    expect(records.map((record) => record.ledger.asn)).toEqual(records.map((record) => record.asn));
    expect(sentBetween(records)).toEqual(receivedBetween(records));

    const accounts = await run.accounts();
    expect(accounts.completed).toBe(7);
    expect(accounts.peers).toBe(7);
    // No AS without a seed gets by with less than one copy from outside.
    expect(Object.keys(accounts.redundancyByAs)).toEqual(["2", "3"]);
    for (const redundancy of Object.values(accounts.redundancyByAs))
      expect(redundancy).toBeGreaterThanOrEqual(1);
    expect(accounts.seedRedundancy).toBeGreaterThanOrEqual(1);
    for (const record of records.filter((one) => !one.initialSeed)) {
      expect(receivedBytes(record)).toBeGreaterThanOrEqual(4 * MiB + 1);
    }
    expect(swarm?.electorates.map((electorate) => electorate.leaders.length)).toEqual([1, 1, 1]);
  });
});

/** Bytes by "sender's AS → receiver's AS", as the senders counted them. */
function sentBetween(records: readonly PeerRecord[]): Record<string, number> {
  return sumByPair(
    records.flatMap((record) =>
      Object.entries(record.ledger.sentByAsn).map(([to, bytes]) => [`${record.asn} → ${to}`, bytes]),
    ),
  );
}

/** The same, as the receivers counted them. */
function receivedBetween(records: readonly PeerRecord[]): Record<string, number> {
  return sumByPair(
    records.flatMap((record) =>
      record.ledger.roles.flatMap((role) =>
        Object.entries(role.bytesByAsn).map(([from, bytes]): [string, number] => [
          `${from} → ${record.asn}`,
          bytes,
        ]),
      ),
    ),
  );
}

function sumByPair(entries: readonly (readonly [string, number])[]): Record<string, number> {
  const sums: Record<string, number> = {};
  for (const [pair, bytes] of entries) sums[pair] = (sums[pair] ?? 0) + bytes;
  return sums;
}
