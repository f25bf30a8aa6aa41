import { formatEndpoint, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { Destinations } from "../src/indirect/destinations.ts";
import { endpoint, otherPeerId, peerId } from "./support/samples.ts";

const dest = (n: number) => endpoint(`127.2.0.1:${1024 + n}`);

describe("the outside peers that a follower knows", () => {
  it("are the newest of all it learnt of", () => {
    const destinations = new Destinations();
    const most = LIMITS.tracker.numwantMost;
    for (let n = 0; n < most; n++) destinations.learn(dest(n));
    destinations.learn(dest(0));
    destinations.learn(dest(most));
    const known = destinations.available(0).map(formatEndpoint);
    expect(known).toHaveLength(most);
    expect(known).toContain(formatEndpoint(dest(0)));
    expect(known).not.toContain(formatEndpoint(dest(1)));
  });

  it("rest for as long as they are told to, also when they are heard of again", () => {
    const destinations = new Destinations();
    destinations.learn(dest(1));
    destinations.rest(dest(1), 1000);
    destinations.learn(dest(1));
    expect(destinations.available(999)).toEqual([]);
    expect(destinations.available(1000)).toEqual([dest(1)]);
  });

  it("that are not known do not rest: who invents some fills no memory", () => {
    const destinations = new Destinations();
    destinations.rest(dest(1), 1000);
    destinations.givenUp(dest(1), peerId);
    destinations.learn(dest(1));
    expect(destinations.available(0)).toEqual([dest(1)]);
    expect(destinations.wasGivenUpBy(dest(1), peerId)).toBe(false);
  });

  it("remember the last leader that gave them up", () => {
    const destinations = new Destinations();
    destinations.learn(dest(1));
    destinations.givenUp(dest(1), peerId);
    destinations.givenUp(dest(1), otherPeerId);
    expect(destinations.wasGivenUpBy(dest(1), peerId)).toBe(false);
    expect(destinations.wasGivenUpBy(dest(1), otherPeerId)).toBe(true);
  });
});
