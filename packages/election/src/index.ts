export { type Candidate, compareCandidates, elect, type LeastLeaders } from "./candidate.ts";
export { Election, type ElectionOptions, type StallReport } from "./election.ts";
export type { LeadersChanged, Member } from "./electorate.ts";
export { decodeElectionSnapshot, type ElectionSnapshot, type ElectorateSnapshot } from "./snapshot.ts";
