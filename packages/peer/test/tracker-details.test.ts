import { expect, it } from "vitest";
import { announcerOf, listen } from "./support/announcing.ts";

const NEVER = { result: null, isAsked: false, nextInMs: null, seeders: null, leechers: null };

it("a tracker shows how its last announce went, what it counts, and when the next one is", async () => {
  const [first, second] = [await listen(), await listen()];
  const { announcer, answered, clock, start } = announcerOf([[first.announceUrl], [second.announceUrl]]);
  expect(announcer.trackers).toEqual([
    { ...NEVER, url: first.announceUrl },
    { ...NEVER, url: second.announceUrl },
  ]);
  start();
  const asked = await first.next();
  expect(announcer.trackers[0]).toEqual({ ...NEVER, url: first.announceUrl, isAsked: true });
  asked.accept({ interval: 1800, complete: 3, incomplete: 7, warning: "moving tomorrow" });
  await answered();
  clock.advance(600_000);
  expect(announcer.trackers).toEqual([
    {
      url: first.announceUrl,
      result: "ok",
      warning: "moving tomorrow",
      isAsked: false,
      nextInMs: 1_200_000,
      seeders: 3,
      leechers: 7,
    },
    // Not as long as the one before it works.
    { ...NEVER, url: second.announceUrl },
  ]);
  // To look at it asks nobody.
  expect([first.waiting(), second.waiting()]).toEqual([0, 0]);

  announcer.kill();
  expect(announcer.trackers[0]).toMatchObject({ result: "ok", seeders: 3, nextInMs: null });
});

it("a tracker that refuses shows why, and when it is tried again; the counts of before stay", async () => {
  const tracker = await listen();
  const { announcer, answered, clock, failed, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ interval: 60, complete: 1, incomplete: 2 });
  await answered();
  clock.advance(60_000);
  (await tracker.next()).fail("not today");
  const { retryInMs } = await failed();
  expect(announcer.trackers).toEqual([
    {
      url: tracker.announceUrl,
      result: `tracker ${tracker.announceUrl} refuses: not today`,
      isAsked: false,
      nextInMs: retryInMs,
      seeders: 1,
      leechers: 2,
    },
  ]);
});

it("no passkey is shown, whatever became of the announce, nor of a tracker that is left out", async () => {
  const tracker = await listen();
  const [refusing, silent] = ["s3cret/announce", "s3cret/announce?passkey=s3cret"].map(
    (path) => `http://127.0.0.1:${tracker.port}/${path}`,
  ) as [string, string];
  const { announcer, failed, start } = announcerOf([[refusing], [silent], ["wss://127.0.0.1/s3cret"]]);
  start();
  (await tracker.next("/s3cret/announce")).fail("who are you?");
  await failed();
  // At a local address it is not asked with a query.
  await failed();
  const shown = announcer.trackers;
  expect(shown.map(({ result }) => result)).toEqual([
    expect.stringContaining("refuses: who are you?"),
    expect.stringContaining("is at the local address 127.0.0.1"),
    expect.stringContaining("is not reached by HTTP, HTTPS or UDP"),
  ]);
  expect(shown.map(({ url }) => url)).toEqual([
    `http://127.0.0.1:${tracker.port}/…/announce`,
    `http://127.0.0.1:${tracker.port}/…/announce?…`,
    "wss://127.0.0.1/…",
  ]);
  expect(JSON.stringify(shown)).not.toContain("s3cret");
});
