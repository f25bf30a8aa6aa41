import { Agent } from "node:http";
import { type CtAnswer, LIMITS, type Result } from "@cachetorrent/protocol";
import type { RunningTracker } from "@cachetorrent/tracker";
import { describe, expect, test } from "vitest";
import {
  announceTo,
  ManualClock,
  poll,
  request,
  startTestTracker,
  systemClock,
  tryPoll,
  untilPolls,
} from "./daemon.ts";
import { logged } from "./logged.ts";
import { type Announce, announceQuery, endpoints, id, leaderNames, portOf } from "./support.ts";

/* What strangers may try on a tracker, over real sockets: it is the socket that says who asks. */

const capacity = (up: number) => ({ capacity: { up, down: up } });
const FOREVER = Number.MAX_SAFE_INTEGER;

/** AS 1 with a leader, one that would follow it, and a member that has been there for long enough to report. */
async function electorate(): Promise<RunningTracker> {
  const clock = new ManualClock(1_700_000_000_000);
  const tracker = await startTestTracker({}, clock);
  await announceTo(tracker, "leader", { from: "127.1.0.1", member: capacity(9_000) });
  await announceTo(tracker, "next", { from: "127.1.0.2", member: capacity(5_000) });
  await announceTo(tracker, "watcher", { from: "127.1.0.3", member: {} });
  clock.advance(LIMITS.election.stallReporterListedMs + 1_000);
  return tracker;
}

describe("from another address, under another's peer id,", () => {
  test.each<readonly [string, string, Announce]>([
    ["a spoofed stopped removes nobody", "leader", { event: "stopped" }],
    ["spoofed candidate data changes no capacity", "leader", { member: capacity(1) }],
    ["a spoofed announce without ct takes no candidate away", "leader", {}],
    ["spoofed candidate data makes nobody a candidate", "watcher", { member: capacity(9_000_000) }],
    ["a spoofed stall report evicts nobody", "watcher", { member: { stalled: id("leader") } }],
  ])("%s", async (_, name, announce) => {
    const tracker = await electorate();
    for (const from of ["127.1.0.66", "127.2.0.66"]) {
      const { ct } = await announceTo(tracker, name, { from, ...announce });
      expect(ct, "a stranger is told no leaders").toBeUndefined();
    }
    const { body } = await request(tracker, "/stats.json");
    const [electorateNow] = JSON.parse(body.toString()).listed[0].electorates;
    expect(electorateNow).toMatchObject({
      candidates: 2,
      leaders: [{ peerId: id("leader"), up: 9_000, endpoints: [`127.1.0.1:${portOf("leader")}`] }],
    });
    const seen = await announceTo(tracker, "watcher", { from: "127.1.0.3", member: {} });
    expect(leaderNames(seen.ct)).toEqual(["leader"]);
    expect(endpoints(seen)).toEqual([`127.1.0.1:${portOf("leader")}`, `127.1.0.2:${portOf("next")}`].sort());
  });
});

describe("1,000 long polls of one address", () => {
  test("64 wait, the others are told to poll by announcing, and a member elsewhere gets its news", {
    timeout: 60_000,
  }, async () => {
    const { lines, log } = logged("info");
    const tracker = await startTestTracker({}, systemClock, log);
    await announceTo(tracker, "leader", { from: "127.1.0.1", member: capacity(9_000) });
    await announceTo(tracker, "next", { from: "127.1.0.2", member: capacity(5_000) });
    const from = "127.1.0.66";
    const agent = new Agent({ keepAlive: true });
    const names = Array.from({ length: 1_000 }, (_, n) => `crowd ${n}`);
    for (const name of names) {
      await request(tracker, `/announce?${announceQuery(name, { member: {}, numwant: 0 })}`, { from, agent });
    }
    const answers: Result<CtAnswer>[] = [];
    const polls = names.map(async (name) => {
      const answer = await tryPoll(tracker, name, FOREVER, { from, agent });
      answers.push(answer);
    });
    const most = LIMITS.tracker.longPollsPerAddress;
    await untilPolls(tracker, most);
    await expect.poll(() => answers.length, { timeout: 30_000 }).toBe(1_000 - most);
    const told = answers.map((answer) => (answer.ok ? "leaders" : answer.error.message));
    expect(new Set(told)).toEqual(new Set(["poll by announcing"]));
    expect(lines.filter(({ reason }) => reason === "polls-full")).toMatchObject([
      { count: 1, address: from },
    ]);

    await announceTo(tracker, "elsewhere", { from: "127.1.0.3", member: {} });
    const elsewhere = poll(tracker, "elsewhere", FOREVER, { from: "127.1.0.3" });
    await untilPolls(tracker, most + 1);
    await announceTo(tracker, "leader", { from: "127.1.0.1", event: "stopped" });
    expect(leaderNames(await elsewhere)).toEqual(["next"]);
    await Promise.all(polls);
    await untilPolls(tracker, 0);
    agent.destroy();
  });
});
