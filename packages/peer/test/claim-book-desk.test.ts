import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, haves, PIECE, requests } from "./support/claiming.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { endpoint } from "./support/samples.ts";

const { headKeepAliveMs, takenMs, ttlMs } = LIMITS.claims;

/** A head with members that have told it of the claims they have: none. */
async function headOf(members: number, given: Parameters<typeof Claiming.begin>[0] = {}) {
  const story = await Claiming.begin({ office: "head", ...given });
  const raws = await Promise.all(Array.from({ length: members }, (_, i) => story.insider(i + 1)));
  await story.until("it grants", () => raws.every((raw) => raw.count("taken_map") > 0));
  return { given: story, members: raws };
}

describe("a head", () => {
  it("grants a piece to one member, and denies it to the next", async () => {
    const { given, members } = await headOf(2);
    const [a, b] = members as [RawPeer, RawPeer];
    expect(await given.grantedTo(a, [3, 4, 5], { n: 2 })).toEqual([3, 4]);
    expect(await given.grantedTo(b, [3, 5])).toEqual([5]);
    const denial = await given.answer(b, given.claim(b, [3, 4]));
    expect(denial).toMatchObject({ m: "deny", why: "claimed" });
    expect(denial.m === "deny" && [...(denial.taken ?? [])]).toEqual([0b0001_1100, 0, 0, 0, 0]);
  });

  it("grants to itself out of the same book", async () => {
    const { given, members } = await headOf(1);
    const [member] = members as [RawPeer];
    expect(await given.grantedTo(member, [0, 1])).toEqual([0, 1]);
    const outside = await given.outsider(1, { have: [0, 1, 2] });
    outside.wire.unchoke();
    await given.until("it asks", () => outside.count("request") > 0);
    await given.pass(2000);
    expect(requests(outside)).toEqual([2]);
    expect(await given.grantedTo(member, [2])).toEqual([]);
    given.serve(outside);
    await given.until("it has it", () => given.peer.receivedBytes === PIECE);
    expect(given.peer.torrent.status().externalBytes).toBe(PIECE);
  });

  it("tells what it holds, and grants it to nobody", async () => {
    const { given, members } = await headOf(1);
    const [member] = members as [RawPeer];
    const outside = await given.outsider(1, { have: [9] });
    given.serve(outside);
    await given.until("it tells of it", () => haves(member).includes(9));
    expect(await given.answer(member, given.claim(member, [9]))).toMatchObject({ m: "deny", why: "held" });
  });

  it("grants nobody what a member has brought along", async () => {
    const { given, members } = await headOf(1);
    const [member] = members as [RawPeer];
    const { infoHash, pieceCount } = given.torrent.metainfo;
    const options = { at: "127.1.1.9", infoHash, ctCache: { pieceCount }, clock: given.clock };
    const other = await RawPeer.join(given.peer.endpoint, options);
    other.wire.bitfield(Uint8Array.of(0b1010_0000, 0, 0, 0, 0));
    await given.pass(1000);
    expect(await given.answer(member, given.claim(member, [0, 2]))).toMatchObject({ m: "deny", why: "held" });
    expect(await given.grantedTo(member, [1])).toEqual([1]);
  });

  it("counts stock clients of its AS as holders, and tells them nothing", async () => {
    const { given, members } = await headOf(1);
    const [member] = members as [RawPeer];
    const stock = await given.insider(9, { ctCache: false, have: [4, 5] });
    await given.pass(3000);
    expect(await given.answer(member, given.claim(member, [4, 5]))).toMatchObject({ m: "deny", why: "held" });
    expect(stock.told).toEqual([]);
  });

  it("is told of the news, by its members, and passes it on at most once a second", async () => {
    const { given, members } = await headOf(3);
    const [a, b, c] = members as [RawPeer, RawPeer, RawPeer];
    await given.grantedTo(a, [3]);
    await given.grantedTo(b, [4]);
    const began = given.clock.now();
    await given.until("the third hears of both", () => c.toldOf("taken_map").at(-1)?.bits[0] === 0b0001_1000);
    await given.pass(5000);
    const seconds = (given.clock.now() - began) / takenMs;
    expect(c.count("taken") + c.count("taken_map")).toBeLessThanOrEqual(seconds + 2);
  });

  it("says something each second, so that members know that it lives", async () => {
    const { given, members } = await headOf(1);
    const [member] = members as [RawPeer];
    const before = member.messages.length;
    await given.pass(10 * headKeepAliveMs);
    expect(member.messages.length - before).toBeGreaterThanOrEqual(7);
  });

  it("tells who holds a piece, stock clients too, and leaves out whom the asker names", async () => {
    const { given, members } = await headOf(1);
    const [member] = members as [RawPeer];
    await given.insider(5, { have: [7] });
    await given.insider(6, { ctCache: false, have: [7] });
    await given.pass(3000);
    const ask = async (q: number, not: readonly string[]) => {
      member.tell({ m: "where", q, piece: 7, not: not.map(endpoint) });
      await given.until("it is answered", () => member.toldOf("holders").some((one) => one.q === q));
      const ports = member
        .toldOf("holders")
        .find((one) => one.q === q)
        ?.endpoints.map(({ port }) => port);
      return ports?.sort();
    };
    expect(await ask(1, [])).toEqual([7005, 7006]);
    expect(await ask(2, ["127.1.1.5:7005"])).toEqual([7006]);
  });

  it("frees at once what was claimed by somebody whose connection is reset", async () => {
    const { given, members } = await headOf(2);
    const [a, b] = members as [RawPeer, RawPeer];
    await given.grantedTo(a, [3, 4]);
    a.socket.resetAndDestroy();
    await given.until("it is gone", () => given.peer.peers === 2);
    expect(await given.grantedTo(b, [3, 4])).toEqual([3, 4]);
  });

  it("frees what was given back", async () => {
    const { given, members } = await headOf(2);
    const [a, b] = members as [RawPeer, RawPeer];
    await given.grantedTo(a, [3, 4]);
    a.tell({ m: "release", piece: 4, why: "choked", from: endpoint("127.2.0.9:7009") });
    await given.pass(500);
    expect(await given.grantedTo(b, [3, 4])).toEqual([4]);
  });

  it("answers a claim of somebody outside, and of nobody's term, with a denial at most", async () => {
    const { given } = await headOf(1);
    const outside = await given.outsider(1);
    expect(await given.answer(outside, given.claim(outside, [3]))).toMatchObject({
      m: "deny",
      why: "not head",
    });
    outside.tell({ m: "where", q: 9, piece: 3, not: [] });
    outside.tell({ m: "open", pieces: [3], ttlsMs: [5000] });
    await given.pass(1000);
    expect(outside.count("holders")).toBe(0);
    expect(outside.count("taken") + outside.count("taken_map")).toBe(0);
  });
});

describe("a hostile member", () => {
  it("that claims without end gets no more than its window, and the others go on", async () => {
    const { given, members } = await headOf(2);
    const [liar, other] = members as [RawPeer, RawPeer];
    const all = Array.from({ length: 40 }, (_, piece) => piece);
    for (let i = 0; i < 200; i++) given.claim(liar, all, { n: 64 });
    await given.until("all are answered", () => liar.count("grant") + liar.count("deny") === 200);
    expect(liar.toldOf("grant").flatMap(({ pieces }) => pieces)).toHaveLength(LIMITS.claims.windowStart);
    expect(await given.grantedTo(other, all, { n: 4 })).toHaveLength(4);
  });

  it("that floods is closed out", async () => {
    const { given, members } = await headOf(2);
    const [liar, other] = members as [RawPeer, RawPeer];
    for (let i = 0; i < 25_000; i++) given.claim(liar, [1]);
    await liar.closed();
    expect(await given.grantedTo(other, [1])).toEqual([1]);
  });

  it("that renews what others claimed is told to stop", async () => {
    const { given, members } = await headOf(2);
    const [a, liar] = members as [RawPeer, RawPeer];
    await given.grantedTo(a, [3]);
    liar.tell({ m: "renew", pieces: [3] });
    await given.until("it is told to stop", () => liar.count("revoke") > 0);
    expect(liar.toldOf("revoke")).toMatchObject([{ piece: 3 }]);
    expect(a.count("revoke")).toBe(0);
    liar.tell({ m: "release", piece: 3, why: "stalled", from: endpoint("127.2.0.9:7009") });
    await given.pass(500);
    expect(await given.grantedTo(liar, [3])).toEqual([]);
  });

  it("that claims and does not fetch loses the pieces, and is granted nothing for a while", async () => {
    const { given, members } = await headOf(2);
    const [liar, other] = members as [RawPeer, RawPeer];
    const grantedAt = given.clock.now();
    expect(await given.grantedTo(liar, [1, 2, 3, 4])).toEqual([1, 2, 3, 4]);
    await given.until("they are revoked", () => liar.count("revoke") === 4);
    expect(given.clock.now() - grantedAt).toBeGreaterThanOrEqual(ttlMs);
    expect(await given.answer(liar, given.claim(liar, [5, 6, 7, 8]))).toMatchObject({ why: "window" });
    const from = endpoint("127.2.0.8:7008");
    expect(await given.grantedTo(other, [1, 2], { from })).toEqual([1, 2]);
    await given.pass(5000);
    expect(await given.grantedTo(liar, [5, 6, 7, 8], { from })).toHaveLength(2);
  });

  it("that says it holds what it does not give is not believed when others complain", async () => {
    const { given, members } = await headOf(3);
    const [liar, a, b] = members as [RawPeer, RawPeer, RawPeer];
    liar.wire.have(7);
    await given.pass(500);
    expect(await given.grantedTo(a, [7])).toEqual([]);
    const not = [endpoint("127.1.1.1:7001")];
    for (const raw of [a, b]) raw.tell({ m: "where", q: 1, piece: 7, not });
    await given.pass(19_000);
    expect(await given.grantedTo(a, [7])).toEqual([]);
    await given.pass(3000);
    expect(await given.grantedTo(a, [7])).toEqual([7]);
  });
});

describe("an initial seed that keeps the book", () => {
  it("enters what it holds only when it has shown all of it", async () => {
    const { given, members } = await headOf(2, { seeds: true });
    const [a, b] = members as [RawPeer, RawPeer];
    expect(await given.grantedTo(a, [5])).toEqual([5]);
    // So everything has come out of it.
    for (let piece = 0; piece < 40; piece++) if (piece !== 7) a.wire.have(piece);
    await given.pass(1000);
    expect(await given.grantedTo(b, [7])).toEqual([7]);
    b.wire.have(7);
    await given.until("it tells that it is a seed", () => haves(b).length > 30);
    const c = await given.insider(3);
    await given.until("it is known", () => c.count("taken_map") > 0);
    expect(await given.answer(c, given.claim(c, [7]))).toMatchObject({ m: "deny", why: "held" });
    a.socket.resetAndDestroy();
    b.socket.resetAndDestroy();
    await given.until("both are gone", () => given.peer.peers === 2);
    expect(await given.answer(c, given.claim(c, [5]))).toMatchObject({ m: "deny", why: "held" });
  });
});
