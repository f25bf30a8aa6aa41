import type { Asn, PeerId } from "@cachetorrent/protocol";
import fc from "fast-check";
import { type Candidate, Election, type ElectionOptions, type LeadersChanged } from "../src/index.ts";
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

const someOptions: fc.Arbitrary<ElectionOptions> = fc
  .oneof(fc.constant(1), fc.integer({ min: 2, max: 5 }), fc.integer({ min: 1, max: 20 }))
  .chain((ranges) => {
    const most = Math.floor(100 / ranges);
    return fc.record(
      {
        ranges: fc.constant(ranges),
        leaderPercent: fc.oneof(fc.constant(most), fc.integer({ min: 1, max: most })),
        quorum: fc.integer({ min: 1, max: 6 }),
        deadlineMs: fc.constantFrom(0, 5 * SECOND),
        leastLeaders: fc.constantFrom(1 as const, 2 as const),
      },
      { requiredKeys: ["ranges", "leaderPercent", "deadlineMs", "leastLeaders"] },
    );
  });

const someStory = fc.array(someEvent, { minLength: 1, maxLength: 120 });

/** The world beside the election: who is a member and who stands, kept in the simplest way. */
export class World {
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

export interface Chapter {
  readonly world: World;
  readonly event: Event;
  readonly options: ElectionOptions;
  readonly before: ReadonlyMap<Asn, LeadersChanged>;
  readonly changed: readonly LeadersChanged[];
}

/** Tells random stories; after every event the check made for that story looks at what happened. */
export function inEveryStory(makeCheck: () => (chapter: Chapter) => void): void {
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
