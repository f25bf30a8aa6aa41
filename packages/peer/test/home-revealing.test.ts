import { describe, expect, it } from "vitest";
import { homeOf } from "../src/exchange/home-reveal.ts";
import { as, Coordinating, revealedTo } from "./support/coordinating.ts";
import { asn } from "./support/samples.ts";

const OTHERS = [as(2), as(3)];
const PIECES = 24;
const homesOf = (number: number) =>
  Array.from({ length: PIECES }, (_, piece) => piece).filter(
    (piece) => homeOf(piece, OTHERS) === asn(number),
  );
const sorted = (pieces: readonly number[]) => [...pieces].sort((a, b) => a - b);

/** A seed in AS 1, with a member at home unless it is said to be alone, and the ASes 2 and 3 in the swarm. */
async function given(options: { alone?: boolean; pieces?: number } = {}) {
  const { alone = false, pieces = PIECES } = options;
  const swarm = await Coordinating.begin({ pieces, word: { ases: [as(1, true), ...OTHERS] } });
  if (!alone) await swarm.join(1, "127.1.0.2");
  return swarm;
}

describe("an initial seed that is not alone in its AS", () => {
  it("reveals to members of another AS only what has its home there", async () => {
    const swarm = await given();
    const two = await swarm.join(2, "127.2.0.1", { interested: true });
    const three = await swarm.join(3, "127.3.0.1", { interested: true });
    for (const raw of [two, three]) swarm.fetchAll(raw);
    await swarm.when("all has come out", () => two.blocks.length + three.blocks.length === 2 * PIECES);
    await swarm.pass(1000);
    expect(sorted(revealedTo(two))).toEqual(homesOf(2));
    expect(sorted(revealedTo(three))).toEqual(homesOf(3));
  });

  it("reveals everything at home", async () => {
    const swarm = await given();
    const home = await swarm.join(2, "127.1.0.3", { interested: true });
    swarm.fetchAll(home);
    await swarm.when("it has got all", () => home.blocks.length === 2 * PIECES);
  });

  it("reveals everything when its external neighbours together hold it", async () => {
    const swarm = await given();
    const two = await swarm.join(2, "127.2.0.1", { interested: true });
    const three = await swarm.join(3, "127.3.0.1", { interested: true });
    for (const raw of [two, three]) {
      swarm.fetchAll(raw);
      raw.wire.on("piece", (piece, begin) => begin > 0 && raw.wire.have(piece));
    }
    await swarm.when("both are told of all", () =>
      [two, three].every((raw) => new Set(revealedTo(raw)).size === PIECES),
    );
  });

  it("reveals everything when nothing new has appeared among them for 15 s", async () => {
    const swarm = await given();
    const two = await swarm.join(2, "127.2.0.1", { interested: true });
    swarm.fetchAll(two);
    await swarm.when("it has got its own", () => two.blocks.length === 2 * homesOf(2).length);
    const since = swarm.clock.now();
    await swarm.when("it gets all the others", () => two.blocks.length === 2 * PIECES, 100);
    expect(swarm.clock.now() - since).toBeGreaterThan(10_000);
  });

  it("reveals to stock clients of other ASes as if there were no homes", async () => {
    const swarm = await given({ pieces: 12 });
    const stock = await swarm.join(2, "127.2.0.1", { stock: true, interested: true });
    swarm.fetchAll(stock);
    await swarm.when("it has got all", () => stock.blocks.length === 24);
  });
});

it("an initial seed that is alone in its AS reveals everything to everybody", async () => {
  const swarm = await given({ alone: true, pieces: 12 });
  const two = await swarm.join(2, "127.2.0.1", { interested: true });
  swarm.fetchAll(two);
  await swarm.when("it has got all", () => two.blocks.length === 24);
});

it("a member at home that fetches reveals to other ASes only what has its home there, from its first piece on", async () => {
  const swarm = await Coordinating.begin({
    pieces: PIECES,
    seeds: false,
    word: { ases: [as(1, true), ...OTHERS] },
  });
  const source = await swarm.join(1, "127.1.0.2", { interested: true });
  const two = await swarm.join(2, "127.2.0.1", { interested: true });
  const stock = await swarm.join(3, "127.2.0.2", { stock: true, interested: true });
  source.wire.haveAll();
  const { content, metainfo } = swarm.torrent;
  source.wire.on("request", (piece, begin, length) => {
    const start = piece * metainfo.pieceLength + begin;
    source.wire.piece(piece, begin, content.subarray(start, start + length));
  });
  source.wire.unchoke();
  await swarm.when("it is complete", () => swarm.seed.completed.size > 0);
  const late = await swarm.join(4, "127.3.0.1");
  await swarm.when("all are told", () => revealedTo(stock).length === PIECES && revealedTo(late).length > 0);
  await swarm.pass(1000);
  expect(sorted(revealedTo(two))).toEqual(homesOf(2));
  expect(sorted(revealedTo(late))).toEqual(homesOf(3));
  expect(late.count("have-none")).toBe(1);
  await swarm.when("both are told of all after 15 s", () => revealedTo(two).length === PIECES, 100);
});
