import { createSocket } from "node:dgram";
import { encodeUdpTrackerAnswer, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, onTestFinished, test } from "vitest";
import { TrackerFailure } from "../src/announcing/tracker-client.ts";
import { errorOf } from "./support/error-of.ts";
import { announceRequest, endpoint } from "./support/samples.ts";
import { ScriptedUdpTracker } from "./support/scripted-udp-tracker.ts";
import { udpClientOf } from "./support/udp-client.ts";

describe("what is no answer is ignored:", () => {
  const announceAnswer = (transactionId: number) =>
    encodeUdpTrackerAnswer({
      action: "announce",
      transactionId,
      interval: 1,
      leechers: 0,
      seeders: 0,
      peers: [],
    });

  test("one to another transaction", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const answer = udpClientOf(tracker.announceUrl).announce(announceRequest());
    const asked = await tracker.next();
    asked.send(announceAnswer(asked.request.transactionId ^ 1));
    asked.accept({ interval: 77 });
    expect((await answer).interval).toBe(77);
  });

  test("one that is too short for a transaction, or empty", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const answer = udpClientOf(tracker.announceUrl).announce(announceRequest());
    const asked = await tracker.next();
    for (const length of [0, 1, 7]) asked.send(new Uint8Array(length));
    asked.accept({ interval: 77 });
    expect((await answer).interval).toBe(77);
  });

  test("one from another endpoint, even with the right transaction", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const other = createSocket("udp4");
    await new Promise<void>((resolve) => other.bind(0, "127.0.0.1", resolve));
    onTestFinished(() => void other.close());
    const answer = udpClientOf(tracker.announceUrl).announce(announceRequest());
    const asked = await tracker.next();
    await new Promise<void>((resolve) =>
      other.send(announceAnswer(asked.request.transactionId), asked.from.port, asked.from.address, () =>
        resolve(),
      ),
    );
    asked.accept({ interval: 77 });
    expect((await answer).interval).toBe(77);
  });
});

describe("an answer", () => {
  test("that refuses is told apart, in the tracker's words without its control characters", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const error = errorOf(udpClientOf(tracker.announceUrl).announce(announceRequest()));
    (await tracker.next()).reply({ action: "error", message: "not \u001b[31mregistered" });
    expect(await error).toBeInstanceOf(TrackerFailure);
    expect(await error).toMatchObject({
      code: "CT_ERR_TRACKER_FAILURE",
      reason: "not ?[31mregistered",
      message: `tracker ${tracker.announceUrl} refuses: not ?[31mregistered`,
    });
  });

  test("that refuses at length is cut off", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const error = errorOf(udpClientOf(tracker.announceUrl).announce(announceRequest()));
    (await tracker.next()).reply({ action: "error", message: "x".repeat(60_000) });
    expect(await error).toMatchObject({ reason: "x".repeat(500) });
  });

  test("as large as a datagram can be gives 2000 peers", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const answer = udpClientOf(tracker.announceUrl).announce(announceRequest());
    (await tracker.next()).accept({ peers: Array(10_000).fill(endpoint("127.3.0.1:7000")) });
    expect((await answer).peers).toHaveLength(LIMITS.udpTracker.peers);
  });

  test.each([
    ["too short", (id: number) => `00000001${hex(id)}0000`, "10 bytes are too short"],
    ["with half a peer", (id: number) => `00000001${hex(id)}${"00".repeat(12)}7f0000`, "no multiple of 6"],
    ["of an unknown action", (id: number) => `00000009${hex(id)}`, "unknown action: 9"],
    ["to another question", (id: number) => `00000000${hex(id)}${"00".repeat(8)}`, "connect to announce"],
  ])("%s is garbage", async (_, text, message) => {
    const tracker = await ScriptedUdpTracker.listen();
    const error = errorOf(udpClientOf(tracker.announceUrl).announce(announceRequest()));
    const asked = await tracker.next();
    asked.send(Buffer.from(text(asked.request.transactionId), "hex"));
    expect((await error).message).toContain("answers garbage: ");
    expect((await error).message).toContain(message);
  });
});

function hex(value: number): string {
  return value.toString(16).padStart(8, "0");
}
