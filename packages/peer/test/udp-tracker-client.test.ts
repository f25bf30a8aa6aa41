import { ManualClock } from "@cachetorrent/clock";
import { describe, expect, test } from "vitest";
import { AddressGuard } from "../src/outbound/address-guard.ts";
import { waitsFor } from "./support/announcing.ts";
import { errorOf } from "./support/error-of.ts";
import { settled } from "./support/event-queue.ts";
import { announceRequest, endpoint, infoHash, peerId } from "./support/samples.ts";
import { ScriptedUdpTracker } from "./support/scripted-udp-tracker.ts";
import { udpClientOf } from "./support/udp-client.ts";

/** As if this machine's addresses were out there. */
const global = new AddressGuard({ isLocal: () => false });

describe("an announce over UDP", () => {
  test("is asked for and answered", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const client = udpClientOf(tracker.announceUrl);
    const answer = client.announce(
      announceRequest({
        left: 7,
        uploaded: 2 ** 40,
        downloaded: 5,
        event: "started",
        numwant: 40,
        key: "00ff10203040aabb",
      }),
    );
    const asked = await tracker.next();
    expect(asked.announce).toEqual({
      action: "announce",
      transactionId: asked.request.transactionId,
      connectionId: 0x1122334455667788n,
      infoHash,
      peerId,
      left: 7,
      uploaded: 2 ** 40,
      downloaded: 5,
      event: "started",
      numwant: 40,
      key: 0x00ff1020,
      port: 6881,
      urlData: "/announce",
    });
    asked.accept({ interval: 900, leechers: 3, seeders: 2, peers: [endpoint("127.3.0.1:7000")] });
    expect(await answer).toEqual({
      interval: 900,
      complete: 2,
      incomplete: 3,
      peers: [{ endpoint: { address: "127.3.0.1", port: 7000 }, asn: 0 }],
    });
    expect(client.mayKnowUs).toBe(true);
  });

  test("carries path and query of the URL (BEP 41)", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const url = `${tracker.announceUrl}?passkey=s%2Fcret`;
    const answer = udpClientOf(url, { guard: global }).announce(announceRequest());
    const asked = await tracker.next();
    expect(asked.announce.urlData).toBe("/announce?passkey=s%2Fcret");
    asked.accept();
    await answer;
  });

  test("comes from the local address", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const client = udpClientOf(tracker.announceUrl, { localAddress: "127.2.0.1" });
    const answer = client.announce(announceRequest());
    const asked = await tracker.next();
    expect(asked.from.address).toBe("127.2.0.1");
    asked.accept();
    await answer;
  });

  test("goes over IPv6 to a tracker there, whose peers are of that family", async () => {
    const tracker = await ScriptedUdpTracker.listen("::1");
    expect(tracker.announceUrl).toContain("[::1]");
    const answer = udpClientOf(tracker.announceUrl, { localAddress: "::1" }).announce(announceRequest());
    const asked = await tracker.next();
    expect(asked.from.address).toBe("::1");
    asked.accept({ peers: [endpoint("[2001:db8::7]:7000"), endpoint("[2001:db8::8]:7001")] });
    expect((await answer).peers.map((peer) => peer.endpoint)).toEqual([
      { address: "2001:db8::7", port: 7000 },
      { address: "2001:db8::8", port: 7001 },
    ]);
  });

  test("finds a tracker by name, in the family of the local address", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const url = `udp://localhost:${tracker.port}/announce`;
    const answer = udpClientOf(url, { localAddress: "127.2.0.1" }).announce(announceRequest());
    (await tracker.next()).accept();
    await answer;
  });

  test("tries the next of a name's addresses after one failed", async () => {
    const tracker = await ScriptedUdpTracker.listen("127.0.0.1");
    const guard = new AddressGuard({
      lookup: (_host, _options, callback) =>
        callback(null, [
          { address: "::1", family: 6 },
          { address: "127.0.0.1", family: 4 },
        ]),
    });
    const client = udpClientOf(`udp://t.example:${tracker.port}/announce`, { guard });
    expect((await errorOf(client.announce(announceRequest()))).message).toContain("ECONNREFUSED");
    const answer = client.announce(announceRequest());
    (await tracker.next()).accept();
    await answer;
  });
});

describe("a connection id", () => {
  test("is used for a minute, from one port, and then asked for anew", async () => {
    const [tracker, clock] = [await ScriptedUdpTracker.listen(), new ManualClock()];
    const client = udpClientOf(tracker.announceUrl, { clock });
    const ports = new Set<number>();
    for (const waitMs of [0, 59_999, 1]) {
      clock.advance(waitMs);
      const answer = client.announce(announceRequest());
      const asked = await tracker.next();
      ports.add(asked.from.port);
      asked.accept();
      await answer;
      if (waitMs === 59_999) expect([tracker.connects, ports.size]).toEqual([1, 1]);
    }
    expect(tracker.connects).toBe(2);
    // The socket is not kept beyond the minute.
    clock.advance(60_000);
    expect(clock.nextInMs).toBeUndefined();
  });

  test("that the tracker does not take is dropped", async () => {
    const tracker = await ScriptedUdpTracker.listen();
    const client = udpClientOf(tracker.announceUrl);
    const error = errorOf(client.announce(announceRequest()));
    (await tracker.next()).reply({ action: "error", message: "Connection ID missmatch." });
    expect(await error).toMatchObject({ reason: "Connection ID missmatch." });
    const answer = client.announce(announceRequest());
    (await tracker.next()).accept();
    await answer;
    expect(tracker.connects).toBe(2);
  });
});

describe("silence", () => {
  test("is met by asking again after 15, 30 and 60 s, and is a failure 120 s later (BEP 15)", async () => {
    const [tracker, clock] = [await ScriptedUdpTracker.listen(), new ManualClock()];
    tracker.connectionId = undefined;
    const client = udpClientOf(tracker.announceUrl, { clock });
    const error = errorOf(client.announce(announceRequest()));
    for (const waitMs of [15_000, 30_000, 60_000, 120_000]) {
      await tracker.next();
      await waitsFor(clock, waitMs);
      clock.advance(waitMs - 1);
      await settled();
      expect(tracker.waiting).toBe(0);
      clock.advance(1);
    }
    expect(await error).toMatchObject({
      code: "CT_ERR_TRACKER",
      message: `tracker ${tracker.announceUrl} did not answer, asked 4 times`,
    });
    expect(client.mayKnowUs).toBe(false);
  });

  test("after the connect doubles the wait anew, and an id that ran out meanwhile is renewed (BEP 15)", async () => {
    const [tracker, clock] = [await ScriptedUdpTracker.listen(), new ManualClock()];
    const client = udpClientOf(tracker.announceUrl, { clock });
    const error = errorOf(client.announce(announceRequest()));
    // At 0 s, 15 s and 45 s with the first id, at 105 s with the second.
    for (const [at, waitMs] of [15_000, 30_000, 60_000, 120_000].entries()) {
      expect((await tracker.next()).request.action).toBe("announce");
      expect(tracker.connects).toBe(at < 3 ? 1 : 2);
      await waitsFor(clock, waitMs);
      clock.advance(waitMs);
    }
    expect((await error).message).toContain("did not answer, asked 4 times");
    expect(client.mayKnowUs).toBe(true);
  });

  test("that ends with a late answer to the first question is an answer", async () => {
    const [tracker, clock] = [await ScriptedUdpTracker.listen(), new ManualClock()];
    const answer = udpClientOf(tracker.announceUrl, { clock }).announce(announceRequest());
    const first = await tracker.next();
    await waitsFor(clock, 15_000);
    clock.advance(15_000);
    await tracker.next();
    first.accept({ interval: 77 });
    expect((await answer).interval).toBe(77);
  });

  test("of a name server costs 15 s", async () => {
    const clock = new ManualClock();
    const client = udpClientOf("udp://t.example:6969/announce", {
      clock,
      guard: new AddressGuard({ lookup: () => undefined }),
    });
    const error = errorOf(client.announce(announceRequest()));
    clock.advance(15_000);
    expect((await error).message).toContain("its name is not resolved within 15 s");
  });
});

test("a tracker that is not there is told at once", async () => {
  const tracker = await ScriptedUdpTracker.listen();
  await tracker.close();
  const error = await errorOf(udpClientOf(tracker.announceUrl).announce(announceRequest()));
  expect(error).toMatchObject({ code: "CT_ERR_TRACKER", message: expect.stringContaining("ECONNREFUSED") });
});

test("a local address that this machine does not have is an error that says so", async () => {
  const tracker = await ScriptedUdpTracker.listen();
  const client = udpClientOf(tracker.announceUrl, { localAddress: "198.18.99.99" });
  expect((await errorOf(client.announce(announceRequest()))).message).toContain("EADDRNOTAVAIL");
});

test.each(["udp://127.0.0.1:6969", "udp://127.0.0.1:6969/announce?x=1", "udp://[::1]:6969/x"])(
  "%s is not asked, being at a local address",
  async (url) => {
    expect((await errorOf(udpClientOf(url).announce(announceRequest()))).message).toMatch(
      /is at the local address .*, where only a URL that ends in \/announce and has no query is asked/,
    );
  },
);

test.each([
  ["udp://127.0.0.1/announce", "udp://HOST:PORT/announce"],
  ["udp://:6969/announce", "udp://HOST:PORT/announce"],
  ["http://127.0.0.1:6969/announce", "udp://HOST:PORT/announce"],
  [`udp://127.0.0.1:6969/${"x".repeat(1100)}/announce`, "more than 1024 bytes"],
])("%s is no UDP tracker", (url, message) => {
  expect(() => udpClientOf(url)).toThrow(message);
});

test("closing and aborting end what is in flight", async () => {
  const tracker = await ScriptedUdpTracker.listen();
  const client = udpClientOf(tracker.announceUrl);
  const abort = new AbortController();
  const aborted = errorOf(client.announce(announceRequest(), abort.signal));
  await tracker.next();
  abort.abort();
  expect((await aborted).code).toBe("CT_ERR_TRACKER");
  const closed = errorOf(client.announce(announceRequest()));
  await tracker.next();
  await client.close();
  expect((await closed).code).toBe("CT_ERR_TRACKER");
  expect((await errorOf(client.announce(announceRequest()))).code).toBe("CT_ERR_TRACKER");
});

test("transaction ids come from the random source, and differ", async () => {
  const tracker = await ScriptedUdpTracker.listen();
  tracker.connectionId = undefined;
  const ids = [0.25, 0.75];
  const answer = udpClientOf(tracker.announceUrl, { random: () => ids.shift() ?? 0 }).announce(
    announceRequest(),
  );
  const connect = await tracker.next();
  expect(connect.request.transactionId).toBe(2 ** 30);
  connect.reply({ action: "connect", connectionId: 1n });
  const asked = await tracker.next();
  expect(asked.announce).toMatchObject({ transactionId: 3 * 2 ** 30, connectionId: 1n });
  asked.accept();
  await answer;
});

test("it knows neither leaders nor ASes", async () => {
  const client = udpClientOf("udp://127.0.0.1:6969/announce");
  expect(client.hasFeed).toBe(false);
  expect((await errorOf(client.leaders())).message).toContain("knows no leaders");
  expect((await errorOf(client.locate())).message).toContain("locates nobody");
});
