import { type Address, encodeLocateAnswer } from "@cachetorrent/protocol";
import { expect, test } from "vitest";
import { announcerOf, listen, none, waitsFor } from "./support/announcing.ts";
import { asn, ctOf, endpoint, infoHash, peerId } from "./support/samples.ts";
import type { Asked } from "./support/scripted-tracker.ts";

test("the first announce tells who we are, from the address we listen on", async () => {
  const tracker = await listen();
  const { announcer, answered, start } = announcerOf([[tracker.announceUrl]], {
    localAddress: "127.2.0.1" as Address,
    capacity: { up: 4_000_000, down: 8_000_000 },
    local: endpoint("10.0.0.7:6881"),
  });
  start();
  const asked = await tracker.next();
  expect(asked.from).toBe("127.2.0.1");
  expect(asked.announce).toEqual({
    infoHash,
    peerId,
    port: 6881,
    uploaded: 1,
    downloaded: 30,
    left: 100,
    event: "started",
    numwant: 40,
    compact: true,
    noPeerId: false,
    key: expect.stringMatching(/^[0-9a-f]{16}$/),
    member: {
      capacity: { up: 4_000_000, down: 8_000_000 },
      term: 0,
      externalBytes: 20,
      internalBytes: 10,
      local: { address: "10.0.0.7", port: 6881 },
    },
  });
  asked.accept({ ct: ctOf(5) });
  await answered();
  expect(announcer.asn).toBe(64502);
  expect(announcer.policy).toEqual({ name: "bittorrent" });
  expect(announcer.leaders?.term).toBe(5);
});

test("the next announce comes when the interval says, with the same key, without an event, with the newest term", async () => {
  const tracker = await listen();
  const { answered, builtAt, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  const first = await tracker.next();
  first.accept({ interval: 900, ct: ctOf(5) });
  await answered();
  clock.advance(899_999);
  expect(builtAt).toEqual([0]);
  clock.advance(1);
  const second = await tracker.next();
  expect(builtAt).toEqual([0, 900_000]);
  expect(second.announce.event).toBeUndefined();
  expect(second.announce.key).toBe(first.announce.key);
  expect(second.announce.member?.term).toBe(5);
});

test.each([
  [0, 1000],
  [2 ** 52, 24 * 3600 * 1000],
])("an interval of %d s is taken as %d ms", async (interval, ms) => {
  const tracker = await listen();
  const { answered, builtAt, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ interval });
  await answered();
  clock.advance(ms - 1);
  expect(builtAt).toHaveLength(1);
  clock.advance(1);
  expect(builtAt).toHaveLength(2);
});

test("an announce out of turn waits for the min interval", async () => {
  const tracker = await listen();
  const { announcer, answered, builtAt, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ interval: 1800, minInterval: 60 });
  await answered();
  clock.advance(10_000);
  announcer.announceNow();
  clock.advance(49_999);
  expect(builtAt).toEqual([0]);
  clock.advance(1);
  expect(builtAt).toEqual([0, 60_000]);
});

test("completion is announced at once, and once", async () => {
  const tracker = await listen();
  const { announcer, answered, builtAt, clock, progress, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept();
  await answered();
  clock.advance(1000);
  progress.left = 0;
  announcer.completed();
  clock.advance(0);
  const asked = await tracker.next();
  expect(asked.announce).toMatchObject({ event: "completed", left: 0 });
  asked.accept();
  await answered();
  clock.advance(1_799_999);
  expect(builtAt).toEqual([0, 1000]);
});

test("completion before the first answer is announced after the start", async () => {
  const tracker = await listen();
  const { announcer, answered, clock, start } = announcerOf([[tracker.announceUrl]]);
  start();
  const started = await tracker.next();
  announcer.completed();
  started.accept();
  await answered();
  clock.advance(0);
  expect((await tracker.next()).announce.event).toBe("completed");
});

test("why nothing comes of the trackers is known while none of those that were asked works", async () => {
  const [first, second] = [await listen(), await listen()];
  const given = announcerOf([[first.announceUrl], [second.announceUrl]]);
  const { announcer, answered, clock, failed, start } = given;
  start();
  const asked = await first.next();
  expect(announcer.trouble).toBeUndefined();
  asked.reset();
  const { retryInMs } = await failed();
  expect(announcer.trouble).toBe("unreachable");
  (await second.next()).fail("no");
  await failed();
  expect(announcer.trouble).toBe("refused");
  clock.advance(retryInMs);
  (await first.next()).accept();
  await answered();
  expect(announcer.trouble).toBeUndefined();
});

test("a tracker that refuses is tried again after 5 s, doubling to 5 minutes, with jitter", async () => {
  const tracker = await listen();
  const { clock, failed, start } = announcerOf([[tracker.announceUrl]]);
  start();
  const delays: number[] = [];
  for (let i = 0; i < 9; i++) {
    const asked = await tracker.next();
    expect(asked.announce.event).toBe("started");
    asked.fail("not today");
    const { error, retryInMs } = await failed();
    expect(error.code).toBe("CT_ERR_TRACKER_FAILURE");
    delays.push(retryInMs / 0.75);
    clock.advance(retryInMs);
  }
  expect(delays).toEqual([5, 10, 20, 40, 80, 160, 300, 300, 300].map((seconds) => seconds * 1000));
});

test("a tracker that answered before and vanished is tried again within 10 s, however long it is away", async () => {
  const tracker = await listen();
  const { answered, clock, failed, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept();
  await answered();
  clock.advance(1_800_000);
  for (let i = 0; i < 10; i++) {
    (await tracker.next()).reset();
    const { retryInMs } = await failed();
    expect(retryInMs).toBeLessThanOrEqual(10_000);
    clock.advance(retryInMs);
  }
});

test.each([
  ["answers HTML", (asked: Asked) => asked.reply("<html>")],
  ["answers garbage", (asked: Asked) => asked.reply("\u0001")],
  ["refuses", (asked: Asked) => asked.fail("no")],
  ["resets", (asked: Asked) => asked.reset()],
])("where a tracker of the first tier %s, the second tier is asked", async (_, misbehave) => {
  const [first, second] = [await listen(), await listen()];
  const { answered, clock, failed, start } = announcerOf([[first.announceUrl], [second.announceUrl]]);
  start();
  misbehave(await first.next());
  const { retryInMs } = await failed();
  const asked = await second.next();
  expect(asked.announce.event).toBe("started");
  asked.accept();
  expect((await answered()).url).toBe(second.announceUrl);

  // The first is tried again; once it works the second is left alone.
  clock.advance(retryInMs);
  (await first.next()).accept();
  expect((await answered()).url).toBe(first.announceUrl);
});

test("a tracker of the first tier that hangs costs 15 s", async () => {
  const [first, second] = [await listen(), await listen()];
  const { clock, failed, start } = announcerOf([[first.announceUrl], [second.announceUrl]]);
  start();
  await first.next();
  clock.advance(15_000);
  expect((await failed()).error.message).toContain("did not answer within 15 s");
  await second.next();
});

test("a tracker that works is not joined by the next of its tier, and comes first from then on", async () => {
  const [first, second] = [await listen(), await listen()];
  const { answered, builtAt, clock, failed, start } = announcerOf([[first.announceUrl, second.announceUrl]], {
    random: none,
  });
  start();
  (await first.next()).fail("not here");
  await failed();
  (await second.next()).accept({ interval: 300 });
  await answered();
  clock.advance(299_999);
  expect(builtAt).toHaveLength(2);
  clock.advance(1);
  (await second.next()).accept();
  expect((await answered()).url).toBe(second.announceUrl);
  expect(first.waiting()).toBe(0);
});

test("a stock tracker gives peers of unknown AS and nothing else", async () => {
  const tracker = await listen();
  const { announcer, answered, cts, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ peers: [{ endpoint: endpoint("127.3.0.1:7000"), asn: asn(64503) }] });
  const { answer } = await answered();
  expect(answer.peers).toEqual([{ endpoint: { address: "127.3.0.1", port: 7000 }, asn: 0 }]);
  expect([announcer.asn, announcer.policy, announcer.leaders]).toEqual([0, undefined, undefined]);
  expect(cts.size).toBe(0);
  await expect(announcer.locate([endpoint("127.3.0.1:7000")])).rejects.toMatchObject({
    code: "CT_ERR_TRACKER",
  });
});

test("a tracker's warning is told, once as long as it is the same", async () => {
  const tracker = await listen();
  const { answered, clock, lines, start } = announcerOf([[tracker.announceUrl]]);
  start();
  for (const warning of ["ratio too low", "ratio too low", "moving tomorrow"]) {
    (await tracker.next()).accept({ interval: 1800, warning });
    await answered();
    await waitsFor(clock, 1_800_000);
    clock.advance(1_800_000);
  }
  const warnings = [await lines.next(), await lines.next()].map(({ msg }) => msg);
  expect(warnings).toEqual([
    `tracker ${tracker.announceUrl} warns: ratio too low`,
    `tracker ${tracker.announceUrl} warns: moving tomorrow`,
  ]);
});

test("locate asks the tracker that is obeyed", async () => {
  const tracker = await listen();
  const { announcer, answered, start } = announcerOf([[tracker.announceUrl]]);
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  const located = announcer.locate([endpoint("127.3.0.1:7000")]);
  (await tracker.next("/locate")).reply(encodeLocateAnswer([{ asn: asn(64503), known: true }]));
  expect(await located).toEqual([{ asn: 64503, known: true }]);
});

test("while the tracker it obeys is away, another one gives only peers; after 2 minutes that one is obeyed", async () => {
  const [first, second] = [await listen(), await listen()];
  const { announcer, answered, clock, cts, failed, progress, start } = announcerOf([
    [first.announceUrl],
    [second.announceUrl],
  ]);
  const begin = clock.now();
  progress.left = 0; // a complete peer that leads nothing does not poll
  start();
  (await first.next()).accept({ interval: 60, ct: ctOf(5) });
  await answered();
  await cts.next();

  clock.advance(60_000);
  (await first.next()).reset();
  await failed();
  clock.advance(0);
  const peers = [{ endpoint: endpoint("127.3.0.1:7000"), asn: asn(64503) }];
  (await second.next()).accept({ interval: 70, ct: ctOf(6), peers });
  const { answer } = await answered();
  expect(answer.ct).toBeUndefined();
  expect(answer.peers[0]?.asn).toBe(0);
  expect(announcer.leaders?.term).toBe(5);

  // The first stays away until the second is due again.
  await first.close();
  const secondDueAt = begin + 130_000;
  while (clock.now() + (clock.nextInMs ?? 0) < secondDueAt) {
    clock.advance(clock.nextInMs ?? 0);
    await failed();
  }
  clock.advance(secondDueAt - clock.now());
  (await second.next()).accept({ ct: ctOf(7), peers });
  expect((await answered()).answer.peers[0]?.asn).toBe(64503);
  expect(announcer.leaders?.term).toBe(7);
});

test("a tracker of an earlier tier is obeyed as soon as it is there", async () => {
  const [first, second] = [await listen(), await listen()];
  const { announcer, answered, clock, failed, start } = announcerOf([
    [first.announceUrl],
    [second.announceUrl],
  ]);
  start();
  (await first.next()).fail("not yet");
  const { retryInMs } = await failed();
  (await second.next()).accept({ ct: ctOf(5) });
  await answered();
  const poll = await second.next("/leaders");
  clock.advance(retryInMs);
  (await first.next()).accept({ ct: ctOf(6) });
  await answered();
  expect(announcer.leaders?.term).toBe(6);
  await poll.gone;
  await first.next("/leaders");
});

test("the leaders stand while a tracker that restarted without its state elects anew", async () => {
  const tracker = await listen();
  const { announcer, answered, clock, cts, progress, start } = announcerOf([[tracker.announceUrl]]);
  progress.left = 0; // a complete peer that leads nothing does not poll
  start();
  (await tracker.next()).accept({ ct: ctOf(5) });
  await answered();
  await cts.next();
  clock.advance(1_800_000);
  const { leaders: _, ...undecided } = ctOf(5);
  (await tracker.next()).accept({ ct: undecided });
  await answered();
  expect(await cts.next()).toEqual(ctOf(5));
  expect(announcer.leaders?.term).toBe(5);
});
