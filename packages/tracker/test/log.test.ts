import { AccessControl, resolverChain } from "@cachetorrent/tracker";
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

test("requests that make no sense are told of at debug", async () => {
  const { lines, log } = logged("debug");
  await new TestTracker({ log }).get("/announce?nonsense");
  expect(lines).toMatchObject([{ level: 20, event: "refused", route: "announce" }]);
});

test("refused announces: the first of each reason is told of at once, the others once a minute", async () => {
  const { lines, log } = logged("info");
  const access = new AccessControl({ tokens: new Set(["s3cret"]), allowList: new Set([SWARM]) });
  const tracker = new TestTracker({ log, access });
  const path = "/wr0ng/announce";
  for (const n of [1, 2, 3]) await tracker.tryAnnounce("a", { from: `198.18.1.${n}`, path });
  await tracker.tryAnnounce("b", { from: "198.18.2.1", path: "/s3cret/announce", infoHash: OTHER_SWARM });
  expect(lines).toMatchObject([
    {
      level: 30,
      event: "refusals",
      reason: "token-unknown",
      count: 1,
      address: "198.18.1.1",
      route: "announce",
    },
    { level: 30, event: "refusals", reason: "info-hash-not-allowed", count: 1, address: "198.18.2.1" },
  ]);
  tracker.clock.advance(60_000);
  expect(lines.slice(2)).toMatchObject([{ reason: "token-unknown", count: 2, address: "198.18.1.3" }]);
  expect(JSON.stringify(lines)).not.toMatch(/s3cret|wr0ng/);
});

test("what was only counted when the tracker stops is told of then", async () => {
  const { lines, log } = logged("info");
  const tracker = new TestTracker({ log });
  for (const n of [1, 2, 3])
    await tracker.tryAnnounce("a", { from: `198.18.1.${n}`, path: "/token/announce" });
  await tracker.app.close();
  expect(lines).toMatchObject([{ count: 1 }, { reason: "token-not-used", count: 2, address: "198.18.1.3" }]);
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

test("announces under another peer's id: the first of a swarm is told of at once, with the address", async () => {
  const { lines, log } = logged("info");
  const tracker = new TestTracker({ log, quorum: 1 });
  await tracker.join("leader", "198.18.1.1", 5);
  lines.length = 0;
  await tracker.announce("leader", { from: "198.18.2.66", event: "stopped" });
  await tracker.join("leader", "198.18.2.67", 1);
  expect(lines).toMatchObject([
    { level: 30, event: "impostors", infoHash: SWARM, count: 1, address: "198.18.2.66" },
  ]);
  tracker.clock.advance(60_000);
  expect(lines.slice(1)).toMatchObject([{ event: "impostors", count: 1, address: "198.18.2.67" }]);
});
