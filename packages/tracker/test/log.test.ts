import { resolverChain } from "@cachetorrent/tracker";
import { expect, test } from "vitest";
import { logged } from "./logged.ts";
import { id, OTHER_SWARM, portOf, SWARM, TestTracker } from "./support.ts";

test("a change of leaders is one line, with its facts as fields; requests are none", async () => {
  const { lines, log } = logged("info");
  const tracker = new TestTracker({ quorum: 2, log });
  await tracker.join("a", "198.18.1.1", 5);
  await tracker.join("b", "198.18.1.2", 9);
  for (let i = 0; i < 5; i++) await tracker.announce("stock", { from: "198.18.1.3" });
  await tracker.get("/announce?nonsense");
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatchObject({
    event: "leaders changed",
    infoHash: SWARM,
    asn: 1,
    term: expect.any(Number),
    leaders: [{ peerId: id("b"), endpoints: [`198.18.1.2:${portOf("b")}`] }],
  });
});

test("what is refused is told at debug, without tokens", async () => {
  const { lines, log } = logged("debug");
  const tracker = new TestTracker({ log });
  await tracker.tryAnnounce("a", { path: "/s3cret/announce", infoHash: OTHER_SWARM });
  expect(lines).toMatchObject([{ level: 20, event: "refused", route: "announce" }]);
  expect(JSON.stringify(lines)).not.toContain("s3cret");
});

test("peers of unknown AS: the first is told of at once, the others once a minute, with their number", async () => {
  const { lines, log } = logged("info");
  const tracker = new TestTracker({ log });
  for (const n of [1, 2, 3]) await tracker.announce(`stranger ${n}`, { from: `203.0.113.${n}` });
  await tracker.announce("stranger 3", { from: "203.0.113.3" });
  await tracker.announce("known", { from: "198.18.1.1" });
  expect(lines).toMatchObject([{ level: 30, event: "unknown AS", count: 1, address: "203.0.113.1" }]);
  tracker.clock.advance(60_000);
  expect(lines.slice(1)).toMatchObject([{ event: "unknown AS", count: 2, address: "203.0.113.3" }]);
  tracker.clock.advance(180_000);
  expect(lines).toHaveLength(2);
  await tracker.announce("stranger 4", { from: "203.0.113.4" });
  expect(lines.slice(2)).toMatchObject([{ event: "unknown AS", count: 1, address: "203.0.113.4" }]);
});

test("a tracker that knows no AS at all says nothing of unknown ones", async () => {
  const { lines, log } = logged("info");
  const tracker = new TestTracker({ log, resolver: resolverChain([]) });
  await tracker.announce("a", { from: "203.0.113.1" });
  expect(lines).toEqual([]);
});
