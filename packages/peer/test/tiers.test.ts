import { seededRandom } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { Tiers } from "../src/announcing/tiers.ts";

test("tiers are asked in order, each shuffled in itself (BEP 12)", () => {
  const random = seededRandom(1);
  const orders = new Set<string>();
  for (let i = 0; i < 200; i++)
    orders.add(
      new Tiers(
        [
          ["a", "b", "c"],
          ["d", "e"],
        ],
        random,
      ).order.join(""),
    );
  expect(orders.size).toBe(12);
  for (const order of orders) expect(order).toMatch(/^[abc]{3}[de]{2}$/);
});

test("the tracker that worked comes first in its tier from then on (BEP 12)", () => {
  const tiers = new Tiers([["a"], ["b", "c", "d"]], seededRandom(1));
  tiers.promote("d");
  expect(tiers.order.slice(0, 2)).toEqual(["a", "d"]);
  tiers.promote("c");
  expect(tiers.order).toEqual(["a", "c", "d", "b"]);
});

test("a URL listed twice is asked once", () => {
  expect(
    new Tiers(
      [
        ["a", "a"],
        ["a", "b"],
      ],
      seededRandom(1),
    ).order,
  ).toEqual(["a", "b"]);
});

test("of a torrent with very many trackers the first are asked", () => {
  const most = LIMITS.peer.trackersPerTorrent;
  const urls = Array.from({ length: most + 7 }, (_, at) => `http://t.example/${at}/announce`);
  const tiers = new Tiers([urls.slice(0, 3), urls.slice(0, 5), urls.slice(5)], seededRandom(1));
  expect(tiers.order.toSorted()).toEqual(urls.slice(0, most).toSorted());
  expect(tiers.leftOut).toBe(7);
});
