import { expect, it } from "vitest";
import { LatelyWritten } from "../src/disk/lately-written.ts";

it("knows the pieces that were written last, up to so many bytes", () => {
  const lately = new LatelyWritten(100);
  const known = (): number[] => [1, 2, 3, 4].filter((piece) => lately.has(piece));
  lately.add(1, 40);
  lately.add(2, 40);
  expect(known()).toEqual([1, 2]);
  lately.add(3, 40);
  expect(known()).toEqual([2, 3]);
  // Written once more it is the last, and counts once.
  lately.add(2, 40);
  lately.add(4, 20);
  expect(known()).toEqual([2, 3, 4]);
  lately.add(1, 40);
  expect(known()).toEqual([1, 2, 4]);
  lately.add(3, 101);
  expect(known()).toEqual([]);
});
