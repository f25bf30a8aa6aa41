import { describe, expect, it } from "vitest";
import { Transfers } from "../src/exchange/transfers.ts";

/** Pieces of two blocks of 10 bytes, but the last one of 5 bytes. */
function given() {
  const transfers = new Transfers<string>((piece) => (piece === 9 ? 5 : 20));
  const send = (to: string, piece: number, block: number, now = 0) =>
    transfers.sent(to, piece, block * 10, piece === 9 ? 5 : 10, now);
  return { transfers, send };
}

describe("pieces on their way out", () => {
  it("are whole when every block was sent to one peer", () => {
    const { send } = given();
    expect(send("a", 1, 0)).toBe(false);
    expect(send("b", 1, 1)).toBe(false);
    expect(send("a", 1, 1)).toBe(true);
    expect(send("a", 9, 0)).toBe(true);
  });

  it("are not whole by sending one block twice", () => {
    const { send } = given();
    send("a", 1, 0);
    expect(send("a", 1, 0)).toBe(false);
  });

  it("are whole when all their bytes were sent, in requests of any length, twice or not", () => {
    const transfers = new Transfers<string>(() => 100);
    const sent = (begin: number, length: number) => transfers.sent("a", 1, begin, length, 0);
    expect([sent(0, 10), sent(10, 10), sent(50, 10), sent(20, 10)]).toEqual([false, false, false, false]);
    // Anew, by longer requests.
    expect([sent(0, 40), sent(60, 40)]).toEqual([false, false]);
    expect(sent(40, 5)).toBe(false);
    expect(sent(45, 5)).toBe(true);
    expect([sent(50, 50), sent(50, 50)]).toEqual([false, false]);
    expect(sent(0, 50)).toBe(true);
  });

  it("are in the middle from their first block to their last", () => {
    const { send, transfers } = given();
    expect(transfers.under("a")).toEqual(new Map());
    send("a", 1, 0, 100);
    send("a", 2, 0, 200);
    expect(transfers.under("a")).toEqual(
      new Map([
        [1, 100],
        [2, 200],
      ]),
    );
    send("a", 1, 1, 300);
    expect(transfers.under("a")).toEqual(new Map([[2, 200]]));
  });

  it("are gone on with after a choke, and whole when the rest was sent", () => {
    const { send, transfers } = given();
    send("a", 1, 0, 100);
    transfers.choked("a");
    expect(transfers.under("a")).toEqual(new Map());
    expect(send("a", 1, 1, 500)).toBe(true);
  });

  it("are forgotten when the peer leaves", () => {
    const { send, transfers } = given();
    send("a", 1, 0);
    transfers.left("a");
    expect(send("a", 1, 1)).toBe(false);
  });

  it("are remembered as 64 of one peer at most", () => {
    const transfers = new Transfers<string>(() => 20);
    for (let piece = 0; piece < 1000; piece++) transfers.sent("a", piece, 0, 10, 0);
    expect(transfers.under("a").size).toBe(64);
    expect(transfers.under("a").has(999)).toBe(true);
  });

  it("take the median of the last 31", () => {
    const { send, transfers } = given();
    expect(transfers.medianMs).toBe(0);
    for (let piece = 10; piece < 100; piece++) {
      send("a", piece, 0, 0);
      send("a", piece, 1, piece);
    }
    expect(transfers.medianMs).toBe(84);
  });
});
