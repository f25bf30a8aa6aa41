import { expect, it } from "vitest";
import { pooled } from "../src/index.ts";

it("does the work with each item, so many at a time", async () => {
  const done: number[] = [];
  let underWay = 0;
  let most = 0;
  await pooled([1, 2, 3, 4, 5], 2, async (item) => {
    most = Math.max(most, ++underWay);
    await Promise.resolve();
    done.push(item);
    underWay--;
  });
  expect({ done, most }).toEqual({ done: [1, 2, 3, 4, 5], most: 2 });
});

it("begins nothing after a failure, and passes it on once what was under way has ended", async () => {
  const begun: string[] = [];
  const ended: string[] = [];
  const slow = Promise.withResolvers<void>();
  const all = pooled(["slow", "bad", "never"], 2, async (item) => {
    begun.push(item);
    if (item === "bad") throw new Error("no such file");
    await slow.promise;
    ended.push(item);
  });
  const told = all.catch((error: Error) => ended.push(error.message));
  await Promise.resolve();
  slow.resolve();
  await told;
  expect({ begun, ended }).toEqual({ begun: ["slow", "bad"], ended: ["slow", "no such file"] });
});
