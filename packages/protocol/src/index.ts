export * from "./announce-answer.ts";
export {
  type AnnounceEvent,
  type AnnounceRequest,
  decodeAnnounceRequest,
  encodeAnnounceRequest,
  type MemberAnnounce,
  type PeerQuery,
} from "./announce-request.ts";
export * from "./bencode.ts";
export {
  type ClaimMessage,
  DENY_REASONS,
  type DenyReason,
  RELEASE_REASONS,
  type ReleaseReason,
} from "./claim-messages.ts";
export * from "./compact.ts";
export type { CtAnswer, LeaderEntry, Leaders, SwarmAs } from "./ct-answer.ts";
export * from "./ct-cache.ts";
export * from "./endpoint.ts";
export * from "./errors.ts";
export * from "./ids.ts";
export { type LeaderMessage, REFUSALS, type Refusal } from "./leader-messages.ts";
export { LIMITS } from "./limits.ts";
export { didYouMean, nearestName } from "./nearest-name.ts";
export { PieceSet } from "./piece-set.ts";
export * from "./policy.ts";
export * from "./quantity.ts";
export { percentDecode, percentEncode } from "./query.ts";
export * from "./tracker-queries.ts";
export * from "./udp-tracker-answer.ts";
export * from "./udp-tracker-request.ts";
export { yamlFault } from "./yaml-fault.ts";
