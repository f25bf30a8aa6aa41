import { readFileSync } from "node:fs";
import { LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Following } from "./support/following.ts";
import type { Manner } from "./support/raw-leader.ts";

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

/** To find the seed outside, once it is wanted: it was let go of, and is dialled again. */
const DIAL_MS = 5000;
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
    const given = await Following.begin({ outsideSeeds: 1, outside: 1, leaders: [manner] });
    const begun = given.clock.now();
    await given.until("something comes", () => given.peer.receivedBytes > 0);
    expect(given.clock.now() - begun).toBeLessThanOrEqual(bound + DIAL_MS);
    await given.until("it is complete", () => given.peer.completed.size > 0);
    expect(given.peer.accounts.escapes).toBe(1);
    expect(given.peer.accounts.roles.at(-1)?.role).toBe("follower");
  });
});
