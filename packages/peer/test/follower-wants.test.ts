import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following, PIECE } from "./support/following.ts";
import type { RawLeader } from "./support/raw-leader.ts";

const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const sorted = (numbers: readonly number[]) => [...numbers].sort((a, b) => a - b);

/** A follower for which every leader has started as many destinations as there are leaders, at least one each. */
async function begun(leaders: number, outside = 8): Promise<Following> {
  const given = await Following.begin({
    outside,
    leaders: Array.from({ length: leaders }, () => "starts" as const),
  });
  await given.until("every leader has started something", () =>
    given.leaders.every((leader) => leader.asked.length > 0),
  );
  await given.pass(300);
  return given;
}

describe("a follower whose leader forwards Haves", () => {
  it("is interested in it, asks for no forwarded piece, and wants it", async () => {
    const given = await begun(1);
    const { leader } = given;
    leader.raw.wire.unchoke();
    leader.tell({ m: "fwd_have", pieces: [3, 7] });
    await given.until("it wants them", () => leader.wanted.length === 2);
    expect(sorted(leader.wanted)).toEqual([3, 7]);
    expect(leader.raw.count("interested")).toBe(1);
    await given.pass(2000);
    expect(leader.raw.count("request")).toBe(0);
  });

  it("asks for the piece when the leader says that it has it, and for the next ones in its place", async () => {
    const given = await begun(1);
    const { leader } = given;
    given.serve(leader.raw);
    leader.tell({ m: "fwd_bitfield", bits: Uint8Array.of(0xff, 0xff), from: 8 });
    await given.until("it wants ten", () => leader.wanted.length === LIMITS.cache.wantsPerLeader);
    const [first = 0] = leader.wanted;
    leader.raw.wire.have(first);
    await given.until("it has got the piece", () => given.peer.receivedBytes === PIECE);
    expect(leader.raw.messages.filter(([name]) => name === "request").map(([, piece]) => piece)).toEqual([
      first,
    ]);
    await given.until("it wants one more", () => leader.wanted.length === 11);
    await given.pass(5000);
    expect(leader.wanted).toHaveLength(11);
    expect(new Set(leader.wanted).size).toBe(11);
    for (const piece of leader.wanted) expect(range(8, 24)).toContain(piece);
  });

  it("wants the rarest first: a piece that fewer leaders forward", async () => {
    const given = await begun(2);
    const [a, b] = given.leaders as [RawLeader, RawLeader];
    b.tell({ m: "fwd_have", pieces: range(0, 10) });
    await given.until("it wants them of one", () => b.wanted.length === 10);
    a.tell({ m: "fwd_have", pieces: range(0, 20) });
    await given.until("it wants others of the other one", () => a.wanted.length === 10);
    expect(sorted(a.wanted)).toEqual(range(10, 20));
  });

  it("wants nothing that somebody inside holds", async () => {
    const given = await begun(1);
    const inside = await given.join("127.1.0.9", 1);
    for (const piece of range(0, 5)) inside.wire.have(piece);
    await given.until("it is interested there", () => inside.count("interested") > 0);
    given.leader.tell({ m: "fwd_have", pieces: range(0, 8) });
    await given.until("it wants the others", () => given.leader.wanted.length === 3);
    expect(sorted(given.leader.wanted)).toEqual([5, 6, 7]);
    await given.pass(2000);
    expect(given.leader.wanted).toHaveLength(3);
  });

  it("moves a want that was not served for 30 s to another leader, and no earlier", async () => {
    const given = await begun(2);
    const [a, b] = given.leaders as [RawLeader, RawLeader];
    a.tell({ m: "fwd_have", pieces: [4] });
    await given.until("it wants the piece", () => a.wanted.length === 1);
    b.tell({ m: "fwd_have", pieces: [4] });
    await given.pass(29_000);
    expect(b.wanted).toEqual([]);
    await given.until("it wants the piece of the other one", () => b.wanted.length === 1);
    await given.pass(20_000);
    expect(a.wanted).toEqual([4]);
  });

  it("moves its wants at a leader_stop to another leader that reaches the pieces", async () => {
    const given = await begun(2);
    const [a, b] = given.leaders as [RawLeader, RawLeader];
    a.tell({ m: "fwd_have", pieces: [4, 5] });
    await given.until("it wants the pieces", () => a.wanted.length === 2);
    b.tell({ m: "fwd_have", pieces: [4] });
    await given.pass(1000);
    const dest = given.outside.find((_, i) => a.asked.includes(given.dests[i] ?? ""));
    if (!dest) throw new Error("nothing was asked of the leader");
    a.tell({ m: "leader_stop", dest });
    await given.until("it wants the piece of the other one", () => b.wanted.includes(4));
    expect(b.wanted).toEqual([4]);
  });

  it("wants nothing more of a leader that has stopped everything, and does not blame it", async () => {
    const given = await begun(1, 1);
    const { leader } = given;
    leader.tell({ m: "fwd_have", pieces: [4, 5] });
    await given.until("it wants the pieces", () => leader.wanted.length === 2);
    leader.manner = "unreachable";
    for (const dest of given.outside) leader.tell({ m: "leader_stop", dest });
    await given.pass(90_000);
    expect(leader.wanted).toHaveLength(2);
    expect(given.tracker.reports).toEqual([]);
    expect(given.peer.accounts.escapes).toBe(0);
  });

  it("does not count what a leader forwards as a piece that anybody inside has", async () => {
    const given = await begun(1);
    given.leader.tell({ m: "fwd_have", pieces: range(0, 40) });
    given.leader.raw.wire.unchoke();
    await given.until("it wants ten", () => given.leader.wanted.length === 10);
    await given.pass(3000);
    expect(given.leader.raw.count("request")).toBe(0);
    expect(given.peer.receivedBytes).toBe(0);
  });
});
