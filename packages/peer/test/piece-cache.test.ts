import { describe, expect, it } from "vitest";
import { PieceCache } from "../src/disk/piece-cache.ts";

const bytes = (length: number) => new Uint8Array(length);

describe("the piece cache", () => {
  it("forgets the piece used longest ago when it is full", () => {
    const cache = new PieceCache(30);
    for (const key of ["a", "b", "c"]) cache.put(key, bytes(10));
    cache.get("a");
    cache.put("d", bytes(10));
    expect(["a", "b", "c", "d"].map((key) => cache.get(key) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
  });

  it("counts bytes, not pieces, and a piece put twice once", () => {
    const cache = new PieceCache(30);
    cache.put("a", bytes(10));
    for (let i = 0; i < 5; i++) cache.put("b", bytes(15));
    expect(cache.get("a")).toBeDefined();
    cache.put("c", bytes(20));
    expect(["a", "b", "c"].map((key) => cache.get(key) !== undefined)).toEqual([true, false, true]);
    cache.put("d", bytes(30));
    expect(["a", "c", "d"].map((key) => cache.get(key) !== undefined)).toEqual([false, false, true]);
  });

  it("keeps the newest piece even if it is larger than all the cache", () => {
    const cache = new PieceCache(5);
    cache.put("a", bytes(100));
    expect(cache.get("a")?.length).toBe(100);
    cache.put("b", bytes(1));
    expect(cache.get("a")).toBeUndefined();
  });

  it("has room again for what was deleted", () => {
    const cache = new PieceCache(20);
    cache.put("a", bytes(10));
    cache.put("b", bytes(10));
    cache.delete("b");
    cache.delete("b");
    cache.put("c", bytes(10));
    expect(cache.get("a")).toBeDefined();
  });

  it("reads a piece once for all who ask for it meanwhile, and keeps it", async () => {
    const cache = new PieceCache(100);
    const read = Promise.withResolvers<Uint8Array>();
    let reads = 0;
    const load = () =>
      cache.load("a", () => {
        reads++;
        return read.promise;
      });
    const loads = [load(), load(), load()];
    read.resolve(bytes(10));
    const pieces = await Promise.all(loads);
    expect(reads).toBe(1);
    expect(new Set(pieces).size).toBe(1);
    expect(cache.get("a")).toBe(pieces[0]);
  });

  it("tells all who ask when a read fails, and reads again next time", async () => {
    const cache = new PieceCache(100);
    const broken = () => Promise.reject(new Error("the disk is gone"));
    const loads = await Promise.allSettled([cache.load("a", broken), cache.load("a", broken)]);
    expect(loads.map((load) => load.status)).toEqual(["rejected", "rejected"]);
    expect((await cache.load("a", () => Promise.resolve(bytes(3)))).length).toBe(3);
  });

  describe("frees the memory of a piece", () => {
    const read = (cache: PieceCache, key: string) =>
      cache.load(key, () => Promise.resolve(new Uint8Array(10).fill(7)));

    it("when it forgets it", async () => {
      const cache = new PieceCache(10);
      const piece = await read(cache, "a");
      await read(cache, "b");
      expect(piece.length).toBe(0);
    });

    it("only when the last block of it is on its way no more", async () => {
      const cache = new PieceCache(10);
      const piece = await read(cache, "a");
      const giveBack = [cache.lend(piece.subarray(0, 3)), cache.lend(piece.subarray(3))];
      await read(cache, "b");
      giveBack[0]?.();
      expect(piece).toEqual(new Uint8Array(10).fill(7));
      giveBack[1]?.();
      expect(piece.length).toBe(0);
    });

    it("not while it still has it, however often its blocks were sent", async () => {
      const cache = new PieceCache(10);
      const piece = await read(cache, "a");
      cache.lend(piece)();
      cache.put("a", piece);
      expect(cache.get("a")).toEqual(new Uint8Array(10).fill(7));
    });

    it("that it never kept, when it is on its way no more", () => {
      const cache = new PieceCache(10);
      const piece = bytes(10);
      cache.passes(piece);
      const giveBack = cache.lend(piece);
      expect(piece.length).toBe(10);
      giveBack();
      expect(piece.length).toBe(0);
    });

    it("that was put there, and of one that another takes the place of", () => {
      const cache = new PieceCache(10);
      const pieces = [bytes(10), bytes(10), bytes(10)] as const;
      cache.put("a", pieces[0]);
      cache.put("b", pieces[1]);
      cache.put("b", pieces[2]);
      expect(pieces.map(({ length }) => length)).toEqual([0, 0, 10]);
    });
  });
});
