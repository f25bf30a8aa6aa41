import { seededRandom } from "@cachetorrent/clock";
import { type Asn, LIMITS, type Policy, type SwarmAs, UNKNOWN_ASN } from "@cachetorrent/protocol";
import { type Asker, handOutPolicy, Swarm, type SwarmPeer } from "@cachetorrent/tracker";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeSavedSwarm, encodeSavedSwarm } from "../src/saved-swarm.ts";
import { sharesOf, sidesOf } from "./hand-out-rules.ts";
import { type Arrival, ASES, type Known, LossyAnnounces, type Story, someStory } from "./lossy-announces.ts";
import { id, SWARM } from "./support.ts";

const numbers = { leaderPercent: 10, deadlineMs: 5000 };
const coordinated: Policy = { name: "coordinated", fetchers: "all", relief: 1, ...numbers };
const somePolicy: fc.Arbitrary<Policy> = fc.oneof(
  fc.constant<Policy>({ name: "bittorrent" }),
  fc.nat(100).map((externalPercent): Policy => ({ name: "biased", externalPercent })),
  fc.constant<Policy>({ name: "cache", ...numbers }),
  fc.nat(100).map((externalPercent): Policy => ({ name: "cache", externalPercent, ...numbers })),
  fc.constant<Policy>({ name: "multi", ranges: 2, ...numbers }),
  fc.constant<Policy>(coordinated),
  fc.constant<Policy>(coordinated),
);
const someAsk = fc.record({
  policy: somePolicy,
  /** One of those that are known; undefined: a newcomer of AS 1. */
  asker: fc.option(fc.nat(), { nil: undefined, freq: 8 }),
  count: fc.oneof(fc.nat(40), fc.nat(200)),
});

interface Watch {
  readonly arrived?: (world: LossyAnnounces, arrival: Arrival) => void;
  /** After every step. */
  readonly stepped?: (world: LossyAnnounces) => void;
}

function tell(story: Story, watch: Watch): void {
  const world: LossyAnnounces = new LossyAnnounces(story, (arrival) => watch.arrived?.(world, arrival));
  for (const step of story.steps) {
    world.happen(step);
    world.settle();
    watch.stepped?.(world);
  }
}

function inEveryStory(watch: Watch): void {
  fc.assert(
    fc.property(someStory, (story) => tell(story, watch)),
    { numRuns: 60 },
  );
}

interface HandOut {
  readonly policy: Policy;
  readonly asker: Asker;
  readonly count: number;
  readonly peers: readonly SwarmPeer[];
}

/** What is true of every list under every policy. */
function expectFair(swarm: Swarm, { policy, asker, count, peers }: HandOut): void {
  const everyone = [...swarm.peers()];
  const sides = sidesOf(everyone, asker);
  const listed = new Set(peers);
  expect(listed.size).toBe(peers.length);
  expect(peers.every((peer) => swarm.get(peer.peerId) === peer)).toBe(true);
  expect(peers.some(({ peerId }) => peerId === asker.peerId)).toBe(false);
  expect(peers.length).toBeLessThanOrEqual(count);
  const shares = sharesOf(policy, asker, sides, count);
  const inside = sides.inside.filter((peer) => listed.has(peer)).length;
  const outside = peers.length - inside;
  expect("inAll" in shares ? { inAll: peers.length } : { inside, outside }).toEqual(shares);
  if (policy.name !== "coordinated" || !asker.isMember || asker.asn === UNKNOWN_ASN) return;
  expect(peers.length).toBeLessThanOrEqual(34);
  expect(sides.seniors.slice(0, inside).filter((senior) => !listed.has(senior))).toEqual([]);
  const [members, stock] = [true, false].map((isMember) =>
    sides.outside.filter(({ member }) => (member !== undefined) === isMember),
  ) as [SwarmPeer[], SwarmPeer[]];
  if (stock.some((peer) => listed.has(peer))) expect(members.every((peer) => listed.has(peer))).toBe(true);
}

function asesOf(peers: Iterable<Known>): SwarmAs[] {
  const ases = new Map<number, SwarmAs & { hasMembers: boolean }>();
  for (const { asn, up, isOrigin } of peers) {
    if (asn === UNKNOWN_ASN) continue;
    const sum = ases.get(asn) ?? { asn, up: 0, isOrigin: false, hasMembers: false };
    ases.set(asn, {
      asn,
      up: sum.up + (up ?? 0),
      isOrigin: sum.isOrigin || isOrigin,
      hasMembers: sum.hasMembers || up !== undefined,
    });
  }
  return [...ases.values()]
    .filter(({ hasMembers }) => hasMembers)
    .map(({ hasMembers: _, ...sum }) => sum)
    .toSorted((a, b) => b.up - a.up || a.asn - b.asn);
}

describe("whatever announces come late, twice, out of order, or not at all", () => {
  test("the swarm is of those who were heard of, as they were heard of last", () => {
    inEveryStory({
      stepped: ({ known, swarm }) => {
        const said = [...(swarm?.peers() ?? [])].map(({ peerId, asn, left, member, isOrigin = false }) => ({
          peerId,
          asn,
          left,
          isOrigin,
          up: member && (member.capacity?.up ?? 0),
          stands: member?.capacity !== undefined,
        }));
        const heard = [...known].map(([peerId, { announcedAt: _, ...rest }]) => ({ peerId, ...rest }));
        const byId = (a: { peerId: string }, b: { peerId: string }) => (a.peerId < b.peerId ? -1 : 1);
        expect(said.toSorted(byId)).toEqual(heard.toSorted(byId));
        expect(swarm?.memberCount ?? 0).toBe(heard.filter(({ up }) => up !== undefined).length);
        expect(swarm?.complete ?? 0).toBe(heard.filter(({ left }) => left === 0).length);
      },
    });
  });

  test("the ASes have the sums of who is there, and those are marked where one's first announce was complete", () => {
    inEveryStory({
      stepped: ({ clock, known, swarm }) => {
        expect(swarm?.ases(clock.now()) ?? []).toEqual(asesOf(known.values()));
      },
    });
  });

  test("and so they have after a restart, of the members that were saved", () => {
    inEveryStory({
      stepped: ({ clock, known, swarm, tracker }) => {
        const election = tracker.elections.get(SWARM);
        if (!swarm || !election) return;
        const saved = decodeSavedSwarm(encodeSavedSwarm(swarm, election.snapshot()), "a file");
        const restored = new Swarm(SWARM, seededRandom(1));
        restored.restore(saved.members, saved.totals, clock.now());
        const members = [...known.values()].filter(({ up }) => up !== undefined);
        expect(restored.ases(clock.now())).toEqual(asesOf(members));
      },
    });
  });

  test("head and standby are candidates of the AS that are there, and there are both where two stand", () => {
    inEveryStory({
      stepped: (world) => {
        for (let asn = 1; asn < ASES; asn++) {
          const seniors = world.seniors(asn as Asn);
          const ofAs = new Map([...world.known].filter(([, peer]) => peer.asn === asn));
          expect(seniors.every((senior) => ofAs.get(senior)?.stands)).toBe(true);
          const standing = [...ofAs.values()].filter(({ stands }) => stands);
          expect(seniors).toHaveLength(Math.min(2, standing.length));
        }
      },
    });
  });

  test("an announce is answered by the rule of coordinated, and a stopped with nobody", () => {
    inEveryStory({
      arrived: (world, { request, answer }) => {
        const { swarm, known } = world;
        const asn = known.get(request.peerId)?.asn;
        if (request.event === "stopped" || !swarm || asn === undefined) {
          expect(answer.peers).toEqual([]);
          return;
        }
        const { numwantDefault, numwantMost } = LIMITS.tracker;
        const { peerId, member } = request;
        expectFair(swarm, {
          policy: coordinated,
          asker: { peerId, asn, isMember: member !== undefined, seniors: world.seniors(asn) },
          count: Math.min(request.numwant ?? numwantDefault, numwantMost),
          peers: answer.peers.flatMap((entry) => (entry.peerId && swarm.get(entry.peerId)) || []),
        });
        const isThere = answer.peers.every((entry) => entry.peerId && known.has(entry.peerId));
        expect(isThere).toBe(true);
      },
    });
  });

  test("a list under any policy is by its rule, for whoever asks", () => {
    fc.assert(
      fc.property(someStory, fc.array(someAsk, { minLength: 5, maxLength: 5 }), (story, asks) => {
        tell(story, {
          stepped: (world) => {
            const { known, swarm } = world;
            if (!swarm) return;
            for (const { policy, asker: n, count } of asks) {
              const [peerId, peer] = [...known][(n ?? Infinity) % known.size] ?? [id("new"), undefined];
              const asn = peer?.asn ?? (1 as Asn);
              const asker = { peerId, asn, isMember: peer?.up !== undefined, seniors: world.seniors(asn) };
              const peers = handOutPolicy(policy)(swarm, asker, count);
              expectFair(swarm, { policy, asker, count, peers });
            }
          },
        });
      }),
      { numRuns: 60 },
    );
  });
});
