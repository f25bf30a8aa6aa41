import { describe, expect, it } from "vitest";
import { Claiming, type ClaimingGiven } from "./support/claiming.ts";
import type { RawPeer } from "./support/raw-peer.ts";

const NOT_LET_IN = "it was not let in";

/** A peer that has all its six connections: with head and standby of its AS, and four with another. */
async function full(given: ClaimingGiven = {}) {
  const story = await Claiming.begin({ connectionsInAll: 500, maxConnections: 6, ...given });
  const strangers: RawPeer[] = [];
  for (let n = 1; n <= 4; n++) strangers.push(await story.outsider(n));
  await story.until("it has six connections", () => story.peer.torrent.connectionCount === 6);
  return { story, strangers, left: () => strangers.filter((one) => !one.isClosed) };
}

describe("a member that has all its connections", () => {
  it("gives up the newest with others for a member of its AS, down to half of all", async () => {
    const { left, story, strangers } = await full();
    await story.insider(1);
    await story.until("one made way", () => left().length === 3);
    expect(left()).toEqual(strangers.slice(0, 3));
    await expect(story.insider(2)).rejects.toThrow(NOT_LET_IN);
    expect(left()).toEqual(strangers.slice(0, 3));
  });

  it("gives up none for one of another AS", async () => {
    const { left, story } = await full();
    await expect(story.outsider(5)).rejects.toThrow(NOT_LET_IN);
    expect(left().length).toBe(4);
  });

  it("gives up none of which it waits for blocks", async () => {
    const { left, story, strangers } = await full();
    const [last] = strangers.slice(-1) as [RawPeer];
    last.wire.have(0);
    last.wire.unchoke();
    await story.claimed();
    story.grant([0]);
    await story.until("it asks outside", () => last.count("request") === 1);
    await story.insider(1);
    await story.until("one made way", () => left().length === 3);
    expect(left()).toContain(last);
  });

  it("gives up none when it is complete: others are to have it from there", async () => {
    const { left, story } = await full({ seeds: true });
    await expect(story.insider(1)).rejects.toThrow(NOT_LET_IN);
    expect(left().length).toBe(4);
  });
});
