import { describe, expect, it } from "vitest";
import { Unserved } from "../src/claiming/unserved.ts";
import type { Connection } from "../src/wire/connection.ts";
import { endpoint } from "./support/samples.ts";

const MINUTE = 60_000;

/** Neighbours inside with what they hold and give, and a clock that is moved a second at a time. */
function given() {
  const holders = new Map<number, { readonly at: string; rate: number }[]>();
  const named: string[] = [];
  let now = 0;
  const unserved = new Unserved({
    downloads: {
      scarce: (most) => [...holders.keys()].filter((piece) => (holders.get(piece)?.length ?? 0) <= most),
      availability: (piece) => holders.get(piece)?.length ?? 0,
    },
    holdersOf: (piece) =>
      (holders.get(piece) ?? []).map(
        (holder) =>
          ({ endpoint: endpoint(holder.at), downRate: { rate: () => holder.rate } }) as unknown as Connection,
      ),
    didNotServe: (piece, { address }) => named.push(`${piece} ${address}`),
  });
  const pass = (ms: number, restMs = 0): number[] => {
    const asked = new Set<number>();
    for (const end = now + ms; now < end; ) {
      now += 1000;
      for (const piece of unserved.sweep(restMs, now)) asked.add(piece);
    }
    return [...asked];
  };
  return { holders, named, pass };
}

describe("a piece that few of our AS hold", () => {
  it("is asked after, its holders named, when they have given nothing for a minute", () => {
    const { holders, named, pass } = given();
    holders.set(3, [
      { at: "127.1.0.2:7002", rate: 0 },
      { at: "127.1.0.3:7003", rate: 0 },
    ]);
    expect(pass(MINUTE)).toEqual([]);
    expect(pass(2000)).toEqual([3]);
    expect(new Set(named)).toEqual(new Set(["3 127.1.0.2", "3 127.1.0.3"]));
  });

  it("is waited for as long as the rest of what we want takes", () => {
    const { holders, pass } = given();
    holders.set(3, [{ at: "127.1.0.2:7002", rate: 0 }]);
    expect(pass(3 * MINUTE, 3 * MINUTE)).toEqual([]);
    expect(pass(2000, 3 * MINUTE)).toEqual([3]);
  });

  it("is waited for as long as one of them gives us anything", () => {
    const { holders, named, pass } = given();
    holders.set(3, [
      { at: "127.1.0.2:7002", rate: 0 },
      { at: "127.1.0.3:7003", rate: 500 },
    ]);
    expect(pass(5 * MINUTE)).toEqual([]);
    expect(named).toEqual([]);
  });

  it("is waited for when it spreads", () => {
    const { holders, pass } = given();
    holders.set(3, [{ at: "127.1.0.2:7002", rate: 0 }]);
    pass(MINUTE - 1000);
    holders.get(3)?.push({ at: "127.1.0.3:7003", rate: 0 });
    expect(pass(MINUTE)).toEqual([]);
    holders.get(3)?.push({ at: "127.1.0.4:7004", rate: 0 });
    expect(pass(2 * MINUTE)).toEqual([]);
  });

  it("is forgotten when we have it", () => {
    const { holders, pass } = given();
    holders.set(3, [{ at: "127.1.0.2:7002", rate: 0 }]);
    pass(MINUTE);
    holders.delete(3);
    expect(pass(MINUTE)).toEqual([]);
  });
});
