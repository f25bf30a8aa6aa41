import { ManualClock } from "@cachetorrent/clock";
import { type CtAnswer, encodeLeadersAnswer } from "@cachetorrent/protocol";
import { afterEach, expect, test, vi } from "vitest";
import { LeadersFeed } from "../src/announcing/leaders-feed.ts";
import { TrackerClient } from "../src/announcing/tracker-client.ts";
import { EventQueue, settled } from "./support/event-queue.ts";
import { ctOf, infoHash, peerId, silent } from "./support/samples.ts";
import { type Asked, ScriptedTracker } from "./support/scripted-tracker.ts";

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function rig() {
  const tracker = await ScriptedTracker.listen();
  const clock = new ManualClock();
  const client = new TrackerClient({ announceUrl: tracker.announceUrl, clock, log: silent });
  const cts = new EventQueue<CtAnswer>();
  const introductions = new EventQueue<() => void>();
  const dice = { value: 0.5 };
  const seen = { term: 0, polls: [] as number[], announces: 0 };
  const feed = new LeadersFeed({
    client,
    infoHash,
    peerId,
    clock,
    random: () => dice.value,
    log: silent,
    term: () => {
      seen.polls.push(clock.now());
      return seen.term;
    },
    onCt: (ct) => {
      seen.term = ct.leaders?.term ?? seen.term;
      cts.push(ct);
    },
    onUnknownPeer: () => new Promise((resolve) => introductions.push(resolve)),
    onPollByAnnouncing: () => {
      seen.announces++;
    },
  });
  closing.push(async () => {
    feed.stop();
    await client.close();
  });
  /** The next poll, which starts `afterMs` from now and not before. */
  const pollAfter = async (afterMs: number): Promise<Asked> => {
    const polls = seen.polls.length;
    await waitsFor(clock, afterMs);
    if (afterMs > 0) clock.advance(afterMs - 1);
    expect(seen.polls).toHaveLength(polls);
    clock.advance(Math.min(1, afterMs));
    return tracker.next("/leaders");
  };
  return { tracker, clock, cts, introductions, dice, seen, feed, pollAfter };
}

/** Until the feed has taken in what the tracker said and set its timer. */
function waitsFor(clock: ManualClock, delayMs: number): Promise<void> {
  return vi.waitFor(() => expect(clock.nextInMs).toBeCloseTo(delayMs, 3), { timeout: 10_000, interval: 1 });
}

test("a new term is told, and the next poll asks for a newer one", async () => {
  const { cts, feed, pollAfter, tracker } = await rig();
  feed.start();
  const first = await tracker.next("/leaders");
  expect(first.query).toMatch(/&term=0$/);
  first.reply(encodeLeadersAnswer(ctOf(7)));
  expect(await cts.next()).toEqual(ctOf(7));
  expect((await pollAfter(100)).query).toMatch(/&term=7$/);
});

test("an answer after 30 s with nothing new is followed by the next poll at once", async () => {
  const { clock, cts, feed, pollAfter, seen, tracker } = await rig();
  seen.term = 7;
  feed.start();
  const first = await tracker.next("/leaders");
  clock.advance(30_000);
  first.reply(encodeLeadersAnswer(ctOf(7)));
  await cts.next();
  await pollAfter(0);
});

test("a tracker that answers nothing new at once is asked once a second", async () => {
  const { cts, feed, pollAfter, seen, tracker } = await rig();
  seen.term = 7;
  feed.start();
  let asked = await tracker.next("/leaders");
  for (let i = 0; i < 3; i++) {
    asked.reply(encodeLeadersAnswer(ctOf(7)));
    await cts.next();
    asked = await pollAfter(1000);
  }
});

test("a tracker that does not know us is announced to within 2 s, and polled when that is done", async () => {
  const { clock, dice, feed, introductions, seen, tracker } = await rig();
  feed.start();
  (await tracker.next("/leaders")).fail("unknown peer");
  await waitsFor(clock, 1000);
  clock.advance(1000);
  const introduced = await introductions.next();
  await settled();
  expect(seen.polls).toHaveLength(1);
  introduced();
  const again = await tracker.next("/leaders");

  // Still unknown: ever less often.
  dice.value = 0;
  again.fail("unknown peer");
  await waitsFor(clock, 2000);
  clock.advance(2000);
  (await introductions.next())();
  (await tracker.next("/leaders")).fail("unknown peer");
  await waitsFor(clock, 4000);
});

test.each([0, 0.5, 0.999])(
  "a tracker that vanished is tried again in 1 to 3 s (dice at %d)",
  async (value) => {
    const { dice, feed, pollAfter, tracker } = await rig();
    dice.value = value;
    feed.start();
    let asked = await tracker.next("/leaders");
    for (let i = 0; i < 3; i++) {
      asked.reset();
      asked = await pollAfter(1000 + value * 2000);
    }
  },
);

test("a tracker that stays away is tried every 5 to 10 s", async () => {
  const { clock, feed, pollAfter, tracker } = await rig();
  feed.start();
  for (let i = 0; i < 60; i++) {
    (await tracker.next("/leaders")).reset();
    await waitsFor(clock, 2000);
    clock.advance(2000);
  }
  (await tracker.next("/leaders")).reset();
  await pollAfter(7500);
});

test("a tracker that hangs is left after 40 s and tried again", async () => {
  const { clock, feed, pollAfter, tracker } = await rig();
  feed.start();
  const asked = await tracker.next("/leaders");
  clock.advance(40_000);
  await asked.gone;
  await pollAfter(2000);
});

test("a refusal is not tried again before half a minute", async () => {
  const { feed, pollAfter, tracker } = await rig();
  feed.start();
  (await tracker.next("/leaders")).fail("no such torrent here");
  await pollAfter(45_000);
});

test("without a poll to spare the peer announces, and asks for a poll again some minutes later", async () => {
  const { clock, feed, seen, tracker } = await rig();
  feed.start();
  (await tracker.next("/leaders")).fail("poll by announcing");
  for (let i = 1; i <= 5; i++) {
    await waitsFor(clock, 75_000);
    clock.advance(75_000);
    await settled();
    expect(seen.announces).toBe(i);
  }
  await tracker.next("/leaders");
});

test("stopping ends the poll in flight; it may start again", async () => {
  const { feed, seen, tracker } = await rig();
  feed.start();
  feed.start();
  const asked = await tracker.next("/leaders");
  feed.stop();
  await asked.gone;
  expect(seen.polls).toHaveLength(1);
  feed.start();
  await tracker.next("/leaders");
});
