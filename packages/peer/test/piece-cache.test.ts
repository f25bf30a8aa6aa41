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
});
