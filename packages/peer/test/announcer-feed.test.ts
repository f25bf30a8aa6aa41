import { encodeLeadersAnswer } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { announcerOf, listen, waitsFor } from "./support/announcing.ts";
import { settled } from "./support/event-queue.ts";
import { ctOf, otherPeerId, peerId } from "./support/samples.ts";

test("the feed brings new leaders", async () => {
  const tracker = await listen();
  const { announcer, answered, cts, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  await cts.next();
  const poll = await tracker.next("/leaders");
  expect(poll.query).toMatch(/&term=5$/);
  poll.reply(encodeLeadersAnswer(ctOf(6, peerId)));
  expect((await cts.next()).leaders?.leaders[0]?.peerId).toBe(peerId);
  expect(announcer.leaders?.term).toBe(6);
});

test("an announce that the feed overtook brings no old leaders back", async () => {
  const tracker = await listen();
  const { announcer, answered, clock, cts, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ interval: 60, ct: ctOf(5) });
  await answered();
  await cts.next();
  const poll = await tracker.next("/leaders");
  clock.advance(30_000);
  poll.reply(encodeLeadersAnswer(ctOf(5)));
  await cts.next();
  await settled();
  clock.advance(0);
  const nextPoll = await tracker.next("/leaders");
  clock.advance(30_000);
  const slow = await tracker.next();
  clock.advance(1000);
  nextPoll.reply(encodeLeadersAnswer(ctOf(6)));
  await cts.next();
  slow.accept({ ct: ctOf(5) });
  await answered();
  expect(announcer.leaders?.term).toBe(6);
});

test("a tracker that restarted and forgot us is announced to at once, whatever the min interval", async () => {
  const tracker = await listen();
  const { answered, builtAt, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  (await tracker.next("/leaders")).fail("unknown peer");
  await waitsFor(clock, 1000);
  clock.advance(1000);
  await settled();
  clock.advance(0);
  const again = await tracker.next();
  expect(builtAt).toEqual([0, 1000]);
  expect(again.announce).toMatchObject({ event: "started", member: { term: 5 } });
  again.accept({ ct: ctOf(5) });
  await answered();
  await tracker.next("/leaders");
});

test("a tracker killed and restarted has us again within 5 s of its return", async () => {
  const tracker = await listen();
  const { answered, builtAt, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  await tracker.next("/leaders");
  await tracker.close();
  // Refused and tried again every 2 s.
  for (let i = 0; i < 5; i++) {
    await waitsFor(clock, 2000);
    clock.advance(2000);
  }
  await waitsFor(clock, 2000);
  const back = await listen(tracker.port);
  const returnedAt = clock.now();
  clock.advance(2000);
  (await back.next("/leaders")).fail("unknown peer");
  await waitsFor(clock, 1000);
  clock.advance(1000);
  await settled();
  clock.advance(0);
  (await back.next()).accept({ ct: ctOf(5) });
  await answered();
  expect(builtAt).toHaveLength(2);
  expect(clock.now() - returnedAt).toBeLessThanOrEqual(5000);
});

test("a complete peer that leads nothing does not poll, one that leads does", async () => {
  for (const leads of [false, true]) {
    const tracker = await listen();
    const { answered, progress, start, clock } = announcerOf([[tracker.announceUrl]]);
    progress.left = 0;
    start();
    (await tracker.next()).accept({ ct: ctOf(5, leads ? peerId : otherPeerId) });
    await answered();
    if (leads) await tracker.next("/leaders");
    // Nothing but the next announce is planned.
    else expect(clock.nextInMs).toBe(1_800_000);
  }
});

test("the feed of a peer that leads nothing ends with its completion, before that is announced", async () => {
  const tracker = await listen();
  const { announcer, answered, clock, progress, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  const poll = await tracker.next("/leaders");
  progress.left = 0;
  announcer.completed();
  await poll.gone;
  clock.advance(0);
  expect((await tracker.next()).announce.event).toBe("completed");
});

test("a peer without a feed asks once when somebody knows a newer term, and with a feed not at all", async () => {
  const tracker = await listen();
  const { announcer, answered, cts, progress, start } = announcerOf([[tracker.announceUrl]]);
  progress.left = 0;
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  await cts.next();
  announcer.refresh();
  (await tracker.next("/leaders")).reply(encodeLeadersAnswer(ctOf(6)));
  expect((await cts.next()).leaders?.term).toBe(6);
});
