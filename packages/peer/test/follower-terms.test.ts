import { ManualClock } from "@cachetorrent/clock";
import { decodeLocateQuery, encodeLocateAnswer, LIMITS, unwrap } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { aTorrent } from "./support/following.ts";
import { CACHE } from "./support/meeting-point.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { asn, endpoint } from "./support/samples.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { advanceUntil } from "./support/until.ts";

const STANDING = 100;

/** Everything but polls is answered; those are left to the test. */
async function answerAll(tracker: ScriptedTracker): Promise<never> {
  const leader = { peerId: numberedPeerId(5), endpoint: endpoint("127.1.0.5:9"), up: 1, down: 1 };
  const ct = { asn: asn(1), policy: CACHE, leaders: { term: STANDING, leaders: [leader] } };
  for (;;) (await tracker.next()).accept({ ct });
}

async function locateAll(tracker: ScriptedTracker): Promise<never> {
  for (;;) {
    const asked = await tracker.next("/locate");
    const { endpoints } = unwrap(decodeLocateQuery(asked.query));
    const answers = endpoints.map(({ address }) => ({
      asn: asn(Number(address.split(".")[1])),
      known: true,
    }));
    asked.reply(encodeLocateAnswer(answers));
  }
}

/** A complete member that leads nothing, and so does not poll. */
async function given() {
  const torrent = await aTorrent();
  const tracker = await ScriptedTracker.listen();
  void answerAll(tracker);
  void locateAll(tracker);
  const clock = new ManualClock(1_700_000_000_000);
  const peer = await TestPeer.start(torrent, { at: "127.1.0.100", tracker, clock, seeds: true });
  const join = (at: string, n: number) => {
    const { infoHash, pieceCount } = torrent.metainfo;
    const options = { at, infoHash, peerId: numberedPeerId(600_000 + n), clock, ctCache: { pieceCount } };
    return RawPeer.join(peer.endpoint, options);
  };
  return { clock, join, peer, tracker };
}

const polls = (tracker: ScriptedTracker) => tracker.waiting("/leaders");

describe("a complete member", () => {
  it("asks its tracker when a member of its AS knows a newer term, at most once in 5 s", async () => {
    const { clock, join, tracker } = await given();
    const inside = await join("127.1.0.9", 1);
    expect(polls(tracker)).toBe(0);
    inside.tell({ m: "want", pieces: [0] }, STANDING);
    await inside.ping();
    expect(polls(tracker)).toBe(0);
    for (let i = 1; i <= 20; i++) inside.tell({ m: "want", pieces: [0] }, STANDING + i);
    await inside.ping();
    await advanceUntil(clock, "it asks", () => polls(tracker) === 1);
    const askedAt = clock.now();
    while (clock.now() < askedAt + LIMITS.cache.refreshMs - 200) {
      inside.tell({ m: "want", pieces: [0] }, STANDING + 50);
      await inside.ping();
      clock.advance(200);
    }
    expect(polls(tracker)).toBe(1);
    clock.advance(400);
    inside.tell({ m: "want", pieces: [0] }, STANDING + 50);
    await advanceUntil(clock, "it asks again", () => polls(tracker) === 2);
  });

  it("asks nothing because of what somebody outside says", async () => {
    const { clock, join, tracker } = await given();
    const outside = await join("127.2.0.9", 1);
    outside.tell({ m: "want", pieces: [0] }, STANDING + 1);
    await outside.ping();
    clock.advance(1000);
    await outside.ping();
    expect(polls(tracker)).toBe(0);
  });
});
