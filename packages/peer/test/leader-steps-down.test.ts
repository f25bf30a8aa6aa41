import { describe, expect, it } from "vitest";
import { Leading } from "./support/leading.ts";
import type { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId } from "./support/test-peer.ts";
import { KIB } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const BLOCK = 16 * KIB;
const elsewhere = { peerId: numberedPeerId(500_000), endpoint: endpoint("127.1.7.7:7777") };

const requests = (raw: RawPeer, name = "request") => raw.messages.filter((message) => message[0] === name);

/** Answers the request of that number with its block. */
function answer(swarm: Leading, raw: RawPeer, nth: number): void {
  const [, piece = 0, begin = 0, length = 0] = requests(raw)[nth] ?? [];
  const start = piece * swarm.torrent.metainfo.pieceLength + begin;
  raw.wire.piece(piece, begin, swarm.torrent.content.subarray(start, start + length));
}

/** A leader that asked a stock peer outside, which dialled it, for four blocks, and got the first. */
async function given({ fast = true, isSeed = false } = {}) {
  const swarm = await Leading.begin();
  const stock = await swarm.follower(9, { ctCache: false, at: "127.5.0.1", fast });
  stock.wire.bitfield(Buffer.of(0xff, isSeed ? 0xff : 0xfe));
  stock.wire.unchoke();
  await swarm.received(stock, "request", 4);
  answer(swarm, stock, 0);
  await until("a block is there", () => swarm.leader.receivedBytes === BLOCK);
  const role = () => swarm.leader.torrent.status().role;
  return { swarm, stock, role, asked: requests(stock).length };
}

/** By role, the payload that came from the stock peer's AS. */
const accounts = (swarm: Leading) =>
  swarm.leader.accounts.roles.map(({ bytesByAsn, role }) => [role, bytesByAsn["5"] ?? 0]);

/** Others lead; resolves as soon as the peer knows, the clock standing from then on. */
async function stepDown(swarm: Leading): Promise<void> {
  const term = swarm.tracker.tell({ leaders: [elsewhere] });
  await swarm.when("it knows", () => swarm.leader.torrent.status().term === term);
}

describe("a leader that becomes a follower", () => {
  it("lets a seed outside go, and is a follower when nothing can come of it any more", async () => {
    const { role, stock, swarm } = await given({ isSeed: true });
    await stepDown(swarm);
    await stock.closed();
    await swarm.when("it is a follower", () => role() === "follower");
    expect(accounts(swarm)).toEqual([
      ["pending", 0],
      ["leader", BLOCK],
      ["follower", 0],
    ]);
  });

  it("tells its followers, also those whose dial is under way, and closes what it opened for them", async () => {
    const swarm = await Leading.begin();
    const [dest, waiting, follower] = [
      await swarm.outsider(1),
      await swarm.outsider(2),
      await swarm.follower(1),
    ];
    follower.tell({ m: "leader_start", dest: dest.endpoint });
    await swarm.received(follower, "fwd_bitfield");
    follower.tell({ m: "leader_start", dest: waiting.endpoint });
    await follower.ping();
    await stepDown(swarm);
    await swarm.received(follower, "leader_stop", 2);
    expect(
      follower
        .toldOf("leader_stop")
        .map((message) => message.dest.address)
        .sort(),
    ).toEqual([dest.endpoint.address, waiting.endpoint.address]);
    await swarm.when("the destination is rid of it", () => dest.visits[0]?.isClosed === true);
    follower.tell({ m: "leader_start", dest: waiting.endpoint });
    await swarm.received(follower, "leader_refused");
    expect(follower.toldOf("leader_refused")[0]?.why).toBe("not leading");
    await swarm.when("nobody is connected", () => waiting.visits.every((visit) => visit.isClosed));
  });

  it("takes back what it asked outside, and is a follower in its ledger when the last answer came", async () => {
    const { asked, role, stock, swarm } = await given();
    await stepDown(swarm);
    await until("all is taken back", () => requests(stock, "cancel").length === asked - 1);
    await until("it is not interested", () => stock.count("uninterested") === 1);
    swarm.clock.advance(500);
    expect(role()).toBe("leader");
    for (const [, piece = 0, begin = 0, length = 0] of requests(stock).slice(2)) {
      stock.wire.reject(piece, begin, length);
    }
    await stock.ping();
    swarm.clock.advance(500);
    expect(role()).toBe("leader");
    // What is under way is taken, and counts, while it is a leader.
    answer(swarm, stock, 1);
    await until("it is there", () => swarm.leader.receivedBytes === 2 * BLOCK);
    expect(role()).toBe("leader");
    swarm.clock.advance(250);
    expect(role()).toBe("follower");
    expect(accounts(swarm)).toEqual([
      ["pending", 0],
      ["leader", 2 * BLOCK],
      ["follower", 0],
    ]);
    expect(stock.isClosed).toBe(false);
    // Not as long as it takes to escape.
    swarm.clock.advance(10_000);
    await stock.ping();
    expect(requests(stock).length).toBe(asked);
  });

  it("closes after 2 s the connection of a peer without the fast extension that may still send something", async () => {
    const { role, stock, swarm } = await given({ fast: false });
    await stepDown(swarm);
    const began = swarm.clock.now();
    await until("all is taken back", () => stock.count("cancel") > 0);
    await swarm.when("it is a follower", () => role() === "follower", 50);
    expect(swarm.clock.now() - began).toBeGreaterThanOrEqual(1950);
    expect(swarm.clock.now() - began).toBeLessThanOrEqual(2300);
    answer(swarm, stock, 1);
    await stock.closed();
    swarm.clock.advance(5000);
    expect(swarm.leader.torrent.status().externalBytes).toBe(BLOCK);
    expect(accounts(swarm)).toEqual([
      ["pending", 0],
      ["leader", BLOCK],
      ["follower", 0],
    ]);
  });

  it("keeps the blocks that it had, and gets the rest of the piece inside", async () => {
    const { stock, swarm } = await given();
    const [, piece = -1, begin = -1] = requests(stock)[0] ?? [];
    await stepDown(swarm);
    stock.socket.destroy();
    await swarm.when("it is a follower", () => swarm.leader.torrent.status().role === "follower");
    const inside = await swarm.follower(1);
    inside.wire.have(piece);
    swarm.serve(inside);
    await swarm.when("the piece is there", () => swarm.leader.torrent.status().verifiedBytes === 2 * BLOCK);
    expect(requests(inside)).toEqual([["request", piece, begin === 0 ? BLOCK : 0, BLOCK]]);
    expect(swarm.leader.torrent.status()).toMatchObject({ externalBytes: BLOCK, internalBytes: BLOCK });
  });

  it("and a leader again before the last answer came goes on as one", async () => {
    const { asked, role, stock, swarm } = await given();
    await stepDown(swarm);
    await until("all is taken back", () => requests(stock, "cancel").length === asked - 1);
    await swarm.elect([swarm.leader]);
    swarm.clock.advance(3000);
    await stock.ping();
    expect(role()).toBe("leader");
    expect(stock.isClosed).toBe(false);
    for (const [, piece = 0, begin = 0, length = 0] of requests(stock).slice(1)) {
      stock.wire.reject(piece, begin, length);
    }
    await swarm.when("it asks again", () => requests(stock).length > asked);
    expect(swarm.leader.accounts.roles.map((span) => span.role)).toEqual(["pending", "leader"]);
  });
});
