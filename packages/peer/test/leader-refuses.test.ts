import type { Endpoint } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Leading } from "./support/leading.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId } from "./support/test-peer.ts";
import { until } from "./support/until.ts";

/** What the leader answers to the follower that asks for the destination. */
async function answer(swarm: Leading, follower: RawPeer, dest: Endpoint): Promise<string> {
  const answers = follower.count("leader_started") + follower.count("leader_refused");
  follower.tell({ m: "leader_start", dest });
  await swarm.when(
    "it answers",
    () => {
      return follower.count("leader_started") + follower.count("leader_refused") > answers;
    },
    10,
  );
  const last = follower.told.findLast(({ m }) => m === "leader_started" || m === "leader_refused");
  if (last?.m === "leader_refused") expect(last.dest).toEqual(dest);
  return last?.m === "leader_refused" ? last.why : "started";
}

describe("a leader refuses", () => {
  it("everybody when it is none", async () => {
    const swarm = await Leading.begin();
    const [dest, follower] = [await swarm.outsider(1), await swarm.follower(1)];
    await swarm.elect([{ peerId: numberedPeerId(500_000), endpoint: endpoint("127.1.7.7:7777") }]);
    expect(await answer(swarm, follower, dest.endpoint)).toBe("not leading");
    expect(dest.visits).toEqual([]);
  });

  it("whoever is not of its AS", async () => {
    const swarm = await Leading.begin();
    const [dest, stranger] = [await swarm.outsider(1), await swarm.follower(1, { at: "127.3.0.1" })];
    expect(await answer(swarm, stranger, dest.endpoint)).toBe("not my AS");
    expect(dest.visits).toEqual([]);
  });

  it("a destination that the tracker does not know in this swarm", async () => {
    const swarm = await Leading.begin();
    const [dest, follower] = [await swarm.outsider(1), await swarm.follower(1)];
    swarm.tracker.knowOnly();
    expect(await answer(swarm, follower, dest.endpoint)).toBe("not in this swarm");
    swarm.tracker.knowOnly(dest.endpoint);
    swarm.clock.advance(1000);
    expect(await answer(swarm, follower, dest.endpoint)).toBe("started");
  });

  it("services of other hosts, and itself, without asking the tracker", async () => {
    const swarm = await Leading.begin();
    const follower = await swarm.follower(1);
    const asked = swarm.tracker.located.length;
    for (const dest of [endpoint("127.2.0.9:1023"), endpoint("169.254.0.9:6881"), swarm.leader.endpoint]) {
      expect(await answer(swarm, follower, dest)).toBe("not in this swarm");
    }
    expect(swarm.tracker.located.length).toBe(asked);
  });

  it("loopback, known or not, unless it listens there itself", async () => {
    const swarm = await Leading.begin({ at: "0.0.0.0" });
    const [dest, follower] = [await swarm.outsider(1), await swarm.follower(1)];
    const asked = swarm.tracker.located.length;
    expect(await answer(swarm, follower, dest.endpoint)).toBe("not in this swarm");
    expect(swarm.tracker.located.length).toBe(asked);
    expect(dest.visits).toEqual([]);
    const there = await Leading.begin();
    const [same, other] = [await there.outsider(2), await there.follower(1)];
    expect(await answer(there, other, same.endpoint)).toBe("started");
  });

  it("members of its own AS, by the word of the tracker, connected with it or not", async () => {
    const swarm = await Leading.begin();
    const [follower, other] = [
      await swarm.follower(1),
      await RawPeer.join(
        swarm.leader.endpoint,
        {
          at: "127.1.1.2",
          infoHash: swarm.torrent.metainfo.infoHash,
          peerId: numberedPeerId(500_000),
          clock: swarm.clock,
          port: 7777,
          ctCache: { pieceCount: swarm.pieceCount },
        },
        "all",
      ),
    ];
    await swarm.received(other, "interested");
    expect(await answer(swarm, follower, endpoint("127.1.1.2:7777"))).toBe("same AS");
    swarm.clock.advance(1000);
    expect(await answer(swarm, follower, endpoint("127.1.9.9:7777"))).toBe("same AS");
    expect(follower.count("fwd_bitfield")).toBe(0);
  });

  it("a destination that cannot be reached, for 10 minutes without another dial", async () => {
    const swarm = await Leading.begin();
    const follower = await swarm.follower(1);
    const { port } = await swarm.crowd();
    const nobody = endpoint(`127.2.0.9:${port === 65535 ? port - 1 : port + 1}`);
    expect(await answer(swarm, follower, nobody)).toBe("unreachable");
    const asked = swarm.tracker.located.length;
    swarm.clock.advance(60_000);
    for (const times of [2, 3]) {
      follower.tell({ m: "leader_start", dest: nobody });
      await until("it is refused", () => follower.count("leader_refused") === times);
    }
    expect(swarm.tracker.located.length).toBe(asked);
    // The follower sends something now and then: it is not silent.
    for (let minutes = 1; minutes < 10; minutes++) {
      swarm.clock.advance(60_000);
      await follower.ping();
    }
    expect(await answer(swarm, follower, nobody)).toBe("unreachable");
    expect(swarm.tracker.located.length).toBe(asked + 1);
  });

  it("a destination of the other kind of addresses, at once", async () => {
    const swarm = await Leading.begin();
    const follower = await swarm.follower(1);
    const asked = swarm.tracker.located.length;
    expect(await answer(swarm, follower, endpoint("[2001:db8::9]:7777"))).toBe("unreachable");
    expect(swarm.tracker.located.length).toBe(asked);
  });

  it("a destination that hung up at once as one that cannot be reached", async () => {
    const swarm = await Leading.begin();
    const follower = await swarm.follower(1);
    const dials: RawPeer[] = [];
    const { infoHash } = swarm.torrent.metainfo;
    const dest = await RawPeer.listen({ at: "127.2.0.1", infoHash }, (raw) => {
      dials.push(raw);
      raw.socket.destroy();
    });
    expect(await answer(swarm, follower, dest)).toBe("started");
    await swarm.received(follower, "leader_stop");
    swarm.clock.advance(2000);
    expect(await answer(swarm, follower, dest)).toBe("unreachable");
    expect(dials.length).toBe(1);
  });

  it("but not when that destination is connected with it meanwhile", async () => {
    const swarm = await Leading.begin();
    const follower = await swarm.follower(1);
    const dest = endpoint("127.2.0.9:7777");
    expect(await answer(swarm, follower, dest)).toBe("unreachable");
    const { infoHash } = swarm.torrent.metainfo;
    const options = {
      at: "127.2.0.9",
      infoHash,
      port: 7777,
      peerId: numberedPeerId(500_000),
      clock: swarm.clock,
    };
    const raw = await RawPeer.join(swarm.leader.endpoint, options, "all");
    await swarm.received(raw, "interested");
    expect(await answer(swarm, follower, dest)).toBe("started");
  });
});

describe("a leader is full", () => {
  it("at the ninth destination of a follower, until one ends", async () => {
    const swarm = await Leading.begin();
    const [follower, { port }] = [await swarm.follower(1), await swarm.crowd()];
    const dest = (n: number) => endpoint(`127.2.0.${n}:${port}`);
    for (let n = 1; n <= 8; n++) expect(await answer(swarm, follower, dest(n))).toBe("started");
    expect(await answer(swarm, follower, dest(9))).toBe("full");
    expect(await answer(swarm, follower, dest(8))).toBe("started");
    follower.tell({ m: "leader_stop", dest: dest(3) });
    expect(await answer(swarm, follower, dest(9))).toBe("started");
    expect(await answer(swarm, await swarm.follower(2), dest(10))).toBe("started");
  });

  it("at the 51st destination for followers of one address, and has room for others", async () => {
    const swarm = await Leading.begin();
    const { dials, port } = await swarm.crowd();
    const dest = (n: number) => endpoint(`127.2.0.${n}:${port}`);
    const answers: string[] = [];
    for (let host = 1; host <= 7; host++) {
      const follower = await swarm.follower(host, { at: "127.1.1.1" });
      for (let n = 1; n <= 8; n++) answers.push(await answer(swarm, follower, dest(n)));
    }
    expect(answers).toEqual([...new Array(50).fill("started"), ...new Array(6).fill("full")]);
    expect(dials.length).toBe(8);
    expect(await answer(swarm, await swarm.follower(8), dest(1))).toBe("started");
  });

  it("at the 201st destination in all, but not for one that stands", async () => {
    const swarm = await Leading.begin();
    const { port } = await swarm.crowd();
    const dest = (n: number) => endpoint(`127.2.${n >> 6}.${n & 63}:${port}`);
    const followers: RawPeer[] = [];
    for (let n = 1; n <= 26; n++) followers.push(await swarm.follower(n));
    for (let round = 0; round < 8; round++) {
      for (let begin = 0; begin < 25; begin += 10) {
        const some = followers.slice(begin, Math.min(begin + 10, 25));
        for (const [i, follower] of some.entries()) {
          follower.tell({ m: "leader_start", dest: dest(1 + round * 25 + begin + i) });
        }
        await swarm.when(
          "they are served",
          () => some.every((one) => one.count("leader_started") > round),
          20,
        );
      }
    }
    const last = followers[25] as RawPeer;
    expect(await answer(swarm, last, dest(201))).toBe("full");
    expect(await answer(swarm, last, dest(200))).toBe("started");
    followers[0]?.tell({ m: "leader_stop", dest: dest(1) });
    await followers[0]?.ping();
    // It counts as long as the connection stands that was opened for it.
    expect(await answer(swarm, last, dest(201))).toBe("full");
    swarm.clock.advance(31_000);
    expect(await answer(swarm, last, dest(201))).toBe("started");
  }, 60_000);
});
