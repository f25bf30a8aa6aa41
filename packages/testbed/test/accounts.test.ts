import type { Asn, InfoHash } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { accountsOf, type PeerRecord } from "../src/accounts.ts";
import { emptyAccounts } from "../src/ledger.ts";
import { percentile } from "../src/percentile.ts";

/** Ten pieces of 100 bytes, the last of 50. */
const CONTENT = { bytes: 950, pieceLength: 100 };
const ALL = "ffc0";
const SPAN = { role: "independent", from: 0, to: null, bytesByAsn: {}, piecesByAsn: {} };
const HASH = "00".repeat(20) as InfoHash;

interface Said {
  readonly bytes?: Record<string, number>;
  /** Those of which bytes came from another AS, as a bitfield in hex. */
  readonly crossed?: string;
  readonly from?: number | null;
  readonly to?: number | null;
}

function peer(asn: number, said: Said, initialSeed = false): PeerRecord {
  const ledger = {
    ...emptyAccounts(HASH),
    firstAnnounceAt: said.from ?? null,
    completedAt: said.to ?? null,
    roles: [{ ...SPAN, bytesByAsn: said.bytes ?? {} }],
    externalPieces: said.crossed ?? "",
  };
  return { asn: asn as Asn, initialSeed, ledger };
}

function seed(asn: number, said: Said = {}): PeerRecord {
  return peer(asn, { from: 0, to: 0, ...said }, true);
}

describe("the accounts of a run", () => {
  it("count the bytes that crossed into each AS and divide them by the content's size", () => {
    const accounts = accountsOf(
      [
        seed(1),
        peer(1, { bytes: { 1: 800, 2: 150 }, crossed: "c000", from: 1000, to: 2000 }),
        peer(2, { bytes: { 1: 950 }, crossed: ALL, from: 1000, to: 3000 }),
        peer(2, { bytes: { 1: 475, 2: 475 }, crossed: "f800", from: 1000, to: 5000 }),
        peer(3, { bytes: { 1: 950 }, crossed: ALL, from: 1000, to: 4000 }),
        peer(3, { bytes: { 3: 950 }, from: 1000, to: 6000 }),
      ],
      CONTENT,
    );
    // AS 2: (950 + 475) / 950; AS 3: 950 / 950; AS 1 holds the seed and is not measured.
    expect(accounts.redundancyByAs).toEqual({ 2: 1.5, 3: 1 });
    expect(accounts.redundancy).toBe(1.25);
    expect(accounts.redundancyMax).toBe(1.5);
    expect(accounts.externalBytes).toBe(150 + 950 + 475 + 950);
    // Pieces that crossed at all: two of AS 1 (200 bytes), all ten of AS 2 and of AS 3 (950 each).
    expect(accounts.seedRedundancy).toBe(2525 / (200 + 950 + 950));
    // Five leechers took 1, 2, 3, 4 and 5 s.
    expect(accounts.p50Ms).toBe(3000);
    expect(accounts.p90Ms).toBe(5000);
    expect(accounts.maxMs).toBe(5000);
    expect(accounts.peers).toBe(6);
    expect(accounts.completed).toBe(6);
  });

  it("count the last piece with its own length", () => {
    const accounts = accountsOf(
      [seed(1), peer(2, { bytes: { 1: 100 }, crossed: "0040", from: 0, to: null })],
      CONTENT,
    );
    expect(accounts.seedRedundancy).toBe(100 / 50);
  });

  it("sum over all roles a peer had", () => {
    const twice = peer(2, { crossed: "f800", from: 0, to: 10 });
    const role = { ...SPAN, role: "leader", bytesByAsn: { 1: 475 } };
    const roles = [role, { ...role, role: "follower" }];
    const accounts = accountsOf([seed(1), { ...twice, ledger: { ...twice.ledger, roles } }], CONTENT);
    expect(accounts.externalBytes).toBe(950);
    expect(accounts.redundancy).toBe(1);
    expect(accounts.seedRedundancy).toBe(950 / 500);
  });

  it("leave out an AS where nobody is complete, but not the bytes it took", () => {
    const accounts = accountsOf(
      [
        seed(1),
        peer(2, { bytes: { 1: 950 }, crossed: ALL, from: 0, to: 7 }),
        peer(3, { bytes: { 1: 300 }, crossed: "e000", from: 0 }),
      ],
      CONTENT,
    );
    expect(accounts.redundancyByAs).toEqual({ 2: 1 });
    expect(accounts.externalBytes).toBe(1250);
    expect(accounts.peers).toBe(3);
    expect(accounts.completed).toBe(2);
  });

  it("leave out every AS that held an initial seed, also when others in it were leechers", () => {
    const accounts = accountsOf([seed(1), seed(2), peer(2, { bytes: { 1: 950 }, from: 0, to: 7 })], CONTENT);
    expect(accounts.redundancyByAs).toEqual({});
    expect(accounts.redundancy).toBeNull();
  });

  it("have no figures where nobody is complete", () => {
    const accounts = accountsOf([peer(2, {}), peer(3, { from: 5 })], CONTENT);
    expect(accounts).toEqual({
      redundancy: null,
      redundancyMax: null,
      seedRedundancy: null,
      redundancyByAs: {},
      externalBytes: 0,
      p50Ms: null,
      p90Ms: null,
      maxMs: null,
      peers: 2,
      completed: 0,
    });
  });

  it("of one leecher have its time as every percentile", () => {
    const accounts = accountsOf(
      [seed(1), peer(2, { bytes: { 1: 950 }, crossed: ALL, from: 100, to: 350 })],
      CONTENT,
    );
    expect([accounts.p50Ms, accounts.p90Ms, accounts.maxMs]).toEqual([250, 250, 250]);
    expect([accounts.redundancy, accounts.redundancyMax, accounts.seedRedundancy]).toEqual([1, 1, 1]);
  });

  it("take no time from a seed, and none below zero", () => {
    const accounts = accountsOf([seed(1, { from: 0, to: 99_999 }), peer(2, { from: 500, to: 400 })], CONTENT);
    expect(accounts.maxMs).toBe(0);
  });

  it("hold an unknown AS for external to everybody, other unknown peers included", () => {
    const accounts = accountsOf(
      [
        seed(1),
        peer(0, { bytes: { 0: 950 }, crossed: ALL, from: 0, to: 10 }),
        peer(0, { bytes: { 1: 950 }, crossed: ALL, from: 0, to: 10 }),
        peer(2, { bytes: { 0: 475, 2: 475 }, crossed: "f800", from: 0, to: 10 }),
      ],
      CONTENT,
    );
    expect(accounts.externalBytes).toBe(950 + 950 + 475);
    // The unknown are no AS: only AS 2 is measured, and each unknown peer is a site of its own.
    expect(accounts.redundancyByAs).toEqual({ 2: 0.5 });
    expect(accounts.seedRedundancy).toBe((950 + 950 + 475) / (950 + 950 + 500));
  });
});

describe("percentiles by nearest rank", () => {
  it("are values that occur", () => {
    const values = [15, 20, 35, 40, 50];
    expect([5, 30, 40, 50, 90, 100].map((p) => percentile(values, p))).toEqual([15, 20, 20, 35, 50, 50]);
    expect(percentile([3, 1, 2], 50)).toBe(2);
  });

  it("of an even count take the lower middle", () => {
    expect(percentile([1, 2, 3, 4], 50)).toBe(2);
  });

  it("of nothing are null", () => {
    expect(percentile([], 50)).toBeNull();
  });
});
