import fc from "fast-check";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceRequest,
  type Asn,
  addressFromBytes,
  type ClaimMessage,
  type CtAnswer,
  type CtCacheBody,
  type CtCacheMessage,
  DENY_REASONS,
  type Endpoint,
  FETCHERS,
  type InfoHash,
  infoHashFromBytes,
  isIPv6,
  type LeaderEntry,
  type LeadersPolicy,
  LIMITS,
  type MemberAnnounce,
  type PeerEntry,
  type PeerId,
  type Policy,
  peerIdFromBytes,
  REFUSALS,
  RELEASE_REASONS,
  type UdpTrackerAnswer,
  type UdpTrackerRequest,
  UNKNOWN_ASN,
} from "../src/index.ts";

/** Any value that a codec can be given, for `decode(encode(x))` to equal x. */

const bytes = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const count = fc.maxSafeNat();

export const infoHash: fc.Arbitrary<InfoHash> = bytes(20).map(infoHashFromBytes);
export const peerId: fc.Arbitrary<PeerId> = bytes(20).map(peerIdFromBytes);
export const asn: fc.Arbitrary<Asn> = fc.nat(0xffffffff).map((n) => n as Asn);
export const knownAsn: fc.Arbitrary<Asn> = fc.integer({ min: 1, max: 0xffffffff }).map((n) => n as Asn);

export const ipv4: fc.Arbitrary<Address> = bytes(4).map(addressFromBytes);
/** With runs of zeros, which are what its text form is about; never IPv4-mapped. */
export const ipv6: fc.Arbitrary<Address> = fc
  .array(fc.oneof(fc.constant(0), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => addressFromBytes(Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 255]))))
  .filter(isIPv6);
export const address = fc.oneof(ipv4, ipv6);

const port = fc.integer({ min: 1, max: 65535 });
export const endpointOf = (of: fc.Arbitrary<Address>): fc.Arbitrary<Endpoint> =>
  fc.record({ address: of, port });
export const endpoint = endpointOf(address);

const leadersPolicy: fc.Arbitrary<LeadersPolicy> = fc.record(
  {
    leaderPercent: fc.integer({ min: 1, max: 100 }),
    externalPercent: fc.nat(100),
    deadlineMs: fc.nat(86_400_000),
  },
  { requiredKeys: ["leaderPercent", "deadlineMs"] },
);

export const policy: fc.Arbitrary<Policy> = fc.oneof(
  fc.constant({ name: "bittorrent" } as const),
  fc.record({ name: fc.constant("biased" as const), externalPercent: fc.nat(100) }),
  leadersPolicy.map((numbers) => ({ name: "cache" as const, ...numbers })),
  fc
    .tuple(leadersPolicy, fc.integer({ min: 1, max: LIMITS.election.rangesMost }))
    .map(([numbers, ranges]) => ({ name: "multi" as const, ranges, ...numbers })),
  fc
    .tuple(
      leadersPolicy,
      fc.constantFrom(...FETCHERS),
      fc.integer({ min: 100, max: 100 * LIMITS.claims.reliefMost }),
    )
    .map(([numbers, fetchers, percent]) => ({
      name: "coordinated" as const,
      fetchers,
      relief: percent / 100,
      ...numbers,
    })),
);

const leaderEntry: fc.Arbitrary<LeaderEntry> = fc.record(
  { peerId, endpoint, up: count, down: count, range: fc.nat(LIMITS.election.rangesMost - 1) },
  { requiredKeys: ["peerId", "endpoint", "up", "down"] },
);

export const ctAnswer: fc.Arbitrary<CtAnswer> = fc.record(
  {
    asn: knownAsn,
    policy: fc.oneof(policy, fc.constant({ name: "unknown", said: "federated" } as const)),
    leaders: fc.record({
      term: count,
      leaders: fc.array(leaderEntry, { maxLength: 20 }),
    }),
    ases: fc.array(fc.record({ asn: knownAsn, up: count, isOrigin: fc.boolean() }), {
      maxLength: LIMITS.tracker.asesListed,
    }),
  },
  { requiredKeys: ["policy"] },
);

const counts = { interval: count, complete: count, incomplete: count };

/** What a compact answer can carry: IPv4 first, and AS numbers only beside `ct`. */
export const compactAnswer: fc.Arbitrary<AnnounceAnswer> = fc
  .record(
    {
      ...counts,
      minInterval: count,
      warning: fc.string(),
      ct: ctAnswer,
      peers: fc.tuple(entries(ipv4), entries(ipv6)).map(([v4, v6]) => [...v4, ...v6]),
    },
    { requiredKeys: ["interval", "complete", "incomplete", "peers"] },
  )
  .map(asnsOnlyBesideCt);

/** What an answer with dictionaries can carry: mixed families, and peer ids. */
export const dictionaryAnswer: fc.Arbitrary<AnnounceAnswer> = fc
  .record(
    {
      ...counts,
      ct: ctAnswer,
      peers: fc.array(
        fc.record(
          { endpoint, asn, peerId },
          { requiredKeys: ["endpoint", "asn"] },
        ) as fc.Arbitrary<PeerEntry>,
      ),
    },
    { requiredKeys: ["interval", "complete", "incomplete", "peers"] },
  )
  .map(asnsOnlyBesideCt);

const capacity = fc.nat(LIMITS.election.capacityMost);

const member: fc.Arbitrary<MemberAnnounce> = fc.record(
  {
    capacity: fc.record({ up: capacity, down: capacity }),
    term: count,
    externalBytes: fc.nat(),
    internalBytes: fc.nat(),
    local: endpoint,
    stalled: peerId,
  },
  { requiredKeys: ["term", "externalBytes", "internalBytes"] },
);

export const announceRequest: fc.Arbitrary<AnnounceRequest> = fc.record(
  {
    infoHash,
    peerId,
    port: fc.nat(65535),
    uploaded: count,
    // At least what the member reports of it: more would be clipped.
    downloaded: fc.integer({ min: 2 ** 32, max: Number.MAX_SAFE_INTEGER }),
    left: count,
    event: fc.constantFrom("started" as const, "completed" as const, "stopped" as const),
    numwant: count,
    compact: fc.boolean(),
    noPeerId: fc.boolean(),
    claimedAddress: address,
    otherAddress: address,
    key: fc
      .uint8Array({ minLength: 1, maxLength: LIMITS.tracker.keyBytesMost })
      .map((raw) => Buffer.from(raw).toString("hex")),
    member,
  },
  {
    requiredKeys: ["infoHash", "peerId", "port", "uploaded", "downloaded", "left", "compact", "noPeerId"],
  },
);

const uint32 = fc.nat(0xffffffff);
const uint64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** Requests of BEP 15, with URL data of BEP 41 that may be longer than one option holds. */
export const udpTrackerRequest: fc.Arbitrary<UdpTrackerRequest> = fc.oneof(
  fc.record({ action: fc.constant("connect" as const), transactionId: uint32 }),
  fc.record(
    {
      action: fc.constant("announce" as const),
      transactionId: uint32,
      connectionId: uint64,
      infoHash,
      peerId,
      uploaded: count,
      downloaded: count,
      left: count,
      event: fc.constantFrom("started" as const, "completed" as const, "stopped" as const),
      key: uint32,
      numwant: fc.nat(0x7fffffff),
      port: fc.nat(65535),
      urlData: fc.string({ unit: "binary-ascii", maxLength: LIMITS.udpTracker.urlBytes, size: "max" }),
    },
    {
      requiredKeys: [
        "action",
        "transactionId",
        "connectionId",
        "infoHash",
        "peerId",
        "uploaded",
        "downloaded",
        "left",
        "key",
        "port",
        "urlData",
      ],
    },
  ),
);

/** Answers of BEP 15 in datagrams of the family of `address`. */
export const udpTrackerAnswer = (address: fc.Arbitrary<Address>): fc.Arbitrary<UdpTrackerAnswer> =>
  fc.oneof(
    fc.record({ action: fc.constant("connect" as const), transactionId: uint32, connectionId: uint64 }),
    fc.record({
      action: fc.constant("announce" as const),
      transactionId: uint32,
      interval: uint32,
      leechers: uint32,
      seeders: uint32,
      peers: fc.array(endpointOf(address)),
    }),
    fc.record({
      action: fc.constant("error" as const),
      transactionId: uint32,
      message: fc.string({ maxLength: 500 }),
    }),
  );

/** A torrent's number of pieces, and one message that is true to it. */
export const ctCache: fc.Arbitrary<{ pieceCount: number; message: CtCacheMessage }> = fc
  .integer({ min: 1, max: 20_000 })
  .chain((pieceCount) =>
    fc.record({
      pieceCount: fc.constant(pieceCount),
      message: fc
        .tuple(ctCacheBody(pieceCount), count)
        .map(([body, term]): CtCacheMessage => ({ ...body, term })),
    }),
  );

function ctCacheBody(pieceCount: number): fc.Arbitrary<CtCacheBody> {
  const pieces = (maxLength: number) => fc.array(fc.nat(pieceCount - 1), { maxLength });
  return fc.oneof(
    fc.record({
      m: fc.constantFrom("leader_start" as const, "leader_started" as const, "leader_stop" as const),
      dest: endpoint,
    }),
    fc.record({
      m: fc.constant("leader_refused" as const),
      dest: endpoint,
      why: fc.constantFrom(...REFUSALS),
    }),
    partOfMap(pieceCount).map((part) => ({ m: "fwd_bitfield" as const, ...part })),
    fc.record({ m: fc.constant("fwd_have" as const), pieces: pieces(LIMITS.cache.piecesPerForward) }),
    fc.record({ m: fc.constant("want" as const), pieces: pieces(LIMITS.cache.piecesPerWant) }),
    claimMessage(pieceCount),
  );
}

function claimMessage(pieceCount: number): fc.Arbitrary<ClaimMessage> {
  const { candidates, endpointsExcepted, holdersMost, piecesPerMessage, ttlMostMs } = LIMITS.claims;
  const piece = fc.nat(pieceCount - 1);
  const pieces = (maxLength: number) => fc.array(piece, { maxLength });
  const named = pieces(candidates);
  const endpoints = (maxLength: number) => fc.array(endpoint, { maxLength });
  const ttlMs = fc.nat(ttlMostMs);
  return fc.oneof(
    fc.record({
      m: fc.constant("claim" as const),
      q: count,
      pieces: named,
      n: fc.integer({ min: 1, max: candidates }),
      from: endpoint,
      up: capacity,
    }),
    fc.record({ m: fc.constant("grant" as const), q: count, pieces: named, ttlMs }),
    fc.record(
      {
        m: fc.constant("deny" as const),
        q: count,
        why: fc.constantFrom(...DENY_REASONS),
        taken: wholeMap(pieceCount),
        head: peerId,
      },
      { requiredKeys: ["m", "q", "why"] },
    ),
    fc.record({
      m: fc.constantFrom("taken" as const, "renew" as const),
      pieces: pieces(piecesPerMessage),
    }),
    partOfMap(pieceCount).map((part) => ({ m: "taken_map" as const, ...part })),
    fc.record({ m: fc.constant("revoke" as const), piece }),
    fc.record({
      m: fc.constant("release" as const),
      piece,
      why: fc.constantFrom(...RELEASE_REASONS),
      from: endpoint,
    }),
    fc.array(fc.tuple(piece, ttlMs), { maxLength: piecesPerMessage }).map((open) => ({
      m: "open" as const,
      pieces: open.map(([one]) => one),
      ttlsMs: open.map(([, ttl]) => ttl),
    })),
    fc.record({ m: fc.constant("where" as const), q: count, piece, not: endpoints(endpointsExcepted) }),
    fc.record({ m: fc.constant("holders" as const), q: count, piece, endpoints: endpoints(holdersMost) }),
  );
}

/** Any part of the map of pieces, from a whole byte on; spare bits are clear. */
function partOfMap(pieceCount: number): fc.Arbitrary<{ bits: Uint8Array; from: number }> {
  const whole = Math.ceil(pieceCount / 8);
  return fc
    .nat(whole)
    .chain((at) => fc.tuple(fc.constant(at), fc.uint8Array({ maxLength: whole - at })))
    .map(([at, bits]) => {
      const reachesEnd = at + bits.length === whole;
      return { bits: reachesEnd ? withoutSpareBits(bits, pieceCount) : bits, from: at * 8 };
    });
}

function wholeMap(pieceCount: number): fc.Arbitrary<Uint8Array> {
  return bytes(Math.ceil(pieceCount / 8)).map((bits) => withoutSpareBits(bits, pieceCount));
}

function withoutSpareBits(bits: Uint8Array, pieceCount: number): Uint8Array {
  const spare = Math.ceil(pieceCount / 8) * 8 - pieceCount;
  return bits.map((byte, at) => (at === bits.length - 1 ? byte & (0xff << spare) : byte));
}

/** A valid message with some bytes changed, cut or added. */
export function mutated(message: fc.Arbitrary<Uint8Array>): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({ at: fc.nat(), cut: fc.nat(3), put: fc.uint8Array({ maxLength: 3 }) });
  return fc.tuple(message, fc.array(edit, { minLength: 1, maxLength: 4 })).map(([valid, edits]) => {
    const all = [...valid];
    for (const { at, cut, put } of edits) all.splice(at % (all.length + 1), cut, ...put);
    return Uint8Array.from(all);
  });
}

/** As `mutated`, for queries: each character is a raw byte, as node's HTTP parser hands it over. */
export function mutatedQuery(query: fc.Arbitrary<string>): fc.Arbitrary<string> {
  return mutated(query.map((text) => Buffer.from(text, "latin1"))).map((raw) =>
    Buffer.from(raw).toString("latin1"),
  );
}

function entries(of: fc.Arbitrary<Address>): fc.Arbitrary<PeerEntry[]> {
  return fc.array(fc.record({ endpoint: endpointOf(of), asn }), { maxLength: 20 });
}

function asnsOnlyBesideCt(answer: AnnounceAnswer): AnnounceAnswer {
  return answer.ct
    ? answer
    : { ...answer, peers: answer.peers.map((peer) => ({ ...peer, asn: UNKNOWN_ASN })) };
}
