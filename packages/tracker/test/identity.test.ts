import { describe, expect, test } from "vitest";
import { endpoints, id, leaderNames, portOf, TestTracker } from "./support.ts";

const KEY = "0badcafe";

/** AS 1 with a leader that announced with its key, and a member that watches. */
async function withLeader(key: string | undefined = KEY): Promise<TestTracker> {
  const tracker = new TestTracker({ quorum: 1 });
  await tracker.join("leader", "198.18.1.1", 9_000, key === undefined ? {} : { key });
  await tracker.join("watcher", "198.18.1.2", 1_000);
  return tracker;
}

async function leadersSeen(tracker: TestTracker): Promise<string[] | undefined> {
  return leaderNames((await tracker.join("watcher", "198.18.1.2", 1_000)).ct);
}

describe("who may speak for a peer", () => {
  test("stopped from another address is ignored", async () => {
    const tracker = await withLeader();
    await tracker.announce("leader", { from: "198.18.1.66", event: "stopped" });
    expect(await leadersSeen(tracker)).toEqual(["leader"]);
    await tracker.announce("leader", { from: "198.18.1.66", event: "stopped", key: "ffffffff" });
    expect(await leadersSeen(tracker)).toEqual(["leader"]);
  });

  test("stopped counts from the registered address, whatever the port and key", async () => {
    const tracker = await withLeader();
    await tracker.announce("leader", { from: "198.18.1.1", event: "stopped", port: 0 });
    expect(await leadersSeen(tracker)).toEqual(["watcher"]);
  });

  test("stopped counts from another address with the same key", async () => {
    const tracker = await withLeader();
    await tracker.announce("leader", { from: "203.0.113.9", event: "stopped", key: KEY });
    expect(await leadersSeen(tracker)).toEqual(["watcher"]);
  });

  test("a key under 32 bits proves nothing: it could be guessed", async () => {
    const tracker = await withLeader("0badca");
    await tracker.announce("leader", { from: "203.0.113.9", event: "stopped", key: "0badca" });
    expect(await leadersSeen(tracker)).toEqual(["leader"]);
  });

  test("candidate data from a stranger changes neither capacity nor endpoint, and it gets no ct", async () => {
    const tracker = await withLeader();
    const answer = await tracker.join("leader", "198.18.1.66", 1);
    expect(answer.ct).toBeUndefined();
    const [leader] = (await tracker.stats()).listed[0]?.electorates[0]?.leaders ?? [];
    expect(leader).toMatchObject({ up: 9_000, endpoints: [`198.18.1.1:${portOf("leader")}`] });
  });

  test("a stock peer cannot be made a candidate by a stranger", async () => {
    const tracker = new TestTracker({ quorum: 1 });
    await tracker.announce("stock", { from: "198.18.1.1" });
    await tracker.join("stock", "198.18.1.66", 9_000_000);
    expect((await tracker.stats()).members).toBe(0);
  });

  test("a stock peer with a key cannot be moved, and then stopped, by a stranger; one without a key may move", async () => {
    const tracker = new TestTracker();
    await tracker.announce("keyed", { from: "198.18.1.1", key: KEY });
    await tracker.announce("keyed", { from: "198.18.1.66", key: "ffffffff" });
    await tracker.announce("keyed", { from: "198.18.1.66", key: "ffffffff", event: "stopped" });
    await tracker.announce("keyless", { from: "198.18.1.2" });
    await tracker.announce("keyless", { from: "198.18.1.3" });
    expect(endpoints(await tracker.announce("asker", { from: "198.18.2.1" }))).toEqual([
      `198.18.1.1:${portOf("keyed")}`,
      `198.18.1.3:${portOf("keyless")}`,
    ]);
  });

  test("a member that moved goes on at its new address when it shows its key", async () => {
    const tracker = await withLeader();
    await tracker.join("leader", "198.18.2.7", 9_000, { key: KEY });
    const answer = await tracker.join("watcher", "198.18.1.2", 1_000);
    expect(leaderNames(answer.ct)).toEqual(["leader"]);
    expect(endpoints(answer)).toEqual([`198.18.2.7:${portOf("leader")}`]);
  });

  test("stall reports in another member's name are ignored", async () => {
    const tracker = await withLeader();
    await tracker.join("third", "198.18.1.3", 500);
    tracker.clock.advance(40_000);
    const report = { member: { stalled: id("leader") } };
    await tracker.join("watcher", "198.18.1.66", undefined, report);
    await tracker.join("third", "198.18.1.66", undefined, report);
    expect(await leadersSeen(tracker)).toEqual(["leader"]);
  });
});
