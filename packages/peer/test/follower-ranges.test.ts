import type { Policy } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following } from "./support/following.ts";
import type { RawLeader } from "./support/raw-leader.ts";
import { endpoint } from "./support/samples.ts";

const MULTI: Policy = { name: "multi", leaderPercent: 10, deadlineMs: 5000, ranges: 2 };
const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);
const sorted = <T>(some: readonly T[]) => [...some].sort();
/** Each leads the range of its place. */
const inOrder = (leaders: readonly RawLeader[]) =>
  leaders.map(({ peerId, endpoint }, i) => ({ peerId, endpoint, range: i }));

/** 40 pieces in 2 ranges, a leader for each. */
async function begun(outside = 3): Promise<[Following, RawLeader, RawLeader]> {
  const leaders = ["starts", "starts"] as const;
  const given = await Following.begin({ policy: MULTI, leaders, led: inOrder, outside });
  const [low, high] = given.leaders as [RawLeader, RawLeader];
  await given.until("both are asked", () => low.asked.length > 0 && high.asked.length > 0);
  await given.pass(500);
  return [given, low, high];
}

describe("under multi a follower", () => {
  it("asks a leader of each range for the same destinations, 8 at most", async () => {
    const [given, low, high] = await begun(20);
    expect(low.asked).toHaveLength(8);
    expect(sorted(high.asked)).toEqual(sorted(low.asked));
    expect(given.role).toBe("follower");
  });

  it("wants a piece only of a leader of its range", async () => {
    const [given, low, high] = await begun();
    for (const leader of [low, high]) leader.tell({ m: "fwd_have", pieces: range(15, 25) });
    await given.until("it wants ten", () => low.wanted.length + high.wanted.length === 10);
    await given.pass(1000);
    expect(sorted(low.wanted)).toEqual(range(15, 20));
    expect(sorted(high.wanted)).toEqual(range(20, 25));
  });

  it("has one connection with a leader of two ranges, and asks it once", async () => {
    const given = await Following.begin({
      policy: MULTI,
      outside: 2,
      led: ([one]) =>
        one ? [0, 1].map((of) => ({ peerId: one.peerId, endpoint: one.endpoint, range: of })) : [],
    });
    await given.until("it is asked", () => given.leader.asked.length === 2);
    await given.pass(3000);
    expect(given.leader.met).toHaveLength(1);
    expect(given.leader.asked).toHaveLength(2);
    given.leader.tell({ m: "fwd_have", pieces: [0, 39] });
    await given.until("it wants of both ranges", () => given.leader.wanted.length === 2);
  });

  it("keeps what a leader forwarded when that leader takes over another range", async () => {
    const [given, low, high] = await begun();
    low.tell({ m: "fwd_have", pieces: [0, 39] });
    await given.until("it wants the one in its range", () => low.wanted.length === 1);
    const entries = [
      { peerId: low.peerId, endpoint: low.endpoint, range: 1 },
      { peerId: high.peerId, endpoint: high.endpoint, range: 0 },
    ];
    given.tracker.tell({ leaders: entries });
    await given.until("it wants the other one", () => low.wanted.includes(39));
    expect(low.met).toHaveLength(1);
    expect(low.wanted).toEqual([0, 39]);
  });

  it("that leads a range takes its pieces from outside, and those of the other one through its leader", async () => {
    const [given, low, high] = await begun();
    const { peer } = given;
    given.tracker.tell({
      leaders: [
        { peerId: peer.peerId, endpoint: peer.endpoint, range: 0 },
        { peerId: high.peerId, endpoint: high.endpoint, range: 1 },
      ],
    });
    await given.until("it leads", () => given.role === "leader");
    await given.until("the former leader hears of it", () => low.stopped.length === 3);
    const outside = await given.join("127.2.0.9", 1);
    outside.wire.have(30);
    outside.wire.have(3);
    outside.wire.unchoke();
    high.tell({ m: "fwd_have", pieces: [30, 3] });
    await given.until("it asks outside", () => outside.count("request") > 0);
    await given.until("it wants the other one", () => high.wanted.length > 0);
    await given.pass(1000);
    expect(outside.messages.filter(([name]) => name === "request").map(([, piece]) => piece)).toEqual([3]);
    expect(high.wanted).toEqual([30]);
  });

  it("that leads a range escapes for the others only", async () => {
    const [given, , high] = await begun(1);
    const { peer } = given;
    high.manner = "silent";
    given.tracker.tell({
      leaders: [
        { peerId: peer.peerId, endpoint: peer.endpoint, range: 0 },
        { peerId: high.peerId, endpoint: high.endpoint, range: 1 },
      ],
    });
    await given.until("it leads", () => given.role === "leader");
    const outside = await given.join("127.2.0.9", 1);
    for (const piece of [25, 30, 35]) outside.wire.have(piece);
    outside.wire.unchoke();
    await given.until("it asks outside", () => outside.count("request") > 0);
    await given.pass(2000);
    expect(outside.count("request")).toBe(1);
    expect(peer.accounts.escapes).toBe(1);
  });

  it("that leads a range goes on forwarding to another leader that stops forwarding the same to it", async () => {
    const [given, , high] = await begun(1);
    const { peer } = given;
    given.tracker.tell({
      leaders: [
        { peerId: peer.peerId, endpoint: peer.endpoint, range: 0 },
        { peerId: high.peerId, endpoint: high.endpoint, range: 1 },
      ],
    });
    await given.until("it leads", () => given.role === "leader");
    const outside = await given.join("127.2.0.9", 1, "none", 7009);
    await given.until("it asks for the outside peer", () => high.asked.includes("127.2.0.9:7009"));
    const dest = endpoint("127.2.0.9:7009");
    high.tell({ m: "leader_start", dest });
    await given.until("it has started", () => high.raw.toldOf("leader_started").length > 0);
    high.tell({ m: "leader_stop", dest });
    await given.until("it asks again", () => high.asked.filter((one) => one === "127.2.0.9:7009").length > 1);
    outside.wire.have(3);
    await given.until("it forwards", () => high.raw.count("fwd_have") + high.raw.count("fwd_bitfield") > 0);
  });
});
