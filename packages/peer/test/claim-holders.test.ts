import { formatEndpoint, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, PIECE } from "./support/claiming.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";
import { numberedPeerId } from "./support/test-peer.ts";
import { until } from "./support/until.ts";

/** A peer that listens, has these pieces, and gives them; who dialled it is in `visits`. */
async function holder(given: Claiming, at: string, pieces: readonly number[]) {
  const visits: RawPeer[] = [];
  const { infoHash } = given.torrent.metainfo;
  const peerId = numberedPeerId(300_000 + Number(at.split(".")[3]));
  const listening = await RawPeer.listen({ infoHash, at, peerId }, (raw) => {
    visits.push(raw);
    raw.wire.on("handshake", () => {
      raw.handshake();
      for (const piece of pieces) raw.wire.have(piece);
      given.serve(raw);
    });
  });
  return { endpoint: listening, visits };
}

/** All that the member misses is taken, and it knows nobody who has it: it asks for one piece after the other. */
async function missing(pieces: number, given: Parameters<typeof Claiming.begin>[0] = {}) {
  const story = await Claiming.begin({ pieces, ...given });
  const bits = new Uint8Array(Math.ceil(pieces / 8));
  for (let piece = 0; piece < pieces; piece++)
    bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
  story.head.tell({ m: "taken_map", bits, from: 0 });
  await story.until("it asks who holds it", () => story.toldTo(story.head, "where").length > 0);
  return story;
}

const asked = (given: Claiming) => given.toldTo(given.head, "where");

function answer(given: Claiming, ...holders: readonly string[]): number {
  const { piece, q } = asked(given).at(-1) ?? { piece: -1, q: -1 };
  given.head.tell({ m: "holders", q, piece, endpoints: holders.map(endpoint) });
  return piece;
}

describe("a member that misses what is in its AS, and is at nobody whom it knows", () => {
  it("asks its head who holds it, connects with the holder, and gets it", async () => {
    const given = await missing(1);
    const there = await holder(given, "127.1.3.1", [0]);
    answer(given, formatEndpoint(there.endpoint));
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(given.tracker.located.map(formatEndpoint)).toContain(formatEndpoint(there.endpoint));
    expect(given.peer.torrent.status().internalBytes).toBe(PIECE);
  });

  it("waits four times as long as pieces take, for what is on its way through the AS comes by itself", async () => {
    const given = await Claiming.begin({ pieces: 2 });
    const outside = await given.outsider(1, { have: [0] });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([0]);
    await given.until("it asks outside", () => outside.count("request") === 1);
    await given.pass(6000);
    given.send(outside, 0);
    // On a clock that stands still: what it took is known once it is verified and written, which takes time of its own.
    await until("the piece is there", () => given.peer.torrent.have?.size === 1);
    const takenAt = given.clock.now();
    given.head.tell({ m: "taken", pieces: [1] });
    await given.until("it asks who holds the other one", () => asked(given).length > 0);
    expect(given.clock.now() - takenAt).toBeGreaterThanOrEqual(4 * 6000);
  });

  it("asks again after it got nothing in 20 s, and names who gave nothing", async () => {
    const given = await missing(1);
    const there = await holder(given, "127.1.3.1", []);
    answer(given, formatEndpoint(there.endpoint));
    const answeredAt = given.clock.now();
    await given.until("it names the holder", () => (asked(given).at(-1)?.not.length ?? 0) > 0);
    expect(asked(given).at(-1)?.not).toEqual([there.endpoint]);
    expect(given.clock.now() - answeredAt).toBeGreaterThanOrEqual(LIMITS.claims.whereMs);
  });

  it("never fetches it from outside meanwhile", async () => {
    const given = await missing(1);
    const outside = await given.outsider(1, { have: [0] });
    outside.wire.unchoke();
    given.denying.add(given.head);
    await given.pass(10_000);
    expect(outside.count("request")).toBe(0);
    expect(given.claims()).toEqual([]);
  });

  it("asks also for a piece of which it has a part already", async () => {
    const given = await Claiming.begin({ pieces: 1, blocks: 2 });
    const outside = await given.outsider(1, { have: [0] });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([0]);
    await given.until("it asks", () => outside.count("request") === 2);
    given.send(outside, 0);
    await given.until("half of it came", () => given.peer.receivedBytes === PIECE);
    outside.socket.destroy();
    given.head.tell({ m: "revoke", piece: 0 });
    given.head.tell({ m: "taken", pieces: [0] });
    await given.until("it asks who holds it", () => asked(given).length > 0);
    const there = await holder(given, "127.1.3.1", [0]);
    answer(given, formatEndpoint(there.endpoint));
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(given.peer.receivedBytes).toBe(2 * PIECE);
  });

  it("does not dial a holder that the tracker does not know in this swarm", async () => {
    const given = await missing(1);
    const there = await holder(given, "127.1.3.1", [0]);
    given.tracker.knowOnly(endpoint("127.1.3.2:7777"));
    answer(given, formatEndpoint(there.endpoint));
    await given.until("it asks the tracker", () => given.tracker.located.length > 0);
    await given.pass(3000);
    expect(there.visits).toEqual([]);
  });

  it("does not dial a holder of another AS", async () => {
    const given = await missing(1);
    const there = await holder(given, "127.2.3.1", [0]);
    answer(given, formatEndpoint(there.endpoint));
    await given.until("it asks the tracker", () => given.tracker.located.length > 0);
    await given.pass(3000);
    expect(there.visits).toEqual([]);
  });

  it.each(["127.1.3.1:80", "224.0.0.1:7777", "0.0.0.0:7777"])(
    "does not even ask the tracker about %s",
    async (named) => {
      const given = await missing(1);
      const there = await holder(given, "127.1.3.2", [0]);
      answer(given, named, formatEndpoint(there.endpoint));
      await given.until("it has the piece", () => given.peer.completed.size > 0);
      expect(given.tracker.located.map(formatEndpoint)).not.toContain(named);
    },
  );

  it("dials no more than 16 holders at a time, whatever the head names", async () => {
    const given = await missing(20);
    const named = Array.from({ length: 8 }, (_, i) => `127.1.4.${i + 1}:7777`);
    for (let i = 0; i < 3; i++) {
      answer(given, ...named);
      const before = asked(given).length;
      await given.until("it asks for the next one", () => asked(given).length > before);
    }
    expect(given.tracker.located.length).toBeLessThanOrEqual(16);
  });

  it("reports a head of whose holders three have nothing", async () => {
    const given = await missing(1);
    const there = await Promise.all([1, 2, 3].map((n) => holder(given, `127.1.3.${n}`, [])));
    answer(given, ...there.map((one) => formatEndpoint(one.endpoint)));
    await given.until("the tracker hears of it", () => given.tracker.reports.length > 0);
    expect(given.tracker.reports).toEqual([given.head.peerId]);
    await given.until("it asks the standby", () => given.toldTo(given.standby, "open").length > 0);
  });
});
