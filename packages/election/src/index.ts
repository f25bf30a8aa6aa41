export { type Candidate, compareCandidates, elect, type LeastLeaders } from "./candidate.ts";
export { Election, type ElectionOptions, type StallReport } from "./election.ts";
export { type LeadersChanged, rangesLed } from "./electorate.ts";
export type { Member } from "./member.ts";
export { seatsError } from "./multi-election.ts";
export { decodeElectionSnapshot, type ElectionSnapshot, type ElectorateSnapshot } from "./snapshot.ts";
