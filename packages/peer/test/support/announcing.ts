import { ManualClock, type Random } from "@cachetorrent/clock";
import type { AnnounceAnswer, CtAnswer, CtError } from "@cachetorrent/protocol";
import { expect, onTestFinished, vi } from "vitest";
import { Announcer, type AnnouncerOptions } from "../../src/announcing/announcer.ts";
import { EventQueue, settled } from "./event-queue.ts";
import { infoHash, listeningLog, peerId } from "./samples.ts";
import { ScriptedTracker } from "./scripted-tracker.ts";

export function listen(port = 0): Promise<ScriptedTracker> {
  return ScriptedTracker.listen("127.0.0.1", port);
}

/** An announcer in virtual time; `builtAt` has the time of each announce it made. */
export function announcerOf(tiers: readonly (readonly string[])[], more: Partial<AnnouncerOptions> = {}) {
  const clock = new ManualClock();
  const { log, lines } = listeningLog();
  const answers = new EventQueue<{ answer: AnnounceAnswer; url: string }>();
  const cts = new EventQueue<CtAnswer>();
  const failures = new EventQueue<{ error: CtError; retryInMs: number }>();
  const builtAt: number[] = [];
  const progress = { uploaded: 1, downloaded: 30, left: 100, externalBytes: 20, internalBytes: 10 };
  const begin = clock.now();
  const announcer = new Announcer({
    tiers,
    infoHash,
    peerId,
    port: () => {
      builtAt.push(clock.now() - begin);
      return 6881;
    },
    clock,
    random: half,
    log,
    progress: () => progress,
    numwant: () => 40,
    onAnswer: (answer, url) => answers.push({ answer, url }),
    onCt: (ct) => cts.push(ct),
    onFailure: (error, retryInMs) => failures.push({ error, retryInMs }),
    ...more,
  });
  onTestFinished(async () => {
    const stopped = announcer.stop();
    clock.advance(2500);
    await stopped;
  });
  const start = () => {
    announcer.start();
    clock.advance(0);
  };
  /** Passes on the answer that the test just gave, with all its consequences. */
  const answered = async () => {
    const answer = await answers.next();
    await settled();
    return answer;
  };
  const failed = async () => {
    const failure = await failures.next();
    await settled();
    return failure;
  };
  return { announcer, answered, builtAt, clock, cts, failed, failures, lines, progress, start };
}

/** The same, which two of three trackers, each a tier, have come to know: the first refused at first, the third was not asked. */
export async function knownToTwoOfThree() {
  const [first, second, third] = [await listen(), await listen(), await listen()];
  const given = announcerOf([[first.announceUrl], [second.announceUrl], [third.announceUrl]]);
  const { answered, clock, failed, start } = given;
  start();
  (await first.next()).fail("not yet");
  const { retryInMs } = await failed();
  (await second.next()).accept();
  await answered();
  clock.advance(retryInMs);
  (await first.next()).accept();
  await answered();
  return {
    ...given,
    knowing: [first, second],
    waiting: () => [first, second, third].map((one) => one.waiting()),
  };
}

export const half: Random = () => 0.5;
/** `sample` of two then swaps nothing: tiers keep their order. */
export const none: Random = () => 0;

/** Until timers that follow from what just arrived are set: `delayMs` from now. */
export function waitsFor(clock: ManualClock, delayMs: number): Promise<void> {
  return vi.waitFor(() => expect(clock.nextInMs).toBeCloseTo(delayMs, 3), { timeout: 10_000, interval: 1 });
}
