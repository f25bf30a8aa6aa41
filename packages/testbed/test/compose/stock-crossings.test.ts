import type { Asn } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import type { PeerRecord } from "../../src/accounts.ts";
import { stockCrossings } from "../../src/compose/stock-crossings.ts";
import { ledgerOf, span } from "./ledgers.ts";

function peer(asn: number, received: Record<string, number>, sentByAsn: Record<string, number>): PeerRecord {
  const ledger = ledgerOf("aa", asn, { roles: [span("member", received)], sentByAsn });
  return { asn: asn as Asn, initialSeed: false, ledger };
}

test("what went into an AS and our peers there did not get, its stock clients got", () => {
  const peers = [
    peer(1, {}, { 2: 1000, 3: 50 }),
    peer(3, { 1: 50 }, { 2: 300 }),
    // 600 of the 1000, and all of the 300. What it got within its AS is no crossing.
    peer(2, { 1: 600, 2: 5000, 3: 300 }, { 2: 7000, 1: 10 }),
  ];
  expect(stockCrossings([2, 3], peers)).toEqual([
    { asn: 2, bytes: 400 },
    { asn: 3, bytes: 0 },
  ]);
});

test("what our peers got of stock clients elsewhere does not count against those of their own AS", () => {
  const peers = [peer(1, {}, { 2: 500 }), peer(2, { 1: 100, 3: 900 }, {})];
  expect(stockCrossings([2], peers)).toEqual([{ asn: 2, bytes: 400 }]);
});
