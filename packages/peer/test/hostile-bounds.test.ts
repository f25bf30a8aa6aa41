import { readFileSync } from "node:fs";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following, PIECE, serve } from "./support/following.ts";
import type { Manner } from "./support/raw-leader.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { numberedPeerId, TestPeer } from "./support/test-peer.ts";
import { advanceUntil } from "./support/until.ts";

const document = readFileSync(new URL("../../../docs/limits.md", import.meta.url), "utf8");

/** In seconds, as the table "What hostile ones can hold up" has it. */
function documentedBound(who: string): number {
  const bound = document
    .split("\n")
    .find((line) => line.startsWith(`| ${who} |`))
    ?.match(/\| (\d+) s \|/)?.[1];
  if (bound === undefined) throw new Error(`docs/limits.md states no bound for "${who}"`);
  return Number(bound);
}

/** To find a seed outside, once it is wanted: it was let go of, and is dialled again. Here somebody is connected already. */
const DIAL_MS = 5000;
/** As often as the engine looks around. */
const STEP_MS = 250;
/** Of 40 pieces: with all of them somebody outside would be a seed, to whom a follower is not connected. */
const THERE = 39;
const { answerMs, escapeMs, sayingMs, starvedMs, wantsUnservedMs } = LIMITS.cache;

describe("a follower whose only leader", () => {
  it.for<readonly [string, Manner, number]>([
    ["a leader that answers nothing", "silent", answerMs + sayingMs],
    ["a leader that refuses everything", "full", starvedMs],
    ["a leader that says it is complete and serves nothing", "complete", starvedMs],
    ["a leader that starts what it is asked and forwards nothing", "starts", starvedMs],
    ["a leader that forwards what it does not serve", "forwards", wantsUnservedMs + escapeMs],
    ["a leader that forwards and stops in turns", "starts and stops", starvedMs],
  ])("is %s is held up no longer than docs/limits.md states", async ([who, manner, bound]) => {
    expect(documentedBound(who) * 1000).toBe(bound + DIAL_MS);
    const given = await Following.begin({ outside: 1, leaders: [manner] });
    const begun = given.clock.now();
    await outsiderOf(given, given.peer, 1);
    const hasEscaped = () => given.peer.accounts.escapes > 0;
    await advanceUntil(given.clock, "it goes its own way", hasEscaped, STEP_MS);
    expect(given.clock.now() - begun).toBeLessThanOrEqual(bound + DIAL_MS);
    await given.until("it has what is outside", () => given.peer.receivedBytes >= THERE * PIECE);
    expect(given.peer.accounts.escapes, "escapes, or it was held up again").toBe(1);
    expect(given.peer.accounts.roles.at(-1)?.role).toBe("follower");
  });

  it("refuses everything is found out once for all, and not once for each piece that its AS gets", async () => {
    const given = await Following.begin({ outside: 1, leaders: ["full"] });
    const { clock, torrent, tracker } = given;
    const sibling = await TestPeer.start(torrent, { at: "127.1.0.101", tracker, clock });
    await outsiderOf(given, given.peer, 1);
    await outsiderOf(given, sibling, 2);
    const hasAll = (peer: TestPeer) => peer.torrent.status().verifiedBytes >= THERE * PIECE;
    await advanceUntil(clock, "one goes its own way", () => escapesOf(given.peer, sibling) > 0, STEP_MS);
    await given.until("both have what is outside", () => hasAll(given.peer) && hasAll(sibling));
    expect(escapesOf(given.peer)).toBeLessThanOrEqual(1);
    expect(escapesOf(sibling)).toBeLessThanOrEqual(1);
    await given.until("the tracker hears of the leader", () => tracker.reports.length > 0);
  });
});

const escapesOf = (...peers: readonly TestPeer[]) =>
  peers.reduce((sum, peer) => sum + peer.accounts.escapes, 0);

/** Somebody of another AS who is connected to the peer, and has and serves all pieces but one. */
async function outsiderOf({ clock, torrent }: Following, peer: TestPeer, n: number): Promise<void> {
  const options = {
    at: `127.2.0.${100 + n}`,
    infoHash: torrent.metainfo.infoHash,
    peerId: numberedPeerId(600_000 + n),
    clock,
  };
  const raw = await RawPeer.join(peer.endpoint, options);
  for (let piece = 0; piece < THERE; piece++) raw.wire.have(piece);
  serve(torrent, raw);
}
