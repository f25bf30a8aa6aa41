import { describe, expect, test } from "vitest";
import { announcerOf, knownToTwoOfThree, listen, none, waitsFor } from "./support/announcing.ts";
import { settled } from "./support/event-queue.ts";
import { endpoint } from "./support/samples.ts";
import { ScriptedUdpTracker } from "./support/scripted-udp-tracker.ts";

describe("tiers of trackers over HTTP and UDP (BEP 12)", () => {
  test("a tracker over UDP is announced to, gives peers, and is told of completion and end", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const { announcer, answered, clock, start } = announcerOf([[tracker.announceUrl]]);
    start();
    const started = await tracker.next();
    expect(started.announce).toMatchObject({ event: "started", left: 100, numwant: 40 });
    started.accept({ interval: 300, peers: [endpoint("127.3.0.1:7000")] });
    const { answer, url } = await answered();
    expect(url).toBe(tracker.announceUrl);
    expect(answer.peers).toEqual([{ endpoint: { address: "127.3.0.1", port: 7000 }, asn: 0 }]);

    clock.advance(300_000);
    const again = await tracker.next();
    expect(again.announce.event).toBeUndefined();
    expect(again.announce.key).toBe(started.announce.key);
    again.accept();
    await answered();

    announcer.completed();
    clock.advance(0);
    const completed = await tracker.next();
    expect(completed.announce.event).toBe("completed");
    completed.accept();
    await answered();

    const stopped = announcer.stop();
    const last = await tracker.next();
    expect(last.announce).toMatchObject({ event: "stopped", numwant: 0 });
    last.accept();
    await stopped;
  });

  test("of three tiers of which the first two are dead the third is used", async () => {
    const [deadHttp, deadUdp, third] = [
      await listen(),
      await ScriptedUdpTracker.listen(),
      await ScriptedUdpTracker.listen(),
    ];
    await deadHttp.close();
    await deadUdp.close();
    const tiers = [[deadHttp.announceUrl], [deadUdp.announceUrl], [third.announceUrl]];
    const { answered, failed, start } = announcerOf(tiers);
    start();
    expect((await failed()).error.message).toContain("ECONNREFUSED");
    expect((await failed()).error.message).toContain("ECONNREFUSED");
    (await third.next()).accept();
    expect((await answered()).url).toBe(third.announceUrl);
  });

  test("one that is silent over UDP holds the next one up for 16 s, and is still waited for", async () => {
    const [silent, second] = [await ScriptedUdpTracker.listen(), await listen()];
    const { answered, clock, start } = announcerOf([[silent.announceUrl], [second.announceUrl]]);
    start();
    await silent.next();
    await waitsFor(clock, 15_000);
    clock.advance(15_000);
    const retransmitted = await silent.next();
    await waitsFor(clock, 1_000);
    clock.advance(999);
    await settled();
    expect(second.waiting()).toBe(0);
    clock.advance(1);
    (await second.next()).accept();
    expect((await answered()).url).toBe(second.announceUrl);

    retransmitted.accept({ interval: 60 });
    expect((await answered()).url).toBe(silent.announceUrl);
    clock.advance(60_000);
    (await silent.next()).accept();
    await answered();
    expect(second.waiting()).toBe(0);
  });

  test("two that are silent are not asked twice at a time", async () => {
    const [one, two, third] = [
      await ScriptedUdpTracker.listen(),
      await ScriptedUdpTracker.listen(),
      await listen(),
    ];
    const { answered, builtAt, clock, start } = announcerOf(
      [[one.announceUrl, two.announceUrl], [third.announceUrl]],
      { random: none },
    );
    start();
    for (const silent of [one, two]) {
      await silent.next();
      await waitsFor(clock, 15_000);
      clock.advance(15_000);
      await waitsFor(clock, 1_000);
      clock.advance(1_000);
    }
    (await third.next()).accept({ interval: 60 });
    await answered();
    clock.advance(60_000);
    (await third.next()).accept({ interval: 60 });
    await answered();
    expect(builtAt).toEqual([0, 16_000, 32_000, 92_000]);
  });

  test("completion is told to every tracker that was told of the start", async () => {
    const { announcer, answered, clock, knowing, waiting } = await knownToTwoOfThree();
    announcer.completed();
    for (const tracker of knowing) {
      clock.advance(0);
      const asked = await tracker.next();
      expect(asked.announce.event).toBe("completed");
      asked.accept();
      await answered();
    }
    clock.advance(1_799_000);
    await settled();
    expect(waiting()).toEqual([0, 0, 0]);
  });

  test("one that never answered a connect is not waited for when we stop", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    tracker.connectionId = undefined;
    const { announcer, start } = announcerOf([[tracker.announceUrl]]);
    start();
    expect((await tracker.next()).request.action).toBe("connect");
    await announcer.stop();
    expect(tracker.waiting).toBe(0);
  });
});
