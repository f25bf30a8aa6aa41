import { LIMITS, type PeerId } from "@cachetorrent/protocol";
import { type Candidate, compareCandidates, type LeastLeaders, seatCount } from "./candidate.ts";

/** How many leaders an electorate has. */
export interface Seats {
  /** Leaders of each range in a hundred candidates. */
  readonly leaderPercent: number;
  readonly leastLeaders: LeastLeaders;
  /** Into so many the pieces are split; leaders of one range are not leaders of another. */
  readonly ranges: number;
}

/** Why there cannot be such seats: with more ranges there would be more seats than candidates to take one each. */
export function seatsError({
  leaderPercent,
  ranges,
}: Pick<Seats, "leaderPercent" | "ranges">): string | undefined {
  const { rangesMost } = LIMITS.election;
  if (!(leaderPercent >= 1 && leaderPercent <= 100)) {
    return `leader percent must be 1 to 100, not ${leaderPercent}`;
  }
  if (!(Number.isInteger(ranges) && ranges >= 1 && ranges <= rangesMost)) {
    return `there must be 1 to ${rangesMost} ranges, not ${ranges}`;
  }
  return ranges * leaderPercent <= 100
    ? undefined
    : `${ranges} ranges x ${leaderPercent} leaders in a hundred candidates is ${ranges * leaderPercent}, over 100: lower one of them`;
}

/**
 * The leaders of each range, in the order in which they came to it. Who is `inOffice` (by range) stays, unless it is no
 * candidate any more; vacancies and new seats go to the best of those who lead nothing, first where there are fewest
 * leaders. Settling what is settled changes nothing.
 */
export function settleSeats(
  candidates: readonly Candidate[],
  inOffice: readonly (readonly PeerId[])[],
  { leaderPercent, leastLeaders, ranges }: Seats,
): PeerId[][] {
  const leaders = new Set(inOffice.flat());
  const standing = new Set(candidates.map(({ peerId }) => peerId).filter((peerId) => leaders.has(peerId)));
  const kept = Array.from({ length: ranges }, (_, range) =>
    (inOffice[range] ?? []).filter((peerId) => standing.has(peerId)),
  );
  const seats = seatCount(candidates.length, leaderPercent, leastLeaders);
  return candidates.length < ranges ? shared(kept, candidates, seats) : separate(kept, candidates, seats);
}

/** Nobody leads two ranges: there are candidates enough. */
function separate(kept: readonly PeerId[][], candidates: readonly Candidate[], seats: number): PeerId[][] {
  const leading = new Set<PeerId>();
  // Who led several, when candidates were fewer, stays in the first of them.
  const ranges = kept.map((leaders) => {
    const only = leaders.filter((peerId) => !leading.has(peerId));
    for (const peerId of only) leading.add(peerId);
    return only;
  });
  const idle = byRank(candidates, (peerId) => !leading.has(peerId));
  for (const range of vacancies(ranges, seats)) {
    const { value: best, done } = idle.next();
    if (done) break;
    range.push(best);
  }
  // All lead, and there are no fewer of them than ranges: so where one has none, another has two.
  for (const range of ranges.filter(({ length }) => length === 0)) {
    const largest = ranges.reduce((most, other) => (other.length > most.length ? other : most));
    range.push(...largest.splice(-1));
  }
  return ranges;
}

/** Too few candidates for the ranges: they share them in rotation, none leading two more than another. */
function shared(kept: readonly PeerId[][], candidates: readonly Candidate[], seats: number): PeerId[][] {
  const ranked = [...byRank(candidates)];
  const ranges = kept.map((leaders) => [...leaders]);
  const load = new Map(ranked.map((peerId) => [peerId, 0]));
  const loadOf = (peerId: PeerId) => load.get(peerId) ?? 0;
  const put = (peerId: PeerId, range: PeerId[]) => {
    range.push(peerId);
    load.set(peerId, loadOf(peerId) + 1);
  };
  for (const peerId of ranges.flat()) load.set(peerId, loadOf(peerId) + 1);
  const byLoad = () => ranked.toSorted((a, b) => loadOf(a) - loadOf(b));
  for (const range of vacancies(ranges, seats)) {
    const least = byLoad().find((peerId) => !range.includes(peerId));
    if (least !== undefined) put(least, range);
  }
  // A newcomer finds no vacancy where one leads them all: it takes over the last range of who leads most.
  for (;;) {
    const [least] = byLoad();
    const most = byLoad().at(-1);
    if (least === undefined || most === undefined || loadOf(most) - loadOf(least) < 2) return ranges;
    const range = ranges.findLast((leaders) => leaders.includes(most) && !leaders.includes(least));
    if (!range) return ranges;
    range.splice(range.indexOf(most), 1);
    load.set(most, loadOf(most) - 1);
    put(least, range);
  }
}

/** The ranges with a free seat, as often as they have one: those with fewest leaders first, in turn. */
function* vacancies(ranges: readonly PeerId[][], seats: number): Iterable<PeerId[]> {
  for (let filled = 0; filled < seats; filled++) {
    for (const range of ranges) if (range.length === filled) yield range;
  }
}

/** Sorts when it is first asked for one: most events of an electorate leave no seat free. */
function* byRank(
  candidates: readonly Candidate[],
  isMeant: (peerId: PeerId) => boolean = () => true,
): Generator<PeerId, undefined> {
  const meant = candidates.filter(({ peerId }) => isMeant(peerId));
  for (const { peerId } of meant.toSorted(compareCandidates)) yield peerId;
  return undefined;
}
