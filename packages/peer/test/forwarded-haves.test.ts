import { seededRandom } from "@cachetorrent/clock";
import { PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { CacheDownload } from "../src/exchange/cache-download.ts";
import { CachePicker } from "../src/exchange/cache-picker.ts";
import { piecesOf } from "../src/indirect/pieces-of.ts";
import type { Connection } from "../src/wire/connection.ts";

const PIECES = 20;

/** As much of a connection as forwarded Haves touch. */
function aLeader() {
  const leader = {
    theirs: new PieceSet(PIECES),
    forwarded: undefined as PieceSet | undefined,
    wantedIndirectly: 0,
    wanted: 0,
    isOpen: true,
    isShownInterest: false,
    get isInteresting() {
      return leader.wanted > 0 || leader.wantedIndirectly > 0;
    },
    showInterest(interested: boolean) {
      leader.isShownInterest = interested;
    },
  };
  return leader;
}

function given() {
  const have = new PieceSet(PIECES);
  const picker = new CachePicker(PIECES, seededRandom(1));
  return { have, picker, download: new CacheDownload(have, picker) };
}

const as = (leader: ReturnType<typeof aLeader>) => leader as unknown as Connection;

describe("a forwarded Have", () => {
  it("counts as one copy for each leader that forwards it, and once however often it is told", () => {
    const { download, picker } = given();
    const [one, two] = [aLeader(), aLeader()];
    expect(download.forwarded(as(one), [3, 4])).toBe(true);
    expect(download.forwarded(as(one), [3])).toBe(false);
    expect(download.forwarded(as(two), [3])).toBe(true);
    expect([3, 4, 5].map((piece) => picker.availability(piece))).toEqual([2, 1, 0]);
  });

  it("makes the leader interesting until we hold the piece", () => {
    const { download, have } = given();
    const leader = aLeader();
    download.forwarded(as(leader), [3]);
    expect(leader.isShownInterest).toBe(true);
    have.add(3);
    download.held(as(leader), 3);
    expect(leader.isInteresting).toBe(false);
  });

  it("of a piece that we hold interests nobody", () => {
    const { download, have } = given();
    const leader = aLeader();
    have.add(3);
    download.forwarded(as(leader), [3]);
    expect(leader.isShownInterest).toBe(false);
  });

  it("gives way to a plain have of the leader", () => {
    const { download, picker } = given();
    const leader = aLeader();
    download.forwarded(as(leader), [3]);
    leader.theirs.add(3);
    picker.gained(3);
    download.announced(as(leader), 3);
    expect(picker.availability(3)).toBe(1);
    expect(leader.wantedIndirectly).toBe(0);
    expect(download.forwarded(as(leader), [3])).toBe(false);
    expect(picker.availability(3)).toBe(1);
  });

  it("is void when the leader leads no more", () => {
    const { download, have, picker } = given();
    const leader = aLeader();
    download.forwarded(as(leader), [3, 4]);
    have.add(4);
    download.held(as(leader), 4);
    download.ended(as(leader));
    download.ended(as(leader));
    expect([3, 4].map((piece) => picker.availability(piece))).toEqual([0, 0]);
    expect(leader.isShownInterest).toBe(false);
  });
});

describe("the pieces of a forward", () => {
  it("are those of the list, or of the bits from where they begin", () => {
    expect([...piecesOf({ m: "fwd_have", pieces: [3, 1], term: 0 })]).toEqual([3, 1]);
    const bits = Uint8Array.of(0b1000_0001, 0b0100_0000);
    expect([...piecesOf({ m: "fwd_bitfield", bits, from: 16, term: 0 })]).toEqual([16, 23, 25]);
    expect([...piecesOf({ m: "fwd_bitfield", bits: new Uint8Array(0), from: 0, term: 0 })]).toEqual([]);
  });
});
