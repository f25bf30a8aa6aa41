import { describe, expect, it } from "vitest";
import { aTorrent, forwardedTo, Leading } from "./support/leading.ts";
import { until } from "./support/until.ts";

describe("a leader that a follower asks for a destination", () => {
  it("connects to it, says so, and forwards what it has as a map", async () => {
    const given = await Leading.begin();
    const [dest, follower] = [await given.outsider(1), await given.follower(1)];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.received(follower, "fwd_bitfield");
    expect(follower.told.map(({ m }) => m)).toEqual(["leader_started", "fwd_bitfield"]);
    expect(follower.toldOf("leader_started")[0]?.dest).toEqual(dest.endpoint);
    expect(forwardedTo(follower)).toEqual(Array.from({ length: 16 }, (_, piece) => piece));
    expect(dest.visits.length).toBe(1);
  });

  it("forwards later what the destination gets later, as a list where that is shorter", async () => {
    const given = await Leading.begin({ torrent: await aTorrent(200) });
    const [dest, follower] = [await given.outsider(1, { have: [7] }), await given.follower(1)];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.received(follower, "fwd_have");
    for (const piece of [4, 150, 4]) dest.visits[0]?.wire.have(piece);
    await given.when("all is forwarded", () => forwardedTo(follower).length > 2);
    expect(forwardedTo(follower)).toEqual([7, 4, 150]);
    expect(follower.count("fwd_bitfield")).toBe(0);
    expect(follower.count("have")).toBe(0);
  });

  it("forwards each piece once to each follower, however many peers outside hold it", async () => {
    const given = await Leading.begin();
    const dests = [
      await given.outsider(1, { have: [1, 2, 3] }),
      await given.outsider(2, { have: [2, 3, 4] }),
      await given.outsider(3, { have: [1, 4] }),
    ];
    const followers = [await given.follower(1), await given.follower(2)];
    for (const follower of followers) {
      for (const { endpoint } of dests) follower.tell({ m: "leader_start", dest: endpoint });
    }
    for (const follower of followers) await given.received(follower, "leader_started", 3);
    await given.when("hands are shaken", () => dests[2]?.visits.length === 1);
    dests[2]?.visits[0]?.wire.have(5);
    for (const follower of followers) {
      await given.when("all is forwarded", () => forwardedTo(follower).includes(5));
      expect(forwardedTo(follower).sort()).toEqual([1, 2, 3, 4, 5]);
    }
    expect(dests.map(({ visits }) => visits.length)).toEqual([1, 1, 1]);
  });

  it("forwards nothing that it or the follower holds already", async () => {
    const given = await Leading.begin();
    const giver = await given.outsider(1, { have: [0, 1], serves: true });
    const follower = await given.follower(1);
    for (const piece of [2, 3]) follower.wire.have(piece);
    follower.tell({ m: "leader_start", dest: giver.endpoint });
    await given.received(follower, "have", 2);
    const dest = await given.outsider(2);
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.when("all is forwarded", () => forwardedTo(follower).includes(15));
    expect(forwardedTo(follower).filter((piece) => piece < 4)).toEqual([0, 1]);
  });

  it("says to nobody by a plain have that it holds what it only reaches", async () => {
    const given = await Leading.begin();
    const [dest, follower] = [await given.outsider(1), await given.follower(1)];
    const stock = [await given.follower(2, { ctCache: false }), await given.follower(3, { at: "127.3.0.1" })];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.received(follower, "fwd_bitfield");
    await given.when("it is interested there", () => dest.visits[0]?.count("interested") === 1);
    given.clock.advance(1000);
    for (const raw of [follower, ...stock]) {
      await raw.ping();
      expect(raw.count("have") + raw.count("bitfield") + raw.count("have-all")).toBe(0);
    }
    expect(stock.flatMap((raw) => forwardedTo(raw))).toEqual([]);
  });

  it("forwards what it is connected with already without another connection", async () => {
    const given = await Leading.begin();
    const dest = await given.outsider(1);
    const followers = [await given.follower(1), await given.follower(2)];
    for (const follower of followers) {
      follower.tell({ m: "leader_start", dest: dest.endpoint });
      await given.received(follower, "fwd_bitfield");
    }
    expect(dest.visits.length).toBe(1);
  });

  it("says again that it stands when asked again, and dials nobody again", async () => {
    const given = await Leading.begin();
    const [dest, follower] = [await given.outsider(1), await given.follower(1)];
    for (let times = 1; times <= 3; times++) {
      follower.tell({ m: "leader_start", dest: dest.endpoint });
      await given.received(follower, "leader_started", times);
    }
    expect(forwardedTo(follower).length).toBe(16);
    expect(dest.visits.length).toBe(1);
  });

  it("tells the follower when the destination is lost, and connects again when asked again", async () => {
    const given = await Leading.begin();
    const [dest, follower] = [await given.outsider(1), await given.follower(1)];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.received(follower, "fwd_bitfield");
    given.clock.advance(60_000);
    dest.visits[0]?.socket.destroy();
    await given.received(follower, "leader_stop");
    expect(follower.toldOf("leader_stop")[0]?.dest).toEqual(dest.endpoint);
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.received(follower, "leader_started", 2);
    await given.when("it was dialled again", () => dest.visits.length === 2);
  });

  it("forwards nothing more of a destination that the follower ended, and goes on for the others", async () => {
    const given = await Leading.begin({ torrent: await aTorrent(200) });
    const dest = await given.outsider(1, { have: [1] });
    const followers = [await given.follower(1), await given.follower(2)] as const;
    for (const follower of followers) {
      follower.tell({ m: "leader_start", dest: dest.endpoint });
      await given.received(follower, "fwd_have");
    }
    followers[0].tell({ m: "leader_stop", dest: dest.endpoint });
    await followers[0].ping();
    dest.visits[0]?.wire.have(2);
    await given.received(followers[1], "fwd_have", 2);
    given.clock.advance(1000);
    await followers[0].ping();
    expect(forwardedTo(followers[0])).toEqual([1]);
  });

  it("forwards nothing that it got while the forward was being gathered, and tells of it once, by a have", async () => {
    const given = await Leading.begin({ torrent: await aTorrent(200) });
    const giver = await given.outsider(1, { have: [], serves: true });
    const follower = await given.follower(1);
    follower.tell({ m: "leader_start", dest: giver.endpoint });
    await given.received(follower, "leader_started");
    await given.when("hands are shaken", () => giver.visits.length === 1);
    giver.visits[0]?.wire.have(9);
    // The clock stands: the forward waits for the sweep, and the piece comes before.
    await until("the piece is there", () => given.leader.torrent.status().verifiedBytes > 0);
    await given.received(follower, "have");
    given.clock.advance(1000);
    await follower.ping();
    expect(forwardedTo(follower)).toEqual([]);
    expect(follower.count("have")).toBe(1);
  });
});

describe("a leader that has every piece", () => {
  it("ends the forwarding, closes what it opened for followers, and refuses more", async () => {
    const given = await Leading.begin();
    const [dest, follower] = [await given.outsider(1, { serves: true }), await given.follower(1)];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await given.received(follower, "leader_stop");
    await given.when("the destination is rid of it", () => dest.visits[0]?.isClosed === true);
    await given.leader.complete();
    const other = await given.outsider(2);
    follower.tell({ m: "leader_start", dest: other.endpoint });
    await given.received(follower, "leader_refused");
    expect(follower.toldOf("leader_refused")[0]).toMatchObject({ dest: other.endpoint, why: "complete" });
    expect(other.visits).toEqual([]);
  });
});
