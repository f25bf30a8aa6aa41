import { type Random, sample } from "@cachetorrent/clock";
import type { LeadersChanged } from "@cachetorrent/election";
import { LIMITS, type PeerId } from "@cachetorrent/protocol";

/** One office of one leader, as an answer tells of it. */
export interface ListedLeader {
  readonly peerId: PeerId;
  /** Which range of pieces it leads, where they are split. */
  readonly range?: number;
}

interface Seat {
  readonly peerId: PeerId;
  readonly range: number;
  /** 0 is the head of its range. */
  readonly place: number;
}

const { leadersListed } = LIMITS.tracker;

/**
 * Whom a member is told of: range after range, each by seniority. Where there are too many: the heads (and of a single
 * range the standby), the asker, or it would not know that it leads, and others at random.
 */
export function listedLeaders(result: LeadersChanged, asker: PeerId, random: Random): ListedLeader[] {
  const ranges = result.ranges ?? [result.leaders];
  const seats = ranges.flatMap((leaders, range) =>
    (result.everyoneLeads ? [asker] : leaders).map((peerId, place): Seat => ({ peerId, range, place })),
  );
  const chosen = new Set(seats.length > leadersListed ? choose(seats, asker, random) : seats);
  return seats
    .filter((seat) => chosen.has(seat))
    .map(({ peerId, range }) => (result.ranges ? { peerId, range } : { peerId }));
}

function choose(seats: readonly Seat[], asker: PeerId, random: Random): Seat[] {
  const led = new Set(seats.filter((seat) => seat.peerId === asker).map(({ range }) => range));
  const surePlaces = seats.some(({ range }) => range > 0) ? 1 : 2;
  let sure = seats.filter(({ peerId, place }) => peerId === asker || place < surePlaces);
  // With as many ranges as places the asker stands for its range in its head's stead.
  if (sure.length > leadersListed) {
    sure = sure.filter(({ peerId, range }) => peerId === asker || !led.has(range));
  }
  const others = seats.filter((seat) => !sure.includes(seat));
  return [...sure, ...sample(others, leadersListed - sure.length, random)];
}
