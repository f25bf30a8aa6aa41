import {
  type CtCacheBody,
  decodeCtCache,
  encodeCtCache,
  LIMITS,
  PieceSet,
  unwrap,
} from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import { piecesOf } from "../src/indirect/pieces-of.ts";
import { Relay } from "../src/indirect/relay.ts";

/** A relay, and what it told. */
function given(pieceCount: number, isNews: (piece: number) => boolean = () => true) {
  const told: CtCacheBody[] = [];
  const relay = new Relay({ pieceCount, isNews, tell: (body) => void told.push(body) });
  /** As the follower understands it. */
  const pieces = (): number[] =>
    told.flatMap((body) => {
      const message = unwrap(decodeCtCache(encodeCtCache({ ...body, term: 1 }), pieceCount));
      return message.m === "fwd_bitfield" || message.m === "fwd_have" ? [...piecesOf(message)] : [];
    });
  return { pieces, relay, told };
}

const everyTenth = (pieceCount: number) =>
  Array.from({ length: Math.ceil(pieceCount / 10) }, (_, i) => i * 10);

it("a map of very many pieces is forwarded in parts, of which empty ones are left out", () => {
  const perPart = LIMITS.cache.bitsPerForward * 8;
  const { pieces, relay, told } = given(4 * perPart - 3);
  const expected = [...everyTenth(perPart), ...everyTenth(perPart).map((piece) => 3 * perPart - 10 + piece)];
  for (const piece of expected) relay.add(piece);
  relay.flush();
  expect(told.map((body) => body.m === "fwd_bitfield" && body.from)).toEqual([0, 2 * perPart, 3 * perPart]);
  expect(pieces()).toEqual([...new Set(expected)].filter((piece) => piece < 4 * perPart - 3));
});

it("a long list of pieces is forwarded in as many messages as it needs", () => {
  const pieceCount = 1_000_000;
  const most = LIMITS.cache.piecesPerForward;
  const { pieces, relay, told } = given(pieceCount);
  const expected = everyTenth(pieceCount).slice(0, 2 * most + 1);
  for (const piece of expected) relay.add(piece);
  relay.flush();
  expect(told.map(({ m }) => m)).toEqual(["fwd_have", "fwd_have", "fwd_have"]);
  expect(pieces()).toEqual(expected);
});

it("a piece is told once, and not at all when it is no news by then", () => {
  const held = new Set<number>();
  const { pieces, relay, told } = given(100, (piece) => !held.has(piece));
  for (const piece of [1, 2, 1]) relay.add(piece);
  held.add(2);
  relay.flush();
  relay.add(1);
  relay.flush();
  relay.flush();
  expect(pieces()).toEqual([1]);
  expect(told.length).toBe(1);
});

it("what a peer has is looked at again only when it has more", () => {
  let looks = 0;
  const theirs = new PieceSet(100);
  const source = { theirs };
  const { pieces, relay } = given(100, () => ++looks > 0);
  theirs.add(5);
  for (let again = 0; again < 10; again++) relay.addAll(source);
  relay.flush();
  expect(looks).toBeLessThanOrEqual(2);
  theirs.add(6);
  relay.addAll(source);
  relay.flush();
  expect(pieces()).toEqual([5, 6]);
});
