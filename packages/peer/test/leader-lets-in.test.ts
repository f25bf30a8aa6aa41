import { describe, expect, it } from "vitest";
import { Leading } from "./support/leading.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId } from "./support/test-peer.ts";

/** A leader that has all the connections it should have, with peers of other ASes. */
async function given() {
  const swarm = await Leading.begin({ connectionsInAll: 500, maxConnections: 4 });
  const strangers = [];
  for (let n = 1; n <= 4; n++) {
    strangers.push(await swarm.follower(10 + n, { at: `127.5.0.${n}`, ctCache: false }));
  }
  return { strangers, swarm };
}

describe("a leader that has all its connections", () => {
  it("lets its followers in all the same, serves them, and turns others away", async () => {
    const { strangers, swarm } = await given();
    const [dest, follower] = [await swarm.outsider(1), await swarm.follower(1)];
    for (const n of [2, 3]) await swarm.follower(n);
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "fwd_bitfield");
    await expect(swarm.follower(20, { at: "127.6.0.1" })).rejects.toThrow("not let in");
    expect(strangers.some((raw) => raw.isClosed)).toBe(false);
    expect(swarm.leader.peers).toBe(4 + 3 + 1);
  });

  it("turns them away once it leads no more", async () => {
    const { swarm } = await given();
    await swarm.elect([{ peerId: numberedPeerId(500_000), endpoint: endpoint("127.1.7.7:7777") }]);
    await expect(swarm.follower(1)).rejects.toThrow("not let in");
  });
});
