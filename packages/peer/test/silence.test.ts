import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Claiming, PIECE, requests } from "./support/claiming.ts";
import { Coordinating, revealedTo } from "./support/coordinating.ts";

const { outsideSilenceMs } = LIMITS.claims;

describe("a member that waits for a neighbour in another AS", () => {
  async function waiting() {
    const given = await Claiming.begin({ blocks: 2 });
    const outside = await given.outsider(1, { have: [7], isSilent: true });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([7]);
    given.denying.add(given.head);
    await given.until("it asks", () => outside.count("request") === 2);
    return { given, outside };
  }
  const releases = (given: Claiming) => given.toldTo(given.head, "release");

  it("gives back what it claimed there after 3 s of silence, and claims there again once it has heard something", async () => {
    const { given, outside } = await waiting();
    const askedAt = given.clock.now();
    await given.until("it is given back", () => releases(given).length > 0);
    expect(releases(given)).toMatchObject([{ piece: 7, why: "choked" }]);
    expect(given.clock.now() - askedAt).toBeLessThan(outsideSilenceMs + 1000);

    const before = given.claims().length;
    await given.pass(15_000);
    expect(given.claims().length).toBe(before);
    outside.wire.keepAlive();
    await given.until("it claims it again", () => given.claims().length > before);
    expect(given.claims().at(-1)?.pieces).toEqual([7]);
  });

  it("gives back what is granted ahead there, too, with or without bytes of it, and no blame", async () => {
    const given = await Claiming.begin({ blocks: 2 });
    const outside = await given.outsider(1, { have: "all", isSilent: true });
    outside.wire.unchoke();
    await given.claimed();
    const granted = given.grant([1, 3, 5, 7, 9, 11]);
    given.denying.add(given.head);
    await given.until("it asks", () => outside.count("request") >= 2);
    given.send(outside, requests(outside)[0] ?? -1);
    await given.until("a block came", () => given.peer.receivedBytes === PIECE);
    await given.until("all are given back", () => releases(given).length === granted.length);
    expect(new Set(releases(given).map(({ piece }) => piece))).toEqual(new Set(granted));
    expect(releases(given).every(({ why }) => why === "choked")).toBe(true);
  });

  it("waits on while the neighbour says every second that it is there", async () => {
    const { given, outside } = await waiting();
    given.speak(outside);
    await given.pass(outsideSilenceMs + 3000);
    expect(releases(given)).toEqual([]);
    given.send(outside, 7);
    await given.until("a block came", () => given.peer.receivedBytes === PIECE);
  });

  it("says so itself, and is quiet when it waits for nothing", async () => {
    const { given, outside } = await waiting();
    given.speak(outside);
    await given.pass(5000);
    expect(outside.count("keep-alive")).toBeGreaterThanOrEqual(3);
    for (const block of [0, 1]) given.send(outside, 7, block);
    await given.until("the piece is there", () => given.head.raw.count("have") > 0);
    const before = outside.count("keep-alive");
    await given.pass(5000);
    expect(outside.count("keep-alive")).toBe(before);
  });

  it("does not expect it of a stock client", async () => {
    const given = await Claiming.begin({ blocks: 2 });
    const stock = await given.outsider(1, { have: [7], ctCache: false });
    stock.wire.unchoke();
    await given.claimed();
    given.grant([7]);
    await given.until("it asks", () => requests(stock).length === 2);
    await given.pass(outsideSilenceMs + 2000);
    expect(releases(given)).toEqual([]);
  });
});

it("a member says something every second to an initial seed, which it does not ask for anything", async () => {
  const given = await Claiming.begin();
  const seed = await given.outsider(1, { isInitialSeed: true });
  await given.pass(5000);
  expect(seed.count("keep-alive")).toBeGreaterThanOrEqual(3);
});

describe("an initial seed whose neighbour is cut off", () => {
  it("gives others what only that one had got", async () => {
    const given = await Coordinating.begin({ pieces: 16 });
    const cut = await given.join(1, "127.2.0.1", { interested: true, isSilent: true });
    const stopsSpeaking = given.speak(cut);
    await given.when("it is told of some", () => revealedTo(cut).length === 4);
    const got = revealedTo(cut).slice(0, 2);
    for (const piece of got) await given.fetch(cut, piece);
    const other = await given.join(2, "127.3.0.1", { interested: true });
    await given.when("the other one is told of some", () => revealedTo(other).length === 4);
    await given.pass(5000);
    const [open] = revealedTo(other);
    expect(got).not.toContain(open);
    stopsSpeaking();
    given.fetchAll(other);
    await given.when("the other one is told of it", () =>
      got.every((piece) => revealedTo(other).includes(piece)),
    );
    expect(new Set(revealedTo(other)).size).toBe(16);
  });

  it("lets others have its slot", async () => {
    const given = await Coordinating.begin({ pieces: 40, limitUp: 1 });
    const cut = await given.join(1, "127.2.0.1", { interested: true, isSilent: true });
    given.fetchAll(cut);
    await given.when("it has a slot", () => !cut.wire.peerChoking);
    await given.when("it is choked", () => cut.wire.peerChoking);
    cut.wire.keepAlive();
    await given.when("it has one again", () => !cut.wire.peerChoking);
  });
});
