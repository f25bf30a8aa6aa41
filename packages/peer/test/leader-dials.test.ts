import type { Endpoint } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { forwardedTo, Leading } from "./support/leading.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { until } from "./support/until.ts";

const isOutside = ({ address }: Endpoint) => address.startsWith("127.2.");
const answers = (raw: RawPeer) => raw.count("leader_started") + raw.count("leader_refused");

describe("a leader dials", () => {
  it("one new destination a second for a follower, and at once for another one", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const followers = [await swarm.follower(1), await swarm.follower(2)] as const;
    const began = swarm.clock.now();
    for (let n = 1; n <= 4; n++) {
      followers[0].tell({ m: "leader_start", dest: endpoint(`127.2.0.${n}:${port}`) });
    }
    await followers[0].ping();
    followers[1].tell({ m: "leader_start", dest: endpoint(`127.2.0.5:${port}`) });
    await swarm.received(followers[1], "leader_started");
    expect(swarm.clock.now() - began).toBeLessThan(1000);
    await swarm.received(followers[0], "leader_started", 4);
    const at = (n: number) => dials.find(({ to }) => to === `127.2.0.${n}`)?.at ?? 0;
    // It begins with a question to the tracker, which takes some of the second.
    for (let n = 2; n <= 4; n++) expect(at(n) - at(1)).toBeGreaterThan((n - 1) * 1000 - 500);
  });

  it("nobody twice for two followers who ask for the same at once", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const dest = endpoint(`127.2.0.1:${port}`);
    const followers = [await swarm.follower(1), await swarm.follower(2), await swarm.follower(3)];
    for (const follower of followers) follower.tell({ m: "leader_start", dest });
    for (const follower of followers) {
      await swarm.when("all is forwarded", () => forwardedTo(follower).length === swarm.pieceCount);
    }
    swarm.clock.advance(5000);
    for (const follower of followers) {
      await follower.ping();
      expect(follower.told.map(({ m }) => m)).toEqual(["leader_started", "fwd_bitfield"]);
    }
    expect(dials.length).toBe(1);
  });

  it("for one follower what another one waits for, and tells both", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const [first, second] = [await swarm.follower(1), await swarm.follower(2)];
    const dest = (n: number) => endpoint(`127.2.0.${n}:${port}`);
    for (const n of [1, 2, 3]) first.tell({ m: "leader_start", dest: dest(n) });
    await swarm.received(first, "leader_started");
    second.tell({ m: "leader_start", dest: dest(3) });
    await swarm.received(second, "leader_started");
    await swarm.received(first, "leader_started", 2);
    expect(first.toldOf("leader_started")[1]?.dest).toEqual(dest(3));
    expect(dials.map(({ to }) => to)).toEqual(["127.2.0.1", "127.2.0.3"]);
  });

  it("ten at once for all followers, and the others when their turn comes", async () => {
    const swarm = await Leading.begin();
    const { port } = await swarm.crowd();
    const followers: RawPeer[] = [];
    for (let n = 1; n <= 15; n++) followers.push(await swarm.follower(n));
    const held = Promise.withResolvers<void>();
    swarm.tracker.locateHeld = held.promise;
    for (const [i, follower] of followers.entries()) {
      follower.tell({ m: "leader_start", dest: endpoint(`127.2.0.${i + 1}:${port}`) });
    }
    for (const follower of followers) await follower.ping();
    swarm.clock.advance(500);
    await swarm.when("the tracker is asked", () => swarm.tracker.located.filter(isOutside).length >= 10);
    expect(swarm.tracker.located.filter(isOutside).length).toBe(10);
    held.resolve();
    await swarm.when("all are served", () => followers.every((one) => one.count("leader_started") === 1));
  });

  it("nobody for a follower that is gone by then", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const [follower, other] = [await swarm.follower(1), await swarm.follower(2)];
    const held = Promise.withResolvers<void>();
    swarm.tracker.locateHeld = held.promise;
    follower.tell({ m: "leader_start", dest: endpoint(`127.2.0.1:${port}`) });
    await swarm.when("the tracker is asked", () => swarm.tracker.located.some(isOutside));
    follower.socket.destroy();
    await swarm.when("it is gone", () => swarm.leader.peers === 1);
    held.resolve();
    swarm.tracker.locateHeld = undefined;
    other.tell({ m: "leader_start", dest: endpoint(`127.2.0.2:${port}`) });
    await swarm.received(other, "leader_started");
    expect(dials.map(({ to }) => to)).toEqual(["127.2.0.2"]);
  });
});

describe("a follower that sends a thousand leader_starts at once", () => {
  it("is answered each of them, and makes the leader dial eight peers, one a second", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const [follower, other] = [await swarm.follower(1), await swarm.follower(2)];
    for (let n = 0; n < 1000; n++) {
      follower.tell({ m: "leader_start", dest: endpoint(`127.2.${n >> 8}.${n & 255}:${port}`) });
    }
    await swarm.when("992 are refused", () => follower.count("leader_refused") >= 992);
    other.tell({ m: "leader_start", dest: endpoint(`127.2.9.9:${port}`) });
    await swarm.received(other, "leader_started");
    await swarm.when("all are answered", () => answers(follower) >= 1000, 20);
    swarm.clock.advance(10_000);
    await follower.ping();
    expect(follower.count("leader_started")).toBe(8);
    expect(new Set(follower.toldOf("leader_refused").map(({ why }) => why))).toEqual(new Set(["full"]));
    expect(dials.filter(({ to }) => to !== "127.2.9.9").length).toBe(8);
    expect(swarm.leader.peers).toBe(2 + 9);
  });

  it("and ends each at once is dialled for once a second, and leaves no connections behind", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const [follower, other] = [await swarm.follower(1), await swarm.follower(2)];
    const began = swarm.clock.now();
    for (let n = 0; n < 1000; n++) {
      const dest = endpoint(`127.2.${n >> 8}.${n & 255}:${port}`);
      follower.tell({ m: "leader_start", dest });
      follower.tell({ m: "leader_stop", dest });
      if (n % 100 === 0) await follower.ping();
    }
    await follower.ping();
    other.tell({ m: "leader_start", dest: endpoint(`127.2.9.9:${port}`) });
    await swarm.received(other, "leader_started");
    // Who has not shaken hands would be given up in the time that passes below.
    await until("hands are shaken there", () => swarm.leader.peers === 2 + 1);
    const seconds = Math.ceil((swarm.clock.now() - began + 1) / 1000);
    expect(dials.length - 1).toBeLessThanOrEqual(seconds);
    swarm.clock.advance(40_000);
    await swarm.when("only what is needed stands", () => swarm.leader.peers === 2 + 1);
  });
});
