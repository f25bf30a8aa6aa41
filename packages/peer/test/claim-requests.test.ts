import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, PIECE, requests } from "./support/claiming.ts";
import { aTorrent } from "./support/following.ts";
import { WebServer } from "./support/web-server.ts";

const { deniedMs, lingerMs } = LIMITS.claims;

describe("a member that is unchoked by an outside neighbour", () => {
  it("claims what the neighbour has and it lacks, and asks for nothing before it is granted", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [3, 8, 21] });
    outside.wire.unchoke();
    const claim = await given.claimed();
    expect([...claim.pieces].sort((a, b) => a - b)).toEqual([3, 8, 21]);
    expect(claim.from).toEqual({ address: "127.2.0.1", port: 7001 });
    expect(claim.up).toBe(LIMITS.peer.defaultCapacity);
    expect(claim.n).toBeGreaterThan(0);
    await given.pass(3000);
    expect(outside.count("request")).toBe(0);
    given.grant([8]);
    await given.until("it asks", () => outside.count("request") > 0);
    expect(requests(outside)).toEqual([8]);
  });

  it("claims nothing over a connection on which it is choked", async () => {
    const given = await Claiming.begin();
    await given.outsider(1, { have: "all" });
    await given.pass(3000);
    expect(given.claims()).toEqual([]);
  });

  it("has one claim open for each neighbour", async () => {
    const given = await Claiming.begin();
    const neighbours = [await given.outsider(1, { have: "all" }), await given.outsider(2, { have: "all" })];
    for (const outside of neighbours) outside.wire.unchoke();
    await given.claimed(2);
    await given.pass(5000);
    expect(
      given
        .claims()
        .map(({ from }) => from.port)
        .sort(),
    ).toEqual([7001, 7002]);
  });

  it("asks for what is granted in the order of the grant, and for two pieces at first", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([30, 4, 17]);
    await given.until("it asks", () => outside.count("request") >= 2);
    await given.pass(1000);
    expect(requests(outside)).toEqual([30, 4]);
    given.send(outside, 30);
    await given.until("it asks for the next one", () => outside.count("request") > 2);
    expect(requests(outside)).toEqual([30, 4, 17]);
  });

  it("asks for one piece at a time of a fourth neighbour, as long as no rate is known", async () => {
    const given = await Claiming.begin();
    const neighbours = await Promise.all([1, 2, 3, 4].map((n) => given.outsider(n, { have: "all" })));
    for (const [i, outside] of neighbours.entries()) {
      outside.wire.unchoke();
      await given.claimed(i + 1);
      given.grant([3 * i, 3 * i + 1, 3 * i + 2]);
    }
    await given.pass(1000);
    expect(neighbours.map((outside) => requests(outside).length)).toEqual([2, 2, 2, 1]);
  });

  it("asks for more pieces ahead of a fast neighbour, and never for more than 16", async () => {
    const given = await Claiming.begin({ pieces: 600 });
    const outside = await given.outsider(1, { have: "all" });
    let open = 0;
    let most = 0;
    const waiting: number[] = [];
    outside.wire.on("request", (piece) => {
      most = Math.max(most, ++open);
      waiting.push(piece);
    });
    outside.wire.unchoke();
    let answered = 0;
    await given.until(
      "it has everything",
      () => {
        while (answered < given.claims().length) {
          answered = given.claims().length;
          given.grant();
        }
        for (const piece of waiting.splice(0)) {
          open--;
          given.send(outside, piece);
        }
        return given.peer.completed.size > 0;
      },
      10,
    );
    expect(most).toBeGreaterThan(4);
    expect(most).toBeLessThanOrEqual(16);
    expect(given.peer.receivedBytes).toBe(600 * PIECE);
  });

  it("asks for nothing that was not in its claim, and for nothing that another one answers", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    const other = await given.insider(1);
    outside.wire.unchoke();
    const { pieces, q } = await given.claimed();
    other.tell({ m: "grant", q, pieces, ttlMs: 10_000 });
    given.standby.tell({ m: "grant", q, pieces, ttlMs: 10_000 });
    given.head.tell({ m: "grant", q: q + 77, pieces, ttlMs: 10_000 });
    await given.pass(2000);
    expect(outside.count("request")).toBe(0);
  });

  it("takes back what is revoked, and does not ask for it any more", async () => {
    const given = await Claiming.begin({ blocks: 2 });
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([7, 9]);
    await given.until("it asks", () => outside.count("request") === 4);
    given.head.tell({ m: "revoke", piece: 7 });
    await given.until("it takes it back", () => outside.count("cancel") === 2);
    expect(outside.messages.filter(([name]) => name === "cancel").map(([, piece]) => piece)).toEqual([7, 7]);
    await given.pass(2000);
    expect(requests(outside)).toEqual([7, 7, 9, 9]);
  });
});

describe("a member that knows a web seed", () => {
  it("asks it for what it was granted of it, each piece once, and for nothing before", async () => {
    const torrent = await aTorrent();
    const web = await WebServer.of(torrent);
    const granted = new Set<number>();
    const asked: number[] = [];
    const early: number[] = [];
    web.behaviour = ({ headers }) => {
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(headers.range ?? "") ?? expect.unreachable();
      for (let piece = Math.floor(Number(first) / PIECE); piece * PIECE <= Number(last); piece++) {
        asked.push(piece);
        if (!granted.has(piece)) early.push(piece);
      }
      return false;
    };
    const given = await Claiming.begin({ torrent, webSeeds: [web.url] });
    expect((await given.claimed()).pieces.length).toBeGreaterThan(2);
    await given.pass(3000);
    expect(asked).toEqual([]);
    let answered = 0;
    await given.until("it has everything", () => {
      while (answered < given.claims().length) {
        answered = given.claims().length;
        for (const piece of given.grant()) granted.add(piece);
      }
      return given.peer.completed.size > 0;
    });
    expect(early).toEqual([]);
    expect(asked.sort((a, b) => a - b)).toEqual(Array.from({ length: 40 }, (_, piece) => piece));
  });
});

describe("a denied claim", () => {
  it("is repeated after 1 s", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    outside.wire.unchoke();
    const { q } = await given.claimed();
    const deniedAt = given.clock.now();
    given.head.tell({ m: "deny", q, why: "window" });
    await given.claimed(2);
    expect(given.clock.now() - deniedAt).toBeGreaterThanOrEqual(deniedMs);
    expect(given.clock.now() - deniedAt).toBeLessThan(deniedMs + 1000);
  });

  it("is repeated at once when the neighbour announces a piece that is free", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [5] });
    outside.wire.unchoke();
    const { q } = await given.claimed();
    const taken = new Uint8Array(5);
    taken[0] = 0b0000_0100;
    given.head.tell({ m: "deny", q, why: "claimed", taken });
    await given.pass(300);
    outside.wire.have(6);
    await given.pass(300);
    expect(given.claims().map(({ pieces }) => pieces)).toEqual([[5], [6]]);
  });

  it("is not repeated when the neighbour announces a piece that is taken", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [5] });
    outside.wire.unchoke();
    const { q } = await given.claimed();
    given.head.tell({ m: "deny", q, why: "claimed", taken: Uint8Array.of(0b0000_0110, 0, 0, 0, 0) });
    await given.pass(300);
    outside.wire.have(6);
    await given.pass(4000);
    expect(given.claims()).toHaveLength(1);
  });
});

describe("interest in an outside neighbour", () => {
  it("lasts while it has a piece that is not taken, and a quarter of a second beyond", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [5, 6] });
    await given.until("it is interested", () => outside.count("interested") > 0);
    given.head.tell({ m: "taken", pieces: [5] });
    await given.pass(2000);
    expect(outside.count("uninterested")).toBe(0);
    const takenAt = given.clock.now();
    given.head.tell({ m: "taken", pieces: [6] });
    await given.until("it is not interested", () => outside.count("uninterested") > 0);
    expect(given.clock.now() - takenAt).toBeGreaterThanOrEqual(lingerMs);
    expect(given.clock.now() - takenAt).toBeLessThan(lingerMs + 1000);
  });

  it("does not end when within that time a piece is free", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [5] });
    await given.until("it is interested", () => outside.count("interested") > 0);
    given.head.tell({ m: "taken", pieces: [5] });
    given.head.tell({ m: "taken_map", bits: new Uint8Array(5), from: 0 });
    await given.pass(2000);
    expect(outside.count("uninterested")).toBe(0);
  });

  it("begins again with a piece that is not taken", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [5] });
    await given.until("it is interested", () => outside.count("interested") > 0);
    given.head.tell({ m: "taken", pieces: [5] });
    await given.until("it is not interested", () => outside.count("uninterested") > 0);
    outside.wire.have(6);
    await given.until("it is interested", () => outside.count("interested") > 1);
  });

  it("stays while it has a grant for what that neighbour holds", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: [5] });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([5]);
    given.head.tell({ m: "taken", pieces: [5] });
    await given.pass(2000);
    expect(outside.count("uninterested")).toBe(0);
    given.send(outside, 5);
    await given.until("it is not interested", () => outside.count("uninterested") > 0);
  });

  it("an outside seed of which it may ask nothing now stays connected", async () => {
    const given = await Claiming.begin();
    const outside = await given.outsider(1, { have: "all" });
    await given.until("it is interested", () => outside.count("interested") > 0);
    given.head.tell({ m: "taken_map", bits: new Uint8Array(5).fill(0xff), from: 0 });
    await given.until("it is not interested", () => outside.count("uninterested") > 0);
    await given.pass(3000);
    expect(outside.isClosed).toBe(false);
  });
});

describe("what a member holds", () => {
  it("is told to head and standby although they hold it themselves, and to nobody else who does", async () => {
    const given = await Claiming.begin();
    for (const { raw } of given.officers) raw.wire.have(5);
    const insider = await given.insider(1, { have: [5] });
    const outside = await given.outsider(1, { have: [5, 6] });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([5]);
    given.serve(outside);
    await given.until("head and standby know", () =>
      given.officers.every(({ raw }) => raw.messages.some(([name, piece]) => name === "have" && piece === 5)),
    );
    await given.pass(1000);
    expect(insider.count("have")).toBe(0);
  });
});
