import { expect, test } from "vitest";
import { announcerOf, knownToTwoOfThree, listen } from "./support/announcing.ts";
import { ctOf, otherPeerId } from "./support/samples.ts";

test("a stalled leader is reported at once, and at most once a minute", async () => {
  const tracker = await listen();
  const { announcer, answered, builtAt, clock, progress, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  progress.left = 0; // a complete peer that leads nothing does not poll
  announcer.reportStalled(otherPeerId);
  announcer.reportStalled(otherPeerId);
  clock.advance(0);
  const report = await tracker.next();
  expect(report.announce.member?.stalled).toBe(otherPeerId);
  report.accept({ ct: ctOf(5) });
  await answered();
  clock.advance(59_999);
  announcer.reportStalled(otherPeerId);
  clock.advance(0);
  expect(builtAt).toEqual([0, 0]);
  clock.advance(1);
  announcer.reportStalled(otherPeerId);
  clock.advance(0);
  expect((await tracker.next()).announce.member?.stalled).toBe(otherPeerId);
});

test("stopping is told to every tracker that knows us, once", async () => {
  const { announcer, knowing, waiting } = await knownToTwoOfThree();
  const stopped = announcer.stop();
  expect(announcer.stop()).toBe(stopped);
  for (const tracker of knowing) {
    const asked = await tracker.next();
    expect(asked.announce).toMatchObject({ event: "stopped", numwant: 0 });
    asked.accept();
  }
  await stopped;
  expect(waiting()).toEqual([0, 0, 0]);
});

test("stopping waits 2.5 s for a hanging tracker, and ends the feed", async () => {
  const tracker = await listen();
  const { announcer, answered, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  const poll = await tracker.next("/leaders");
  const stopped = announcer.stop();
  const farewell = await tracker.next();
  await poll.gone;
  clock.advance(2500);
  await stopped;
  await farewell.gone;
});

test("a tracker that may have heard of us is told that we stop", async () => {
  const tracker = await listen();
  const { announcer, start } = announcerOf([[tracker.announceUrl]]);
  start();
  await tracker.next();
  const stopped = announcer.stop();
  const farewell = await tracker.next();
  expect(farewell.announce.event).toBe("stopped");
  farewell.accept();
  await stopped;
});

test("stopping before the start, or with a tracker that never answered, tells nobody", async () => {
  const tracker = await listen();
  await announcerOf([[tracker.announceUrl]]).announcer.stop();
  const { announcer, failed, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).reset();
  await failed();
  await announcer.stop();
  expect(tracker.waiting()).toBe(0);
});

test("a tracker of another kind is left out, with one line that names it", async () => {
  const tracker = await listen();
  const { lines, start } = announcerOf([["wss://127.0.0.1:6969/announce"], [tracker.announceUrl]]);
  start();
  expect((await lines.next()).msg).toContain(
    "wss://127.0.0.1:6969/announce is not reached by HTTP, HTTPS or UDP: left out",
  );
  await tracker.next();
  expect(lines.size).toBe(0);
});

test("a torrent without any tracker says so", async () => {
  const { lines, start } = announcerOf([]);
  start();
  expect((await lines.next()).msg).toBe("the torrent has no tracker to announce to");
});
