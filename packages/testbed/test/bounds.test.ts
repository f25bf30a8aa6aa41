import { expect, test } from "vitest";
import { linkAwareBoundMs, type SwarmCapacities } from "../src/bounds.ts";

const none = Number.POSITIVE_INFINITY;
const SWARM: SwarmCapacities = {
  contentBytes: 1_000_000,
  seedUps: [1_000_000],
  leechers: new Array(9).fill({ up: 1_000_000, down: none }),
  linksIn: [none, none],
  seedLinksOut: [none],
};

test("all uplinks together have to carry a copy for each leecher", () => {
  expect(linkAwareBoundMs({ ...SWARM, leechers: new Array(9).fill({ up: 500_000, down: none }) })).toBe(1636);
});

test("the initial seeds have to send every byte once", () => {
  expect(linkAwareBoundMs({ ...SWARM, seedUps: [100_000] })).toBe(10_000);
  expect(linkAwareBoundMs({ ...SWARM, seedUps: [100_000, 300_000] })).toBe(2500);
});

test("the slowest downlink has to take every byte", () => {
  const leechers = [...SWARM.leechers, { up: 1_000_000, down: 50_000 }];
  expect(linkAwareBoundMs({ ...SWARM, leechers })).toBe(20_000);
});

test("every AS has to get each byte once over its link, and the seeds' AS to let it out once", () => {
  expect(linkAwareBoundMs({ ...SWARM, linksIn: [none, 250_000] })).toBe(4000);
  expect(linkAwareBoundMs({ ...SWARM, seedLinksOut: [200_000] })).toBe(5000);
  expect(linkAwareBoundMs({ ...SWARM, seedLinksOut: [] })).toBe(1000);
});

test("without leechers there is nothing to wait for", () => {
  expect(linkAwareBoundMs({ ...SWARM, leechers: [] })).toBe(0);
});
