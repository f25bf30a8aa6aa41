import { formatEndpoint, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following } from "./support/following.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";

const sorted = (texts: Iterable<string>) => [...texts].sort();

describe("a follower", () => {
  it("asks its leader for a connection with each outside peer that it learns of", async () => {
    const given = await Following.begin({ outside: 3 });
    await given.until("it has asked", () => given.leader.asked.length === 3);
    expect(sorted(given.leader.asked)).toEqual(given.dests);
  });

  it("asks for an outside peer that dials it, too", async () => {
    const given = await Following.begin();
    await given.join("127.2.0.9", 1, "none", 7009);
    await given.until("it has asked", () => given.leader.asked.length > 0);
    expect(given.leader.asked).toEqual(["127.2.0.9:7009"]);
  });

  it("asks for a stock client outside that dials it, too", async () => {
    const given = await Following.begin();
    const { clock, torrent } = given;
    const options = { infoHash: torrent.metainfo.infoHash, at: "127.2.0.9", port: 7009, clock };
    await RawPeer.join(given.peer.endpoint, options);
    await given.until("it has asked", () => given.leader.asked.length > 0);
    expect(given.leader.asked).toEqual(["127.2.0.9:7009"]);
  });

  it("asks for no peer of its own AS", async () => {
    const given = await Following.begin({ outside: 1 });
    await given.join("127.1.0.9", 1, "none", 7009);
    await given.until("it has asked", () => given.leader.asked.length > 0);
    await given.pass(4000);
    expect(given.leader.asked).toEqual(given.dests);
  });

  it("asks for 8 destinations in all, each at one leader, and at random", async () => {
    const given = await Following.begin({ outside: 20, leaders: ["starts", "starts", "starts"] });
    const asked = () => given.leaders.flatMap((leader) => leader.asked);
    await given.until("it has asked", () => asked().length === 8);
    await given.pass(4000);
    expect(asked()).toHaveLength(8);
    expect(new Set(asked()).size).toBe(8);
    expect(given.leaders.filter((leader) => leader.asked.length > 0).length).toBeGreaterThan(1);
  });

  it("does not ask a second leader for what the first one reaches, only because it is idle", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["starts", "starts"] });
    await given.until("both are connected", () => given.leaders.every((leader) => leader.isConnected));
    await given.pass(30_000);
    expect(given.leaders.filter((leader) => leader.asked.length > 0)).toHaveLength(1);
    expect(given.tracker.reports).toEqual([]);
  });

  it("is connected with two leaders, whatever it asks of them, and not with all of them", async () => {
    const given = await Following.begin({ leaders: ["starts", "starts", "starts", "starts"] });
    const connected = () => given.leaders.filter((leader) => leader.isConnected).length;
    await given.until("two are dialled", () => connected() === 2);
    for (let i = 0; i < 3; i++) {
      given.tracker.tell({ leaders: given.leaders });
      await given.pass(3000);
    }
    expect(connected()).toBe(2);
  });

  it.each(["unreachable", "same AS", "not in this swarm"] as const)(
    "lets a destination rest that was refused as %s, and asks for another one",
    async (why) => {
      const given = await Following.begin({ outside: 9, leaders: [why] });
      await given.until("all were asked for", () => given.leader.asked.length === 9);
      await given.pass(60_000);
      expect(given.leader.asked).toHaveLength(9);
      expect(given.tracker.reports).toEqual([]);
    },
  );

  it("asks again after 10 minutes for a destination that was refused", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["unreachable"] });
    await given.until("it was asked for", () => given.leader.asked.length === 1);
    await given.pass(LIMITS.cache.unreachableMs - 5000, 500);
    expect(given.leader.asked).toHaveLength(1);
    await given.until("it is asked for again", () => given.leader.asked.length === 2);
  });

  it("asks another leader, when one has no room", async () => {
    const given = await Following.begin({ outside: 4, leaders: ["full", "starts"] });
    const [full, other] = given.leaders;
    await given.until("the other one has all", () => other?.asked.length === 4);
    await given.pass(20_000);
    expect(full?.asked.length).toBeLessThanOrEqual(4);
  });

  it("asks a leader again after a while that has no room or does not know yet, when it is the only one", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["not leading"] });
    await given.until("it was refused", () => given.leader.asked.length === 1);
    given.leader.manner = "full";
    await given.pass(1000);
    expect(given.leader.asked).toHaveLength(1);
    await given.until("it asks again", () => given.leader.asked.length === 2);
    // Only whether it is there, every 5 s.
    await given.pass(24_000);
    expect(given.leader.asked.length).toBeLessThanOrEqual(2 + 4);
    given.leader.manner = "starts";
    await given.pass(10_000);
    expect(given.leader.raw.toldOf("leader_start").length).toBeGreaterThan(2);
    expect(given.tracker.reports).toEqual([]);
  });

  it("asks another leader for what one forwards no more", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["starts", "starts"] });
    await given.until("one is asked", () => given.leaders.some((leader) => leader.asked.length > 0));
    const first = given.leaders.find((leader) => leader.asked.length > 0);
    const second = given.leaders.find((leader) => leader !== first);
    await given.until("the other one is connected", () => second?.isConnected === true);
    first?.tell({ m: "leader_stop", dest: given.outside[0] ?? endpoint("127.2.0.1:7001") });
    await given.until("the other one is asked", () => second?.asked.length === 1);
    expect(first?.asked).toHaveLength(1);
  });

  it("that is complete tells its leaders that it needs nothing more", async () => {
    const given = await Following.begin({ outside: 2, pieces: 4 });
    await given.until("it has asked", () => given.leader.asked.length === 2);
    const neighbour = await given.join("127.1.0.9", 1, "all");
    given.serve(neighbour);
    await given.until("it is complete", () => given.peer.completed.size > 0);
    await given.until("it says so", () => given.leader.stopped.length === 2);
    expect(sorted(given.leader.stopped)).toEqual(given.dests);
    await given.pass(90_000);
    expect(given.leader.asked).toHaveLength(2);
    expect(given.tracker.reports).toEqual([]);
  });

  it("asks anew over the connection that takes a lost one's place", async () => {
    const given = await Following.begin({ outside: 3 });
    await given.until("it has asked", () => given.leader.asked.length === 3);
    await given.pass(6000);
    const before = given.leader.asked.length;
    given.leader.raw.socket.destroy();
    await given.until("it has dialled and asked again", () => given.leader.asked.length === before + 3);
    expect(sorted(given.leader.asked.slice(-3))).toEqual(given.dests);
    expect(given.tracker.reports).toEqual([]);
  });

  it("remembers no more destinations than it asked for, whatever a leader says has started", async () => {
    const given = await Following.begin({ outside: 2 });
    await given.until("it has asked", () => given.leader.asked.length === 2);
    const others = Array.from({ length: 100 }, (_, i) => endpoint(`127.2.0.7:${2000 + i}`));
    for (const dest of others) given.leader.tell({ m: "leader_started", dest });
    await given.pass(1000);
    for (const dest of others) given.leader.tell({ m: "leader_refused", dest, why: "unreachable" });
    given.leader.tell({ m: "leader_stop", dest: endpoint("127.2.0.1:7001") });
    await given.until("it asks again", () => given.leader.asked.length > 2);
    expect(given.leader.asked.slice(2)).toEqual([formatEndpoint(endpoint("127.2.0.1:7001"))]);
  });
});
