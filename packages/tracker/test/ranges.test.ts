import type { CtAnswer, InfoHash, Policy } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { logged } from "./logged.ts";
import { id, leaderNames, OTHER_SWARM, portOf, SWARM, TestTracker } from "./support.ts";

const multi = (ranges: number, leaderPercent = 10): Policy => ({
  name: "multi",
  ranges,
  leaderPercent,
  deadlineMs: 5000,
});

const policies = (standard: Policy, override?: Policy) => ({
  standard,
  overrides: new Map(override ? [[OTHER_SWARM, override]] : []),
});

/** `count` candidates of AS 1, named 1, 2 …, the first the most able; elected. */
async function elected(policy: Policy, count: number): Promise<TestTracker> {
  const tracker = new TestTracker({ policies: policies(policy) });
  await candidates(tracker, count);
  tracker.clock.advance(5100);
  return tracker;
}

async function candidates(tracker: TestTracker, count: number, infoHash: InfoHash = SWARM): Promise<void> {
  for (let n = 1; n <= count; n++) await ask(tracker, n, infoHash);
}

/** What candidate `n` is told. */
async function ask(tracker: TestTracker, n: number, infoHash: InfoHash = SWARM) {
  return (await tracker.join(`${n}`, `198.18.1.${n}`, 1_000_000 - n, { numwant: 0, infoHash })).ct;
}

async function watch(tracker: TestTracker, infoHash: InfoHash = SWARM) {
  return (await tracker.join("watcher", "198.18.1.200", undefined, { numwant: 0, infoHash })).ct;
}

/** The names of the leaders that an answer lists, by range. */
function byRange(ct: CtAnswer | undefined): string[] {
  const ranges: string[] = [];
  const names = leaderNames(ct) ?? [];
  ct?.leaders?.leaders.forEach(({ range = -1 }, i) => {
    ranges[range] = `${ranges[range] ?? ""}${names[i]} `;
  });
  return ranges.map((text) => text.trim());
}

describe("leaders of ranges, over HTTP", () => {
  test("each is told with the range it leads, range after range, the head of each first", async () => {
    const tracker = await elected(multi(2), 40);
    const ct = await watch(tracker);
    expect(ct?.policy).toEqual(multi(2));
    expect(leaderNames(ct)).toEqual(["1", "3", "5", "7", "2", "4", "6", "8"]);
    expect(byRange(ct)).toEqual(["1 3 5 7", "2 4 6 8"]);
    expect(ct?.leaders?.leaders[4]).toEqual({
      peerId: id("2"),
      endpoint: { address: "198.18.1.2", port: portOf("2") },
      up: 999_998,
      down: 999_998,
      range: 1,
    });
  });

  test("who leads several has several entries", async () => {
    const tracker = await elected(multi(3), 2);
    expect(byRange(await watch(tracker))).toEqual(["1", "2", "1"]);
  });

  test("of one range, and under cache, have none", async () => {
    const cache: Policy = { name: "cache", leaderPercent: 50, deadlineMs: 5000 };
    for (const policy of [multi(1, 50), cache]) {
      const ct = await watch(await elected(policy, 4));
      expect(ct?.policy).toEqual(policy);
      expect(leaderNames(ct)).toEqual(["1", "2"]);
      for (const leader of ct?.leaders?.leaders ?? []) expect(leader).not.toHaveProperty("range");
    }
  });

  test.each([
    [10, 10, 40],
    [20, 5, 40],
    [3, 33, 60],
  ])(
    "of many 20 are told, one of each range at least, and the asker: %i ranges",
    async (ranges, percent, n) => {
      const tracker = await elected(multi(ranges, percent), n);
      const heads = Array.from({ length: ranges }, (_, range) => String(range + 1));
      const told = await watch(tracker);
      expect(byRange(told).map((names) => names.split(" ")[0])).toEqual(heads);
      for (let asker = 1; asker <= 40; asker += 3) {
        const ct = await ask(tracker, asker);
        const listed = ct?.leaders?.leaders ?? [];
        expect(listed).toHaveLength(20);
        expect(new Set(listed.map(({ range }) => range)).size).toBe(ranges);
        expect(listed.filter(({ peerId }) => peerId === id(`${asker}`))).toHaveLength(1);
      }
    },
  );

  test("where nobody stands, each member is told that it leads itself in every range", async () => {
    const tracker = new TestTracker({ policies: policies(multi(3)), quorum: 1 });
    await candidates(tracker, 1);
    const alone = await tracker.join("x", "198.18.2.1");
    expect(byRange(alone.ct)).toEqual(["x", "x", "x"]);
  });

  test("a newer term tells of them by the feed", async () => {
    const tracker = await elected(multi(2), 3);
    const term = (await watch(tracker))?.leaders?.term ?? 0;
    const poll = tracker.leaders("watcher", term, "198.18.1.200");
    await tracker.untilPolls(1);
    await tracker.announce("2", { from: "198.18.1.2", event: "stopped" });
    const answer = await poll;
    expect(answer.ok && byRange(answer.value)).toEqual(["1", "3"]);
  });
});

describe("the election of a swarm", () => {
  test("has the ranges, the leader percentage and the deadline of the swarm's own policy", async () => {
    const own: Policy = { name: "multi", ranges: 3, leaderPercent: 20, deadlineMs: 1000 };
    const tracker = new TestTracker({ policies: policies({ name: "bittorrent" }, own), leaderPercent: 50 });
    await candidates(tracker, 10);
    await candidates(tracker, 10, OTHER_SWARM);
    tracker.clock.advance(1100);
    expect((await watch(tracker))?.leaders).toBeUndefined();
    expect(byRange(await watch(tracker, OTHER_SWARM))).toEqual(["1 4", "2 5", "3 6"]);
    tracker.clock.advance(4000);
    expect(leaderNames(await watch(tracker))).toEqual(["1", "2", "3", "4", "5"]);
  });

  test("keeps its members waiting no longer than its own deadline allows", async () => {
    const own: Policy = { name: "cache", leaderPercent: 10, deadlineMs: 60_000 };
    const tracker = new TestTracker({ policies: policies({ name: "bittorrent" }, own) });
    const interval = async (infoHash: InfoHash) =>
      (await tracker.join("x", "198.18.1.1", undefined, { infoHash })).interval;
    for (const infoHash of [SWARM, OTHER_SWARM]) expect(await interval(infoHash)).toBe(2);
    tracker.clock.advance(20_000);
    expect(await interval(SWARM)).toBeGreaterThan(1000);
    expect(await interval(OTHER_SWARM)).toBe(2);
  });

  test("with more ranges than its leader percentage allows is refused when the tracker is built", async () => {
    const refused = async (standard: Policy, override?: Policy) => {
      const { app } = new TestTracker({ policies: policies(standard, override) });
      return app.ready().then(
        () => "",
        (error: Error) => error.message,
      );
    };
    expect(await refused(multi(10))).toBe("");
    expect(await refused(multi(11))).toBe(
      "ranges and leader-percent: 11 ranges x 10 leaders in a hundred candidates is 110, over 100: lower one of them",
    );
    expect(await refused(multi(2), multi(2, 51))).toContain(
      `swarms.${OTHER_SWARM}: ranges and leader-percent: 2 ranges x 51`,
    );
  });
});

describe("an early stall report", () => {
  test("of a leader that is gone unseats it when its reporter has been listed for 30 s", async () => {
    const tracker = await elected(multi(2), 4);
    tracker.clock.advance(5000);
    await tracker.join("3", "198.18.1.3", 999_997, { numwant: 0, member: { stalled: id("1") } });
    tracker.clock.advance(19_000);
    expect(byRange(await watch(tracker))).toEqual(["1", "2"]);
    tracker.clock.advance(1000);
    expect(byRange(await watch(tracker))).toEqual(["3", "2"]);
  });
});

describe("what the operator sees of ranges", () => {
  test("in /stats.json each leader tells which it leads", async () => {
    const tracker = await elected(multi(3), 2);
    const [swarm] = (await tracker.stats()).listed;
    expect(swarm?.policy).toBe("multi");
    expect(swarm?.electorates[0]?.leaders).toMatchObject([
      { peerId: id("1"), seniority: 1, ranges: [0, 2] },
      { peerId: id("2"), seniority: 2, ranges: [1] },
    ]);
  });

  test("without ranges it tells none", async () => {
    const tracker = await elected(multi(1), 2);
    const [leader] = (await tracker.stats()).listed[0]?.electorates[0]?.leaders ?? [];
    expect(leader).not.toHaveProperty("ranges");
  });

  test("in the log a change of leaders tells which they lead", async () => {
    const { lines, log } = logged("info");
    const tracker = new TestTracker({ policies: policies(multi(3)), quorum: 2, log });
    await candidates(tracker, 2);
    expect(lines).toMatchObject([
      {
        event: "leaders changed",
        leaders: [
          { peerId: id("1"), endpoints: [`198.18.1.1:${portOf("1")}`], ranges: [0, 2] },
          { peerId: id("2"), ranges: [1] },
        ],
      },
    ]);
  });
});
