import { Writable } from "node:stream";
import { pino } from "pino";
import { expect, test } from "vitest";
import { id, OTHER_SWARM, portOf, SWARM, TestTracker } from "./support.ts";

interface Line {
  readonly event?: string;
  readonly level: number;
}

function logged(level: string) {
  const lines: Line[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  return { lines, log: pino({ level }, stream) };
}

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
