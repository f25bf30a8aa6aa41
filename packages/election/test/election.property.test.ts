import { type Asn, type PeerId, unwrap } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type Candidate,
  compareCandidates,
  decodeElectionSnapshot,
  Election,
  type ElectionOptions,
  elect,
  type LeadersChanged,
} from "../src/index.ts";
import { peer, SECOND, START, sourceOf } from "./swarm.ts";

/** What may happen to a swarm, at random: few peers and ASes, so that events meet. */
type Event =
  | { readonly kind: "join"; readonly peer: number; readonly asn: number; readonly source: number }
  | { readonly kind: "stand"; readonly peer: number; readonly up: number }
  | { readonly kind: "withdraw" | "leave" | "feedOpened" | "feedClosed"; readonly peer: number }
  | { readonly kind: "report"; readonly seat: number; readonly peer: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "step back"; readonly ms: number };

const PEERS = 12;
const ASES = [0, 1, 2];

const somePeer = fc.integer({ min: 1, max: PEERS });
const someEvent: fc.Arbitrary<Event> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("join" as const),
      peer: somePeer,
      asn: fc.constantFrom(...ASES, 1, 1),
      source: fc.integer({ min: 1, max: 6 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("stand" as const),
      peer: somePeer,
      up: fc.integer({ min: 0, max: 3 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        "withdraw" as const,
        "leave" as const,
        "feedOpened" as const,
        "feedClosed" as const,
      ),
      peer: somePeer,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("report" as const), seat: fc.nat(3), peer: somePeer }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.constantFrom(0, 1, 4 * SECOND, 10 * SECOND, 30 * SECOND, 300 * SECOND, 601 * SECOND),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("step back" as const), ms: fc.nat(1000) }) },
);

const someOptions: fc.Arbitrary<ElectionOptions> = fc.record(
  {
    leaderPercent: fc.integer({ min: 1, max: 100 }),
    quorum: fc.integer({ min: 1, max: 6 }),
    deadlineMs: fc.constantFrom(0, 5 * SECOND),
    leastLeaders: fc.constantFrom(1 as const, 2 as const),
  },
  { requiredKeys: ["leaderPercent", "deadlineMs", "leastLeaders"] },
);

const someStory = fc.array(someEvent, { minLength: 1, maxLength: 120 });

/** The world beside the election: who is a member and who stands, kept in the simplest way. */
class World {
  election: Election;
  now = START;
  readonly asnOf = new Map<PeerId, Asn>();
  readonly standing = new Map<PeerId, Candidate>();

  constructor(election: Election) {
    this.election = election;
  }

  /** Lets one event happen; the results that changed. */
  happen(event: Event): LeadersChanged[] {
    const { election, now } = this;
    if (event.kind === "pass") return this.#pass(event.ms);
    if (event.kind === "step back") {
      this.now -= event.ms;
      return [];
    }
    const peerId = peer(event.peer);
    switch (event.kind) {
      case "join":
        if (event.asn !== 0 && !this.asnOf.has(peerId)) this.asnOf.set(peerId, event.asn as Asn);
        return election.newJoin({ peerId, asn: event.asn as Asn, source: sourceOf(event.source) }, now);
      case "stand": {
        const candidate = { peerId, up: event.up, down: 1 };
        if (this.asnOf.has(peerId)) this.standing.set(peerId, candidate);
        return election.registerCandidate(candidate, now);
      }
      case "withdraw":
        this.standing.delete(peerId);
        return election.removeCandidate(peerId, now);
      case "leave":
        this.asnOf.delete(peerId);
        this.standing.delete(peerId);
        return election.leave(peerId, now);
      case "report":
        return election.reportStalled({ leader: this.#leaderAt(event.seat, peerId), reporter: peerId }, now);
      case "feedOpened":
        election.feedOpened(peerId);
        return [];
      case "feedClosed":
        election.feedClosed(peerId, now);
        return [];
    }
  }

  /** Those of an AS who may lead. */
  candidatesOf(asn: Asn): Candidate[] {
    return [...this.standing.values()].filter(
      ({ peerId }) => this.asnOf.get(peerId) === asn && !this.election.isEvicted(peerId),
    );
  }

  /** A peer at random mostly leads nothing; one of the reporter's own leaders makes a report that counts. */
  #leaderAt(seat: number, reporter: PeerId): PeerId {
    const asn = this.asnOf.get(reporter);
    return (asn === undefined ? undefined : this.election.result(asn)?.leaders[seat]) ?? peer(seat + 1);
  }

  #pass(ms: number): LeadersChanged[] {
    const end = this.now + ms;
    const changed: LeadersChanged[] = [];
    for (let at = this.election.nextTick(); at !== undefined && at <= end; at = this.election.nextTick()) {
      this.now = Math.max(at, this.now);
      changed.push(...this.election.tick(this.now));
    }
    this.now = end;
    return changed;
  }
}

interface Chapter {
  readonly world: World;
  readonly event: Event;
  readonly options: ElectionOptions;
  readonly before: ReadonlyMap<Asn, LeadersChanged>;
  readonly changed: readonly LeadersChanged[];
}

/** Tells random stories; after every event the check made for that story looks at what happened. */
function inEveryStory(makeCheck: () => (chapter: Chapter) => void): void {
  fc.assert(
    fc.property(someOptions, someStory, (options, story) => {
      const world = new World(new Election(options));
      const check = makeCheck();
      for (const event of story) {
        const before = world.election.getElected();
        check({ world, event, options, before, changed: world.happen(event) });
      }
    }),
    { numRuns: 400 },
  );
}

function overAFile(election: Election, options: ElectionOptions): Election {
  return Election.restore(
    options,
    unwrap(decodeElectionSnapshot(JSON.parse(JSON.stringify(election.snapshot())))),
  );
}

describe("whatever happens to a swarm", () => {
  test("once the election ran, every electorate has a result, and leaders if it has candidates", () => {
    inEveryStory(() => ({ world }) => {
      if (!world.election.snapshot().ran) return;
      for (const asn of world.asnOf.values()) {
        const candidates = world.candidatesOf(asn);
        const result = world.election.result(asn);
        expect(result?.everyoneLeads).toBe(candidates.length === 0);
        expect(result?.leaders.length === 0).toBe(candidates.length === 0);
      }
    });
  });

  test("the election runs when the quorum or the deadline is reached, and not before", () => {
    inEveryStory(() => {
      let firstStoodAt: number | undefined;
      let ran = false;
      return ({ world, event, options, changed }) => {
        if (world.standing.size > 0) firstStoodAt ??= world.now;
        const quorate = event.kind === "stand" && world.standing.size >= (options.quorum ?? Infinity);
        const late = firstStoodAt !== undefined && world.now >= firstStoodAt + options.deadlineMs;
        ran ||= quorate || (late && event.kind === "pass");
        expect(world.election.snapshot().ran).toBe(ran);
        if (!ran) expect(changed).toEqual([]);
      };
    });
  });

  test("leaders are live candidates that are not evicted, each listed once, and no fewer than the seats", () => {
    inEveryStory(() => ({ world, options }) => {
      for (const [asn, { leaders }] of world.election.getElected()) {
        const candidates = world.candidatesOf(asn);
        expect(new Set(leaders).size).toBe(leaders.length);
        expect(candidates.map(({ peerId }) => peerId)).toEqual(expect.arrayContaining([...leaders]));
        const seats = elect(candidates, options.leaderPercent, options.leastLeaders).length;
        expect(leaders.length).toBeGreaterThanOrEqual(seats);
      }
    });
  });

  test("leaders keep their seats and their order; who follows them is the best of the others", () => {
    inEveryStory(() => ({ world, event, before }) => {
      if (event.kind === "pass") return; // several changes may have happened meanwhile
      for (const [asn, { leaders }] of world.election.getElected()) {
        const candidates = world.candidatesOf(asn);
        const inOffice = before.get(asn)?.leaders ?? [];
        const kept = inOffice.filter((leader) => candidates.some(({ peerId }) => peerId === leader));
        const others = candidates.filter(({ peerId }) => !kept.includes(peerId)).toSorted(compareCandidates);
        const added = others.slice(0, leaders.length - kept.length).map(({ peerId }) => peerId);
        expect(leaders).toEqual([...kept, ...added]);
      }
    });
  });

  test("terms of an AS strictly grow, so that no term has two results", () => {
    inEveryStory(() => {
      const newest = new Map<Asn, number>();
      return ({ changed }) => {
        for (const { asn, term } of changed) {
          expect(term).toBeGreaterThan(newest.get(asn) ?? 0);
          newest.set(asn, term);
        }
      };
    });
  });

  test("a result changes only with its term, and every change is told", () => {
    inEveryStory(() => ({ world, before, changed }) => {
      const told = new Map(changed.map((result) => [result.asn, result]));
      for (const [asn, result] of world.election.getElected()) {
        expect(result).toEqual(told.get(asn) ?? before.get(asn));
      }
      for (const { asn, leaders } of changed) {
        const standing = before.get(asn);
        if (changed.filter((result) => result.asn === asn).length > 1) continue;
        expect(standing?.leaders).not.toEqual(leaders);
      }
    });
  });

  test("an election restored from its snapshot behaves as the one that was not", () => {
    inEveryStory(() => {
      let twin: World | undefined;
      return ({ world, event, options, changed }) => {
        twin ??= new World(new Election(options));
        twin.election = overAFile(twin.election, options);
        expect(twin.happen(event)).toEqual(changed);
        expect(twin.election.snapshot()).toEqual(world.election.snapshot());
        expect(twin.election.nextTick()).toBe(world.election.nextTick());
      };
    });
  });

  test("before nextTick a tick changes nothing, and after it there is a later one or none", () => {
    inEveryStory(() => ({ world, options }) => {
      const at = world.election.nextTick();
      const early = at === undefined ? world.now + 3600 * SECOND : at - 1;
      const unchanged = overAFile(world.election, options);
      expect(unchanged.tick(early)).toEqual([]);
      expect(unchanged.snapshot()).toEqual(world.election.snapshot());
      if (at === undefined) return;
      const ticked = overAFile(world.election, options);
      ticked.tick(at);
      expect(ticked.nextTick() ?? Infinity).toBeGreaterThan(at);
    });
  });
});
