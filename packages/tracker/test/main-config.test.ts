import type { Address, InfoHash } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { announceTo, ManualClock, startTestTracker } from "./daemon.ts";
import { config, endpoints, leaderNames, OTHER_SWARM, portOf, SWARM } from "./support.ts";

const THIRD_SWARM = "cc".repeat(20) as typeof SWARM;

describe("a configured tracker", () => {
  test("takes policies, for all swarms and for single ones, from its configuration", async () => {
    const tracker = await startTestTracker({
      policy: "biased",
      "external-percent": 0,
      swarms: { [OTHER_SWARM.toUpperCase()]: { "external-percent": 100 } },
    });
    for (const infoHash of [SWARM, OTHER_SWARM]) {
      await announceTo(tracker, "in", { infoHash, from: "127.1.0.1" });
      await announceTo(tracker, "out", { infoHash, from: "127.2.0.1" });
    }
    const ask = async (infoHash: typeof SWARM) => {
      const answer = await announceTo(tracker, "x", { infoHash, from: "127.1.0.9", member: {}, numwant: 1 });
      return { policy: answer.ct?.policy, peers: endpoints(answer) };
    };
    expect(await ask(SWARM)).toEqual({
      policy: { name: "biased", externalPercent: 0 },
      peers: [`127.1.0.1:${portOf("in")}`],
    });
    expect(await ask(OTHER_SWARM)).toEqual({
      policy: { name: "biased", externalPercent: 100 },
      peers: [`127.2.0.1:${portOf("out")}`],
    });
  });

  test("takes hand-out, ranges and leader percentage, for all swarms and for single ones", async () => {
    const tracker = await startTestTracker({
      policy: "cache",
      "leader-percent": 20,
      "external-percent": 30,
      deadline: 7,
      swarms: {
        [OTHER_SWARM]: { policy: "multi", ranges: 3, "leader-percent": 33, "hand-out": "biased" },
        [THIRD_SWARM]: { policy: "multi", "hand-out": "biased", "external-percent": 40 },
      },
    });
    const policyOf = async (infoHash: typeof SWARM) =>
      (await announceTo(tracker, "a", { infoHash, member: {} })).ct?.policy;
    const deadlineMs = 7000;
    expect(await policyOf(SWARM)).toEqual({ name: "cache", leaderPercent: 20, deadlineMs });
    expect(await policyOf(OTHER_SWARM)).toEqual({
      name: "multi",
      ranges: 3,
      leaderPercent: 33,
      externalPercent: 30,
      deadlineMs,
    });
    expect(await policyOf(THIRD_SWARM)).toEqual({
      name: "multi",
      ranges: 2,
      leaderPercent: 20,
      externalPercent: 40,
      deadlineMs,
    });
  });

  test("elects as many leaders, and when so many candidates joined, as its configuration says", async () => {
    const tracker = await startTestTracker({ quorum: 4, "leader-percent": 50 });
    const join = async (name: string) =>
      leaderNames(
        (await announceTo(tracker, name, { from: "127.1.0.1", member: { capacity: { up: 1, down: 1 } } })).ct,
      );
    for (const name of ["a", "b", "c"]) expect(await join(name)).toBeUndefined();
    expect(await join("d")).toEqual(["a", "b"]);
  });

  test("elects after the deadline and answers with the interval of its configuration", async () => {
    const clock = new ManualClock(1_700_000_000_000);
    const tracker = await startTestTracker({ quorum: 100, deadline: 7.5, interval: 600 }, clock);
    const announce = () =>
      announceTo(tracker, "a", { from: "127.1.0.1", member: { capacity: { up: 1, down: 1 } } });
    await announce();
    clock.advance(7499);
    expect((await announce()).ct?.leaders).toBeUndefined();
    clock.advance(2);
    const { ct, interval } = await announce();
    expect(leaderNames(ct)).toEqual(["a"]);
    expect(interval).toBeGreaterThanOrEqual(540);
    expect(interval).toBeLessThanOrEqual(660);
  });

  test("believes X-Forwarded-For of its trusted proxies, and ip= of its trusted networks", async () => {
    const tracker = await startTestTracker({
      "trust-proxy": ["127.0.0.9/32"],
      "trust-ip": ["127.0.0.8/32"],
    });
    const headers = { "x-forwarded-for": "127.1.0.5" };
    const claimedAddress = "127.2.0.5" as Address;
    await announceTo(tracker, "by proxy", { from: "127.0.0.9", headers, claimedAddress });
    await announceTo(tracker, "by claim", { from: "127.0.0.8", headers, claimedAddress });
    const { peers } = await announceTo(tracker, "x");
    expect(peers.map((peer) => peer.endpoint.address).sort()).toEqual(["127.1.0.5", "127.2.0.5"]);
  });

  test("without another policy it is coordinated, with its numbers as configured", async () => {
    expect(config({})).toMatchObject({ policy: "coordinated", fetchers: "all", relief: 1 });
    const own = { fetchers: "all", relief: 1.5 } as const;
    const tracker = await startTestTracker({
      policy: config({}).policy,
      fetchers: "leaders",
      deadline: 3,
      "leader-percent": 20,
      swarms: { [OTHER_SWARM]: own },
    });
    const told = async (infoHash: InfoHash) =>
      (await announceTo(tracker, "a", { infoHash, from: "127.1.0.1", member: {} })).ct?.policy;
    const numbers = { name: "coordinated", deadlineMs: 3000, leaderPercent: 20 };
    expect(await told(SWARM)).toEqual({ ...numbers, fetchers: "leaders", relief: 1 });
    expect(await told(OTHER_SWARM)).toEqual({ ...numbers, ...own });
  });
});
