import { seededRandom } from "@cachetorrent/clock";
import { LIMITS, PieceSet } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { BlockBook } from "../src/exchange/block-book.ts";
import { BufferBudget } from "../src/exchange/buffer-budget.ts";
import { Picker } from "../src/exchange/picker.ts";
import { type Giver, RequestScheduler } from "../src/exchange/request-scheduler.ts";
import { RateMeter } from "../src/rates/rate-meter.ts";
import { TokenBucket } from "../src/rates/token-bucket.ts";
import { requestKey, spanOfKey } from "../src/wire/block-request.ts";
import { Outstanding } from "../src/wire/outstanding.ts";

const BLOCK = LIMITS.peer.blockBytes;
const PIECES = 8;
const BLOCKS_A_PIECE = 4;

class Neighbour implements Giver {
  isWebSeed = false;
  isChoked = false;
  isOpen = true;
  isSilent = false;
  readonly says = { longestRequest: BLOCK as number, queueLength: Number.POSITIVE_INFINITY };
  restsUntil = 0;
  snubbed = false;
  wanted = PIECES;
  theirs = PieceSet.full(PIECES);
  readonly outstanding = new Outstanding(0);
  readonly downRate = new RateMeter(0);
  /** Blocks, in order. */
  readonly asked: string[] = [];
  /** Bytes of each request. */
  readonly lengths: number[] = [];

  request(piece: number, begin: number, length: number): void {
    for (let at = begin; at < begin + length; at += BLOCK) this.asked.push(`${piece}:${at / BLOCK}`);
    this.lengths.push(length);
    this.outstanding.asked(requestKey(piece, begin, length), 0);
  }

  /** Pieces asked for, each once, in order. */
  get pieces(): number[] {
    return [...new Set(this.asked.map((one) => Number(one.split(":")[0])))];
  }
}

function given(
  options: { blocksAPiece?: number; budget?: number; limitDown?: number; suspects?: number[] } = {},
) {
  const {
    blocksAPiece = BLOCKS_A_PIECE,
    budget = 1e9,
    limitDown = Number.POSITIVE_INFINITY,
    suspects = [],
  } = options;
  const shape = { pieceCount: PIECES, pieceSize: () => blocksAPiece * BLOCK };
  const picker = new Picker(PIECES, seededRandom(1));
  picker.joined(PieceSet.full(PIECES));
  const book = new BlockBook(shape, new BufferBudget(budget));
  const heldBackFor: number[] = [];
  const forbidden = new Set<number>();
  const bucket = new TokenBucket(limitDown, 0);
  const scheduler = new RequestScheduler<Neighbour>({
    picker,
    book,
    throttle: () => bucket,
    mayRequest: (_, piece) => !forbidden.has(piece),
    granted: () => undefined,
    suspects: () => suspects,
    heldBack: (waitMs) => void heldBackFor.push(waitMs),
  });
  return { picker, book, scheduler, heldBackFor, forbidden };
}

function answer(book: BlockBook, from: Neighbour, key: number): void {
  const { block, blocks, piece } = spanOfKey(key);
  const active = book.get(piece);
  if (active) book.received(active, block, new Uint8Array(blocks * BLOCK), from);
  from.outstanding.answered(key, 0);
}

/** All that was asked of it arrives. */
function deliver(book: BlockBook, from: Neighbour): void {
  for (const key of from.outstanding.keys()) answer(book, from, key);
}

describe("the request scheduler", () => {
  it("asks a new neighbour for the least depth, one piece after the other", () => {
    const { scheduler } = given();
    const one = new Neighbour();
    scheduler.refill(one, 0);
    expect(one.asked.length).toBe(LIMITS.peer.requestDepthLeast);
    expect(one.pieces.length).toBe(1);
  });

  it("asks a web seed for one piece beside the other, as long as these are to be begun", () => {
    const { book, picker, scheduler } = given();
    const web = new Neighbour();
    web.isWebSeed = true;
    for (let i = 0; i < PIECES; i++) {
      scheduler.refill(web, 0);
      deliver(book, web);
    }
    const [first = 0] = web.pieces;
    const row = Array.from({ length: PIECES - first }, (_, i) => first + i);
    expect(web.pieces.slice(0, row.length)).toEqual(row);
    expect(web.pieces).toHaveLength(PIECES);
    expect(picker.openCount).toBe(0);
  });

  it("asks for one second's worth ahead, at most 512", () => {
    const { scheduler } = given();
    const fast = new Neighbour();
    fast.downRate.add(10 * 20 * BLOCK, 5_000);
    const rate = fast.downRate.rate(5_000);
    expect(scheduler.depth(fast, 5_000)).toBe(Math.ceil(rate / BLOCK));
    fast.downRate.add(1e12, 5_000);
    expect(scheduler.depth(fast, 5_000)).toBe(LIMITS.peer.requestDepthMost);
  });

  it("asks for no more ahead than the other side lets wait", () => {
    const { scheduler } = given();
    const fast = new Neighbour();
    fast.says.queueLength = 100;
    fast.downRate.add(1e9, 5_000);
    expect(scheduler.depth(fast, 5_000)).toBe(100);
    fast.says.queueLength = 1;
    expect(scheduler.depth(fast, 5_000)).toBe(1);
  });

  describe("asks one that answers long requests", () => {
    const SECOND = 1000;
    const longest = LIMITS.peer.requestBytesMost;
    /** It has given so much for so long that its meter shows that rate. */
    const givingBytesPerSecond = (rate: number): Neighbour => {
      const one = new Neighbour();
      one.says.longestRequest = longest;
      for (let at = 0; at < 60; at++) one.downRate.add(rate, at * SECOND);
      return one;
    };

    it("for what comes in 40 ms, a block at least and 256 KiB at most", () => {
      const { scheduler } = given();
      const blocks = (rate: number): number =>
        scheduler.blocksAtOnce(givingBytesPerSecond(rate), 60 * SECOND);
      expect(blocks(0)).toBe(1);
      expect(blocks(0.5e6)).toBe(1);
      expect(blocks(1.5e6)).toBeGreaterThan(2);
      expect(blocks(1e9)).toBe(longest / BLOCK);
    });

    it("for a block at a time once it lets requests lie", () => {
      const { scheduler } = given();
      const one = Object.assign(givingBytesPerSecond(1e9), { snubbed: true });
      expect(scheduler.blocksAtOnce(one, 60 * SECOND)).toBe(1);
    });

    it("for the blocks that are free, whole pieces where it can, and counts them as so many ahead", () => {
      const { scheduler } = given();
      const fast = givingBytesPerSecond(1e9);
      const [first = 0] = ((): number[] => {
        const one = new Neighbour();
        scheduler.refill(one, 0);
        for (const key of one.outstanding.keys()) one.outstanding.takeBack(key);
        return one.pieces;
      })();
      scheduler.refill(fast, 60 * SECOND);
      expect(fast.pieces).not.toContain(first);
      expect(fast.lengths).toEqual(new Array(PIECES - 1).fill(BLOCKS_A_PIECE * BLOCK));
      expect(fast.outstanding.blocks).toBe((PIECES - 1) * BLOCKS_A_PIECE);
      expect(fast.outstanding.size).toBe(PIECES - 1);
    });

    it("for nothing that begins before a multiple of 256 KiB and ends behind it", () => {
      const { scheduler } = given({ blocksAPiece: 40 });
      const fast = givingBytesPerSecond(1e9);
      const slow = new Neighbour();
      scheduler.refill(slow, 0);
      fast.theirs = new PieceSet(PIECES);
      for (const piece of slow.pieces) fast.theirs.add(piece);
      scheduler.refill(fast, 60 * SECOND);
      expect(slow.lengths).toEqual([BLOCK, BLOCK, BLOCK, BLOCK]);
      expect(fast.lengths.map((length) => length / BLOCK)).toEqual([12, 16, 8]);
    });
  });

  it("waits until half of them are answered, and then asks in one batch", () => {
    const { book, scheduler } = given();
    const one = new Neighbour();
    scheduler.refill(one, 0);
    const answerFirst = (): void => {
      const [key = 0] = one.outstanding.keys();
      answer(book, one, key);
      scheduler.refill(one, 0);
    };
    answerFirst();
    expect(one.asked.length).toBe(4);
    answerFirst();
    expect(one.asked.length).toBe(6);
  });

  it("finishes a piece under way before it begins another", () => {
    const { scheduler } = given();
    const [one, other] = [new Neighbour(), new Neighbour()];
    one.downRate.add(1, 0);
    scheduler.refill(one, 0);
    one.outstanding.dropAll();
    other.theirs = PieceSet.full(PIECES);
    scheduler.refill(other, 0);
    // All blocks of the first piece are asked for: only now a second one.
    expect(other.pieces).not.toEqual(one.pieces);
    expect(new Set([...one.asked, ...other.asked]).size).toBe(8);
  });

  it("asks nothing of one that chokes us, is closing, or has nothing we want", () => {
    const { scheduler } = given();
    const changes: Partial<Neighbour>[] = [{ isChoked: true }, { isOpen: false }, { wanted: 0 }];
    for (const change of changes) {
      const one = Object.assign(new Neighbour(), change);
      scheduler.refill(one, 0);
      expect(one.asked).toEqual([]);
    }
  });

  it("asks one that let requests lie for a single block", () => {
    const { scheduler } = given();
    const one = Object.assign(new Neighbour(), { snubbed: true });
    scheduler.refill(one, 0);
    expect(one.asked.length).toBe(1);
  });

  it("asks only for what the other holds and the role allows", () => {
    const { forbidden, scheduler } = given();
    const one = new Neighbour();
    one.theirs = new PieceSet(PIECES);
    one.theirs.add(2);
    one.theirs.add(5);
    forbidden.add(2);
    scheduler.refill(one, 0);
    expect(one.pieces).toEqual([5]);
  });

  it("is held back by the download limit, and says for how long", () => {
    const { heldBackFor, scheduler } = given({ limitDown: BLOCK });
    const one = new Neighbour();
    scheduler.refill(one, 0);
    expect(one.asked.length).toBe(1);
    expect(heldBackFor.length).toBe(1);
    scheduler.refill(one, Math.ceil(heldBackFor[0] ?? 0));
    expect(one.asked.length).toBe(2);
  });

  it("asks nothing twice while there are pieces to begin", () => {
    const { book, scheduler } = given();
    const [one, other] = [new Neighbour(), new Neighbour()];
    while (one.asked.length + other.asked.length < PIECES * BLOCKS_A_PIECE) {
      scheduler.refill(one, 0);
      scheduler.refill(other, 0);
      deliver(book, one);
      deliver(book, other);
    }
    expect(new Set([...one.asked, ...other.asked]).size).toBe(PIECES * BLOCKS_A_PIECE);
  });

  it("asks a second neighbour, and no third, for the last blocks", () => {
    const { picker, scheduler } = given();
    for (let piece = 1; piece < PIECES; piece++) picker.close(piece);
    const [slow, second, third] = [new Neighbour(), new Neighbour(), new Neighbour()];
    scheduler.refill(slow, 0);
    expect(slow.asked).toEqual(["0:0", "0:1", "0:2", "0:3"]);
    scheduler.refill(second, 0);
    expect(second.asked).toEqual(["0:0"]);
    scheduler.refill(third, 0);
    expect(third.asked).toEqual(["0:1"]);
    scheduler.refill(slow, 0);
    expect(slow.asked.length).toBe(4);
  });

  it("makes room for a piece that can go on, by giving up the idle one with least in it", () => {
    const { book, picker, scheduler } = given({ budget: 2 * BLOCKS_A_PIECE * BLOCK });
    const [gone, choking] = [new Neighbour(), new Neighbour()];
    for (const one of [gone, choking]) scheduler.refill(one, 0);
    const [lost = -1] = gone.pieces;
    book.released({ piece: lost, block: 0, blocks: BLOCKS_A_PIECE }, gone);
    const onlyOther = new Neighbour();
    onlyOther.theirs = PieceSet.full(PIECES);
    onlyOther.theirs.delete(lost);
    scheduler.refill(onlyOther, 0);
    expect(book.get(lost)).toBeUndefined();
    expect(onlyOther.asked.length).toBe(4);
    expect(picker.openCount).toBe(PIECES - 2);
  });

  it("fetches a suspect piece before all others, and from one neighbour only", () => {
    const { scheduler } = given({ suspects: [6] });
    const [one, other] = [new Neighbour(), new Neighbour()];
    one.downRate.add(1, 0);
    scheduler.refill(one, 0);
    expect(one.pieces).toEqual([6]);
    scheduler.refill(other, 0);
    expect(other.pieces).not.toContain(6);
  });

  it("leaves a suspect piece alone that is not wanted any more", () => {
    const { picker, scheduler } = given({ suspects: [6] });
    picker.close(6);
    const neighbour = new Neighbour();
    scheduler.refill(neighbour, 0);
    expect(neighbour.pieces).not.toContain(6);
  });
});
