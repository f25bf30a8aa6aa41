import { ManualClock } from "@cachetorrent/clock";
import fc from "fast-check";
import type { ElectionOptions, LeadersChanged } from "../src/index.ts";
import { type Fate, LossyChannel, someFates } from "./lossy-channel.ts";
import { LossyMember } from "./lossy-member.ts";
import { INTERVAL_MS, LossyTracker, type Moment } from "./lossy-tracker.ts";
import { A, B, MINUTE, peer, SECOND, START, sourceOf } from "./swarm.ts";

export const PEERS = 12;

type Step =
  | { readonly kind: "join" | "stand"; readonly peer: number; readonly up: number | undefined }
  | { readonly kind: "stop" | "die"; readonly peer: number }
  | { readonly kind: "report"; readonly peer: number; readonly seat: number }
  | { readonly kind: "pass"; readonly ms: number }
  | { readonly kind: "restart"; readonly clockBackMs: number };

const somePeer = fc.integer({ min: 1, max: PEERS });
const someUp = fc.option(fc.integer({ min: 0, max: 3 }), { nil: undefined, freq: 5 });
const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constantFrom("join", "join", "stand"), peer: somePeer, up: someUp }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("stop", "die"), peer: somePeer }) },
  {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant("report" as const), peer: somePeer, seat: fc.nat(2) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("pass" as const),
      ms: fc.oneof(fc.nat(SECOND), fc.nat(20 * SECOND), fc.nat(MINUTE)),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("restart" as const),
      clockBackMs: fc.oneof(fc.constant(0), fc.nat(2 * MINUTE)),
    }),
  },
);

const someOptions: fc.Arbitrary<ElectionOptions> = fc.integer({ min: 1, max: 4 }).chain((ranges) =>
  fc.record(
    {
      ranges: fc.constant(ranges),
      leaderPercent: fc.oneof(
        fc.constant(Math.floor(100 / ranges)),
        fc.integer({ min: 1, max: Math.floor(100 / ranges) }),
      ),
      quorum: fc.integer({ min: 1, max: 5 }),
      deadlineMs: fc.constantFrom(0, 5 * SECOND),
      leastLeaders: fc.constantFrom(1 as const, 2 as const),
    },
    { requiredKeys: ["ranges", "leaderPercent", "deadlineMs", "leastLeaders"] },
  ),
);

export interface Watch {
  /** After every input of the election. */
  readonly witness?: (moment: Moment, options: ElectionOptions) => void;
  /** A member takes a result. */
  readonly took?: (member: LossyMember, taken: LeadersChanged, before: LeadersChanged | undefined) => void;
  /** When the story is over and the channel has been reliable for long enough. */
  readonly calm?: (world: World) => void;
  readonly restart?: (world: World) => void;
}

export interface World {
  readonly tracker: LossyTracker;
  readonly members: readonly LossyMember[];
  readonly clock: ManualClock;
}

interface Story {
  readonly options: ElectionOptions;
  readonly steps: readonly Step[];
  readonly fates: readonly Fate[];
}

const someStory: fc.Arbitrary<Story> = fc.record({
  options: someOptions,
  steps: fc.array(someStep, { minLength: 1, maxLength: 100, size: "max" }),
  fates: someFates,
});

/** Tells random stories; each has a watch of its own. */
export function inEveryStory(makeWatch: () => Watch): void {
  fc.assert(
    fc.property(someStory, (story) => tell(story, makeWatch())),
    { numRuns: 120 },
  );
}

function tell({ options, steps, fates }: Story, watch: Watch): void {
  const clock = new ManualClock(START);
  const channel = new LossyChannel(clock, fates);
  const tracker = new LossyTracker(options, clock, (moment) => watch.witness?.(moment, options));
  const members = Array.from({ length: PEERS }, (_, i): LossyMember => {
    const who = { peerId: peer(i + 1), asn: i % 6 === 5 ? B : A, source: sourceOf(i + 1) };
    const member: LossyMember = new LossyMember(who, { clock, channel, tracker }, (taken, before) =>
      watch.took?.(member, taken, before),
    );
    return member;
  });
  const world = { tracker, members, clock };
  for (const step of steps) happen(step, world, watch);
  channel.isReliable = true;
  // What is under way arrives, who is gone expires, and everybody announces once more.
  clock.advance(3 * INTERVAL_MS + tracker.lagMs);
  watch.calm?.(world);
}

function happen(step: Step, world: World, watch: Watch): void {
  if (step.kind === "pass") {
    world.clock.advance(step.ms);
    return;
  }
  if (step.kind === "restart") {
    watch.restart?.(world);
    world.tracker.restart(step.clockBackMs);
    return;
  }
  const member = world.members[step.peer - 1] as LossyMember;
  if (step.kind === "join") member.join(step.up);
  else if (step.kind === "stand") member.stand(step.up);
  else if (step.kind === "report") member.reportLeader(step.seat);
  else member.leave(step.kind === "stop");
}
