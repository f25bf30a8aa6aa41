import {
  type Address,
  type AnnounceAnswer,
  type AnnounceRequest,
  type Endpoint,
  fail,
  LIMITS,
  type MemberAnnounce,
  ok,
  type PeerEntry,
  type Result,
  sameEndpoint,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import { handOutPolicy } from "./hand-out/policies.ts";
import { isGuarded, isSamePeer } from "./identity.ts";
import { type AskingPeer, endpointToTell } from "./member-answer.ts";
import { policyOf } from "./policies.ts";
import { refuse } from "./refusal.ts";
import type { Swarm } from "./swarm.ts";
import { endpointsOf, type SwarmMember, type SwarmPeer } from "./swarm-peer.ts";
import type { Tracker } from "./tracker.ts";

/** Takes one announce that came from `source`: the swarm, its election, the answer. */
export function announce(
  tracker: Tracker,
  request: AnnounceRequest,
  source: Address,
): Result<AnnounceAnswer> {
  const { store, trustedNetworks } = tracker.options;
  const claimed = trustedNetworks.has(source) ? request.claimedAddress : undefined;
  const address = claimed ?? source;
  const swarm = store.get(request.infoHash);
  const known = swarm?.get(request.peerId);
  const isKnownPeer = known !== undefined && isSamePeer(known, address, request.key);
  const isImpostor = known !== undefined && !isKnownPeer && isGuarded(known);
  if (isImpostor) tracker.impersonated(request.infoHash, address);
  if (request.event === "stopped") {
    if (swarm && isKnownPeer) {
      swarm.countLastWord(known, request);
      tracker.removePeer(swarm, known);
    }
    return ok({ ...answerTo(tracker, swarm), peers: [] });
  }
  if (request.port === 0) return fail("CT_ERR_ANNOUNCE", "invalid port: 0");
  const full = known ? undefined : tracker.quota.refusal(address);
  if (full) return refuse(full);
  const joined = swarm ?? store.open(request.infoHash);
  if (isImpostor) {
    // Somebody with another peer's id: a list like anybody's, no word of the extension, and the record stays as it is.
    const { member: _, ...stranger } = known;
    return ok(withPeers(tracker, joined, request, { peer: stranger, source: address }));
  }
  const member = known && !isKnownPeer ? undefined : request.member;
  const peer = register(tracker, joined, known, { ...request, member }, address);
  return ok(withPeers(tracker, joined, request, { peer, source: address }));
}

type Registered = Omit<AnnounceRequest, "member"> & { readonly member: MemberAnnounce | undefined };

function register(
  tracker: Tracker,
  swarm: Swarm,
  known: SwarmPeer | undefined,
  request: Registered,
  address: Address,
): SwarmPeer {
  const { clock } = tracker.options;
  const { peerId, key, member, left } = request;
  const endpoint = { address, port: request.port };
  const before = known?.member;
  const completed = known !== undefined && known.left > 0 && left === 0;
  const moved = !known || !endpointsOf(known).some((one) => sameEndpoint(one, endpoint));
  const peer = swarm.register(
    {
      peerId,
      asn: known?.asn ?? tracker.asOf(address),
      endpoint,
      left,
      completed: request.event === "completed",
      downloaded: request.downloaded,
      ...(key === undefined ? {} : { key }),
      ...(member ? { member: remembered(member) } : {}),
    },
    clock.now(),
  );
  if (!known) tracker.quota.add(peer.source);
  for (const former of formerSelves(swarm, request, endpoint)) tracker.removePeer(swarm, former);
  if (member) feedElection(tracker, swarm, peer, { member, before, address, moved });
  else if (before) tracker.resign(swarm, peerId);
  if (member) tracker.sumsGrew(swarm);
  if (member && left === 0) tracker.considerFeed(swarm, peerId);
  // Saved, for after a restart nobody is to wait for its feed either.
  if (member && completed) tracker.options.state?.changed(swarm.infoHash);
  return peer;
}

/** A client that was killed and came back under a new peer id: nobody else can listen at its endpoint. */
function formerSelves(swarm: Swarm, request: Registered, endpoint: Endpoint): SwarmPeer[] {
  const local = request.member?.local;
  return swarm.at(endpoint).filter((other) => {
    if (other.peerId === request.peerId) return false;
    // Behind a NAT several peers may show one endpoint; what tells them apart is the local one.
    const otherLocal = other.member?.local;
    return local && otherLocal ? sameEndpoint(local, otherLocal) : !local && !otherLocal;
  });
}

interface MemberNews {
  readonly member: MemberAnnounce;
  readonly before: SwarmMember | undefined;
  readonly address: Address;
  readonly moved: boolean;
}

/** Tells the election what is new only: it weighs all candidates of the AS at each input. */
function feedElection(tracker: Tracker, swarm: Swarm, peer: SwarmPeer, news: MemberNews): void {
  const { peerId, asn } = peer;
  const { member, before, address } = news;
  if (asn === UNKNOWN_ASN) return;
  const { elections } = tracker;
  if (!before || news.moved) {
    elections.apply(swarm.infoHash, (election, now) =>
      election.newJoin({ peerId, asn, source: address }, now),
    );
  }
  const { capacity, stalled } = member;
  if (capacity && (capacity.up !== before?.capacity?.up || capacity.down !== before?.capacity?.down)) {
    elections.apply(swarm.infoHash, (election, now) =>
      election.registerCandidate({ peerId, ...capacity }, now),
    );
  }
  if (!capacity && before?.capacity) {
    elections.apply(swarm.infoHash, (election, now) => election.removeCandidate(peerId, now));
  }
  if (stalled !== undefined) {
    elections.apply(swarm.infoHash, (election, now) =>
      election.reportStalled({ leader: stalled, reporter: peerId }, now),
    );
  }
}

function remembered({ local, capacity, externalBytes, internalBytes }: MemberAnnounce) {
  return { externalBytes, internalBytes, ...(local ? { local } : {}), ...(capacity ? { capacity } : {}) };
}

function withPeers(
  tracker: Tracker,
  swarm: Swarm,
  request: AnnounceRequest,
  asking: AskingPeer,
): AnnounceAnswer {
  const { policies } = tracker.options;
  const count = Math.min(request.numwant ?? LIMITS.tracker.numwantDefault, LIMITS.tracker.numwantMost);
  const handOut = handOutPolicy(policyOf(policies, swarm.infoHash));
  const peers: PeerEntry[] = [];
  const { peerId, asn, member } = asking.peer;
  const seniors = tracker.elections.get(swarm.infoHash)?.result(asn)?.leaders.slice(0, 2) ?? [];
  for (const peer of handOut(swarm, { peerId, asn, isMember: member !== undefined, seniors }, count)) {
    const endpoint = endpointToTell(peer, asking);
    if (endpoint) peers.push({ endpoint, asn: peer.asn, peerId: peer.peerId });
  }
  const answer = { ...answerTo(tracker, swarm), peers };
  if (!member) return answer;
  const ct = tracker.memberAnswer(swarm, asking);
  return isPending(tracker, swarm, asking.peer, ct.leaders !== undefined)
    ? { ...answer, ...PENDING_INTERVALS, ct }
    : { ...answer, ct };
}

const PENDING_INTERVALS = {
  interval: LIMITS.tracker.pendingIntervalMs / 1000,
  minInterval: LIMITS.tracker.pendingIntervalMs / 1000,
};

/** A member waits for its first Leaders only so long: then it is independent, and has time. */
function isPending(tracker: Tracker, { infoHash }: Swarm, peer: SwarmPeer, hasLeaders: boolean): boolean {
  if (hasLeaders || peer.asn === UNKNOWN_ASN) return false;
  const { deadlineMs } = tracker.electionOptions(infoHash);
  return tracker.options.clock.now() < peer.joinedAt + deadlineMs + LIMITS.tracker.pendingBeyondDeadlineMs;
}

function answerTo(tracker: Tracker, swarm: Swarm | undefined): Omit<AnnounceAnswer, "peers"> {
  const { intervalMs, random } = tracker.options;
  const { intervalJitter, minIntervalMs } = LIMITS.tracker;
  const jitter = 1 + intervalJitter * (2 * random() - 1);
  // Below the shortest interval that jitter makes: clients trust neither number when the first is under the second.
  const minInterval = Math.max(
    1,
    Math.floor(Math.min(minIntervalMs, intervalMs * (1 - intervalJitter)) / 1000),
  );
  return {
    interval: Math.max(minInterval, Math.round((intervalMs * jitter) / 1000)),
    minInterval,
    complete: swarm?.complete ?? 0,
    incomplete: swarm?.incomplete ?? 0,
  };
}
