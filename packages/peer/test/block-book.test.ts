import { LIMITS } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ActivePiece, BlockBook } from "../src/exchange/block-book.ts";
import { BufferBudget } from "../src/exchange/buffer-budget.ts";
import { freeBytes } from "../src/free-bytes.ts";

const BLOCK = LIMITS.peer.blockBytes;
const [anna, bert, carl] = [{ name: "anna" }, { name: "bert" }, { name: "carl" }];

const blockOf = (byte: number, length = BLOCK) => new Uint8Array(length).fill(byte);

describe("a piece under way", () => {
  it("is complete when every block is there, the short last one too", () => {
    const piece = new ActivePiece(3, new Uint8Array(2 * BLOCK + 5));
    expect(piece.blockCount).toBe(3);
    for (const [block, from] of [anna, bert, carl].entries()) {
      expect(piece.isComplete).toBe(false);
      piece.asked(block, from);
      piece.received(block, blockOf(block + 1, block === 2 ? 5 : BLOCK), from);
    }
    expect(piece.isComplete).toBe(true);
    expect(piece.sources).toEqual([anna, bert, carl]);
    expect([piece.buffer[0], piece.buffer[BLOCK], piece.buffer.at(-1)]).toEqual([1, 2, 3]);
  });

  it("takes the first copy of a block, and names the others who were asked for it", () => {
    const piece = new ActivePiece(0, new Uint8Array(BLOCK));
    for (const one of [anna, bert, carl]) piece.asked(0, one);
    expect(piece.received(0, blockOf(1), bert)).toEqual([anna, carl]);
    expect(piece.received(0, blockOf(2), anna)).toBeUndefined();
    expect(piece.buffer[0]).toBe(1);
  });

  it("takes no block of another length", () => {
    const piece = new ActivePiece(0, new Uint8Array(BLOCK));
    piece.asked(0, anna);
    expect(piece.received(0, blockOf(1, BLOCK - 1), anna)).toBeUndefined();
    expect(piece.isComplete).toBe(false);
  });

  it("takes several blocks in one, and of them those that are new", () => {
    const piece = new ActivePiece(0, new Uint8Array(3 * BLOCK + 5));
    for (const block of [1, 2, 3]) piece.asked(block, anna);
    piece.asked(2, bert);
    piece.received(2, blockOf(7), carl);
    expect(piece.received(1, blockOf(8, 2 * BLOCK + 5), anna)).toEqual([]);
    expect([1, 2, 3].map((block) => piece.buffer[block * BLOCK])).toEqual([8, 7, 8]);
    expect(piece.sources).toEqual([undefined, anna, carl, anna]);
    expect(piece.hasAll({ piece: 0, block: 1, blocks: 3 })).toBe(true);
    expect(piece.hasAll({ piece: 0, block: 0, blocks: 2 })).toBe(false);
    expect([piece.receivedCount, piece.freeCount]).toEqual([3, 1]);
  });

  it("names each of the others once who were asked for some of several blocks", () => {
    const piece = new ActivePiece(0, new Uint8Array(4 * BLOCK));
    for (const block of [0, 1, 2, 3]) for (const one of [anna, bert]) piece.asked(block, one);
    piece.asked(3, carl);
    expect(piece.received(0, blockOf(1, 4 * BLOCK), anna)).toEqual([bert, carl]);
  });

  it("tells how many blocks are free in a row", () => {
    const piece = new ActivePiece(0, new Uint8Array(6 * BLOCK));
    piece.asked(0, anna);
    piece.asked(4, anna);
    expect([8, 3, 2].map((most) => piece.freeFrom(1, most))).toEqual([3, 3, 2]);
    expect(piece.freeFrom(5, 8)).toBe(1);
  });

  it("takes a block that was asked for and then given up", () => {
    const piece = new ActivePiece(0, new Uint8Array(2 * BLOCK));
    piece.asked(0, anna);
    piece.released(0, anna);
    expect(piece.received(0, blockOf(1), anna)).toEqual([]);
    expect(piece.freeCount).toBe(1);
  });

  it("lets its blocks be asked for in order, those given up again first", () => {
    const piece = new ActivePiece(0, new Uint8Array(3 * BLOCK));
    for (const block of [0, 1, 2]) {
      expect(piece.nextFree()).toBe(block);
      piece.asked(block, anna);
    }
    expect(piece.nextFree()).toBeUndefined();
    piece.released(1, anna);
    expect(piece.nextFree()).toBe(1);
  });

  it("keeps its counts right in any story", () => {
    const who = fc.constantFrom(anna, bert, carl);
    const step = fc.record({
      what: fc.constantFrom("asked", "released", "received"),
      block: fc.nat(4),
      who,
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (story) => {
        const piece = new ActivePiece(0, new Uint8Array(5 * BLOCK));
        const askedOf = Array.from({ length: 5 }, () => new Set<object>());
        const there = new Set<number>();
        for (const { what, block, who } of story) {
          const asked = askedOf[block] as Set<object>;
          if (what === "asked") {
            // Nobody is asked twice, nor for what is there.
            if (asked.has(who) || there.has(block)) continue;
            piece.asked(block, who);
            asked.add(who);
          } else if (what === "released") {
            piece.released(block, who);
            asked.delete(who);
          } else {
            piece.received(block, blockOf(1), who);
            there.add(block);
            asked.clear();
          }
          const free = [0, 1, 2, 3, 4].filter((one) => !there.has(one) && askedOf[one]?.size === 0);
          expect(piece.freeCount).toBe(free.length);
          expect(piece.nextFree()).toBe(free[0]);
          expect(piece.receivedCount).toBe(there.size);
          expect(piece.isComplete).toBe(there.size === 5);
          expect(piece.isIdle).toBe(askedOf.every((one) => one.size === 0));
        }
      }),
    );
  });
});

describe("the block book", () => {
  const shape = { pieceCount: 10, pieceSize: () => 2 * BLOCK };

  it("begins pieces while there is room for their buffers, and gives the room back", () => {
    const budget = new BufferBudget(4 * BLOCK);
    const book = new BlockBook(shape, budget);
    expect(book.begin(0)).toBeDefined();
    expect(book.begin(1)).toBeDefined();
    expect(book.begin(2)).toBeUndefined();
    book.end(0);
    book.end(0);
    expect(budget.usedBytes).toBe(2 * BLOCK);
    expect(book.begin(2)).toBeDefined();
  });

  it("gives back as many bytes as a piece took, though its buffer was given away and freed", () => {
    const budget = new BufferBudget(4 * BLOCK);
    const book = new BlockBook(shape, budget);
    const active = book.begin(0);
    freeBytes(active?.buffer ?? new Uint8Array());
    expect(active?.buffer.length).toBe(0);
    book.end(0);
    expect(budget.usedBytes).toBe(0);
  });

  it("takes a buffer again that nobody else holds, and only then", () => {
    const book = new BlockBook(shape, new BufferBudget(1e9));
    const [free, held, other] = [book.begin(0), book.begin(1), book.begin(2)];
    book.end(0, true);
    book.end(1);
    const again = [book.begin(3)?.buffer, book.begin(4)?.buffer];
    expect(again[0]).toBe(free?.buffer);
    for (const one of [free, held, other]) expect(again[1]).not.toBe(one?.buffer);
  });

  it("keeps none when nothing is under way", () => {
    const book = new BlockBook(shape, new BufferBudget(1e9));
    const before = [book.begin(0)?.buffer, book.begin(1)?.buffer];
    book.end(0, true);
    book.end(1, true);
    expect(before).not.toContain(book.begin(2)?.buffer);
  });

  it("tells those that had no room, each once, in turn, when a buffer is given back", () => {
    const budget = new BufferBudget(4 * BLOCK);
    const told: string[] = [];
    const books = ["a", "b"].map((name) => new BlockBook(shape, budget, () => void told.push(name)));
    const [a, b] = books as [BlockBook, BlockBook];
    for (const book of books) expect(book.begin(0)).toBeDefined();
    for (const book of [b, a, b]) expect(book.begin(1)).toBeUndefined();
    expect(told).toEqual([]);
    a.end(0);
    expect(told).toEqual(["b"]);
    b.end(0);
    expect(told).toEqual(["b", "a"]);
    expect(a.begin(1)).toBeDefined();
    a.end(1);
    expect(told).toEqual(["b", "a"]);
  });

  it("is full from a refusal on, until there may be room or a piece may be idle", () => {
    const budget = new BufferBudget(4 * BLOCK);
    const [book, other] = [new BlockBook(shape, budget), new BlockBook(shape, budget)];
    const first = book.begin(0);
    const refuse = () => {
      expect(book.isFull).toBe(false);
      expect(book.begin(5)).toBeUndefined();
      expect(book.isFull).toBe(true);
    };
    other.begin(0);
    refuse();
    book.lookAgain();
    refuse();
    if (first) book.asked(first, 0, anna);
    expect(book.isFull).toBe(true);
    book.released({ piece: 0, block: 0, blocks: 1 }, anna);
    refuse();
    other.end(0);
    expect(book.isFull).toBe(false);
    book.begin(1);
    refuse();
    book.end(1);
    expect(book.isFull).toBe(false);
  });

  it("may always have one piece, however large: every torrent goes on", () => {
    const budget = new BufferBudget(BLOCK);
    expect(new BlockBook(shape, budget).begin(0)).toBeDefined();
    const other = new BlockBook(shape, budget);
    expect(other.begin(0)).toBeDefined();
    expect(other.begin(1)).toBeUndefined();
  });

  it("lists the pieces that have a block to ask for", () => {
    const book = new BlockBook(shape, new BufferBudget(1e9));
    const piece = book.begin(4);
    if (!piece) throw new Error("no room");
    const listed = () => [...book.withFree()].map((one) => one.piece);
    book.asked(piece, 0, anna);
    expect(listed()).toEqual([4]);
    book.asked(piece, 1, anna);
    expect(listed()).toEqual([]);
    book.released({ piece: 4, block: 0, blocks: 1 }, anna);
    expect(listed()).toEqual([4]);
    book.received(piece, 0, blockOf(1), anna);
    expect(listed()).toEqual([]);
    book.end(4);
    expect([...book.active()]).toEqual([]);
  });

  it("gives up the idle piece with least in it, and none that is asked for or complete", () => {
    const book = new BlockBook(shape, new BufferBudget(1e9));
    const [busy, half, empty, full] = [0, 1, 2, 3].map((piece) => book.begin(piece)) as [
      ActivePiece,
      ActivePiece,
      ActivePiece,
      ActivePiece,
    ];
    book.asked(busy, 0, anna);
    book.received(half, 0, blockOf(1), anna);
    for (const block of [0, 1]) book.received(full, block, blockOf(1), anna);
    expect(book.idlest()).toBe(empty);
    book.end(empty.piece);
    expect(book.idlest()).toBe(half);
    book.end(half.piece);
    expect(book.idlest()).toBeUndefined();
  });
});
