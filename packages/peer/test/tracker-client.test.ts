import { ManualClock, systemClock } from "@cachetorrent/clock";
import {
  type Address,
  encodeBencode,
  encodeLeadersAnswer,
  encodeLocateAnswer,
  LIMITS,
} from "@cachetorrent/protocol";
import { expect, onTestFinished, test } from "vitest";
import { TrackerClient, TrackerFailure } from "../src/announcing/tracker-client.ts";
import { AddressGuard } from "../src/outbound/address-guard.ts";
import { errorOf } from "./support/error-of.ts";
import { announceRequest, asn, ctOf, endpoint, infoHash, peerId, silent } from "./support/samples.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";

/** As if this machine's addresses were out there. */
const global = new AddressGuard({ isLocal: () => false });

function clientOf(
  announceUrl: string,
  more: { localAddress?: string; clock?: ManualClock; guard?: AddressGuard } = {},
) {
  const client = new TrackerClient({
    announceUrl,
    clock: more.clock ?? systemClock,
    log: silent,
    ...(more.guard ? { guard: more.guard } : {}),
    ...(more.localAddress ? { localAddress: more.localAddress as Address } : {}),
  });
  onTestFinished(() => client.close());
  return client;
}

test("an announce is asked for and answered", async () => {
  const tracker = await ScriptedTracker.listen();
  const answer = clientOf(tracker.announceUrl).announce(announceRequest({ left: 7, event: "started" }));
  const asked = await tracker.next();
  expect(asked.path).toBe("/announce");
  expect(asked.announce).toMatchObject({ infoHash, peerId, left: 7, event: "started" });
  asked.accept({ peers: [{ endpoint: endpoint("127.3.0.1:7000"), asn: asn(64503) }], ct: ctOf(5) });
  await expect(answer).resolves.toMatchObject({
    interval: 1800,
    peers: [{ endpoint: { address: "127.3.0.1", port: 7000 }, asn: 64503 }],
    ct: { asn: 64502, leaders: { term: 5 } },
  });
});

test("every request comes from the local address", async () => {
  const tracker = await ScriptedTracker.listen("127.0.0.1");
  const client = clientOf(tracker.announceUrl, { localAddress: "127.2.0.1" });
  const answers = [
    client.announce(announceRequest()),
    client.leaders({ infoHash, peerId, term: 0 }),
    client.locate({ infoHash, peerId, endpoints: [endpoint("127.3.0.1:7000")] }),
  ];
  const seen = [await tracker.next(), await tracker.next("/leaders"), await tracker.next("/locate")];
  expect(seen.map((asked) => asked.from)).toEqual(["127.2.0.1", "127.2.0.1", "127.2.0.1"]);
  for (const asked of seen) asked.fail("enough");
  await Promise.allSettled(answers);
});

test("a tracker named by host is asked from the local address, in its address family", async () => {
  const tracker = await ScriptedTracker.listen("127.0.0.1");
  const client = clientOf(`http://localhost:${tracker.port}/announce`, { localAddress: "127.2.0.1" });
  const answer = client.announce(announceRequest());
  const asked = await tracker.next();
  expect(asked.from).toBe("127.2.0.1");
  asked.accept();
  await answer;
});

test.each(["0.0.0.0", "::"])("the wildcard %s binds to nothing", async (localAddress) => {
  const tracker = await ScriptedTracker.listen("127.0.0.1");
  const answer = clientOf(tracker.announceUrl, { localAddress }).announce(announceRequest());
  const asked = await tracker.next();
  expect(asked.from).toBe("127.0.0.1");
  asked.accept();
  await answer;
});

test("who listens on IPv4 alone asks a tracker of both families over IPv4", async () => {
  const tracker = await ScriptedTracker.listen("127.0.0.1");
  const overIPv6 = await ScriptedTracker.listen("::1", tracker.port);
  const url = `http://localhost:${tracker.port}/announce`;
  const answer = clientOf(url, { localAddress: "0.0.0.0" }).announce(announceRequest());
  (await tracker.next()).accept();
  await answer;
  expect(overIPv6.waiting()).toBe(0);
});

test("a tracker at an IPv6 address is reached, from an IPv6 address", async () => {
  const tracker = await ScriptedTracker.listen("::1");
  expect(tracker.announceUrl).toContain("[::1]");
  const answer = clientOf(tracker.announceUrl, { localAddress: "::1" }).announce(announceRequest());
  const asked = await tracker.next();
  expect(asked.from).toBe("::1");
  asked.accept();
  await answer;
});

test.each([
  ["::1", "127.2.0.1"],
  ["127.0.0.1", "::1"],
])("a tracker at %s is reached unbound, and told that we listen at %s (BEP 7)", async (at, localAddress) => {
  const tracker = await ScriptedTracker.listen(at);
  const answer = clientOf(tracker.announceUrl, { localAddress }).announce(announceRequest());
  const asked = await tracker.next();
  expect(asked.announce.otherAddress).toBe(localAddress);
  asked.accept();
  await answer;
});

test("the query of the announce URL is kept, for the long poll and locate too", async () => {
  const tracker = await ScriptedTracker.listen();
  const client = clientOf(`${tracker.announceUrl}?passkey=s%2Fcret`, { guard: global });
  const announce = client.announce(announceRequest());
  const first = await tracker.next();
  expect(first.query).toMatch(/^passkey=s%2Fcret&info_hash=/);
  first.accept();
  await announce;

  const leaders = client.leaders({ infoHash, peerId, term: 41 });
  const second = await tracker.next("/leaders");
  expect(second.query).toMatch(/^passkey=s%2Fcret&info_hash=.*&term=41$/);
  second.reply(encodeLeadersAnswer(ctOf(42)));
  await expect(leaders).resolves.toEqual(ctOf(42));

  const located = client.locate({
    infoHash,
    peerId,
    endpoints: [endpoint("127.3.0.1:7000"), endpoint("[2001:db8::1]:7001")],
  });
  const third = await tracker.next("/locate");
  expect(third.query).toMatch(/&ep=7f0300011b58,20010db80+11b59$/);
  third.reply(
    encodeLocateAnswer([
      { asn: asn(64503), known: true },
      { asn: asn(0), known: false },
    ]),
  );
  await expect(located).resolves.toEqual([
    { asn: 64503, known: true },
    { asn: 0, known: false },
  ]);
});

test("a refusal is told apart, in the tracker's words without its control characters", async () => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(clientOf(tracker.announceUrl).announce(announceRequest()));
  (await tracker.next()).fail("not \u001b[31mregistered");
  expect(await error).toBeInstanceOf(TrackerFailure);
  expect(await error).toMatchObject({ code: "CT_ERR_TRACKER_FAILURE", reason: "not ?[31mregistered" });
});

test("a refusal is one under HTTP 400 too", async () => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(clientOf(tracker.announceUrl).announce(announceRequest()));
  (await tracker.next()).reply(encodeBencode({ "failure reason": "banned" }), 400);
  expect(await error).toMatchObject({ code: "CT_ERR_TRACKER_FAILURE", reason: "banned" });
});

test.each([
  ["HTML", "<!DOCTYPE html><p>hello", "answers HTML"],
  ["garbage", "\u0000\u0001\u0002", "answers garbage"],
  ["nothing", "", "answers garbage"],
  ["bencode that is no announce answer", "d3:foo3:bare", "no interval"],
])("%s is no answer", async (_, body, message) => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(clientOf(tracker.announceUrl).announce(announceRequest()));
  (await tracker.next()).reply(body);
  expect(await error).toMatchObject({ code: "CT_ERR_TRACKER", message: expect.stringContaining(message) });
});

test("another HTTP status is an error", async () => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(clientOf(tracker.announceUrl).announce(announceRequest()));
  (await tracker.next()).reply("<h1>Bad gateway</h1>", 502);
  expect((await error).message).toContain("answers HTTP 502");
});

test.each([
  ["/", /HTTP 404 \(.*should perhaps end in \/announce\)$/],
  ["/announce", /HTTP 404$/],
])("a tracker that knows nothing at %s is told with a hint, where there is one", async (path, message) => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(
    clientOf(`http://127.0.0.1:${tracker.port}${path}`, { guard: global }).announce(announceRequest()),
  );
  (await tracker.next(path)).reply("not found", 404);
  expect((await error).message).toMatch(message);
});

test("an endless answer is given up at the bound, while it comes", async () => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(clientOf(tracker.announceUrl).announce(announceRequest()));
  const asked = await tracker.next();
  const chunk = Buffer.alloc(256 * 1024, "9");
  let written = 0;
  while (await asked.write(chunk)) written += chunk.length;
  expect((await error).message).toContain(`more than ${LIMITS.bencode.answerBytes} bytes`);
  // What the sockets hold on the way comes on top of what was read.
  expect(written).toBeLessThan(32 * LIMITS.bencode.answerBytes);
});

test("a tracker that never answers is given up after 15 s", async () => {
  const tracker = await ScriptedTracker.listen();
  const clock = new ManualClock();
  const error = errorOf(clientOf(tracker.announceUrl, { clock }).announce(announceRequest()));
  const asked = await tracker.next();
  clock.advance(15_000);
  expect((await error).message).toContain("did not answer within 15 s");
  await asked.gone;
});

test("an answer that drips without end is given up after 15 s", async () => {
  const tracker = await ScriptedTracker.listen();
  const clock = new ManualClock();
  const error = errorOf(clientOf(tracker.announceUrl, { clock }).announce(announceRequest()));
  const asked = await tracker.next();
  await asked.write("d8:inter");
  clock.advance(14_000);
  await asked.write("vali18");
  clock.advance(1_000);
  expect((await error).message).toContain("did not answer within 15 s");
});

test("a long poll has 40 s", async () => {
  const tracker = await ScriptedTracker.listen();
  const clock = new ManualClock();
  const error = errorOf(clientOf(tracker.announceUrl, { clock }).leaders({ infoHash, peerId, term: 0 }));
  await tracker.next("/leaders");
  clock.advance(40_000);
  expect((await error).message).toContain("did not answer within 40 s");
});

test("a reset connection is an error that says so", async () => {
  const tracker = await ScriptedTracker.listen();
  const error = errorOf(clientOf(tracker.announceUrl).announce(announceRequest()));
  (await tracker.next()).reset();
  expect((await error).message).toContain("is not reachable: read ECONNRESET");
});

test("a tracker that is not there is an error that says so", async () => {
  const tracker = await ScriptedTracker.listen();
  const { announceUrl } = tracker;
  await tracker.close();
  const error = await errorOf(clientOf(announceUrl).announce(announceRequest()));
  expect(error).toMatchObject({ code: "CT_ERR_TRACKER", message: expect.stringContaining("ECONNREFUSED") });
});

test("no message tells the secrets of the announce URL", async () => {
  const tracker = await ScriptedTracker.listen();
  const { port } = tracker;
  await tracker.close();
  const client = clientOf(`http://user:hunter2@127.0.0.1:${port}/T0KEN/announce?passkey=s3cret`, {
    guard: global,
  });
  const error = await errorOf(client.announce(announceRequest()));
  expect(error.message).toContain(`tracker http://127.0.0.1:${port}/…/announce?… is not reachable`);
  expect(error.message).not.toMatch(/hunter2|T0KEN|s3cret/);
});

test.each(["udp://127.0.0.1:6969/announce", "not a URL", "wss://127.0.0.1/announce"])(
  "%s is refused by name",
  (announceUrl) => {
    expect(() => clientOf(announceUrl)).toThrow(/is not reached by HTTP or HTTPS/);
  },
);

test("closing ends what is in flight", async () => {
  const tracker = await ScriptedTracker.listen();
  const client = clientOf(tracker.announceUrl);
  const error = errorOf(client.leaders({ infoHash, peerId, term: 0 }));
  const asked = await tracker.next("/leaders");
  await client.close();
  expect((await error).code).toBe("CT_ERR_TRACKER");
  await asked.gone;
});

test("a tracker whose URL does not end in announce has neither long poll nor locate", async () => {
  const tracker = await ScriptedTracker.listen();
  const client = clientOf(tracker.announceUrl.replace("announce", "a"), { guard: global });
  expect(client.hasFeed).toBe(false);
  const error = await errorOf(client.locate({ infoHash, peerId, endpoints: [] }));
  expect(error.message).toContain("has no locate URL");
});
