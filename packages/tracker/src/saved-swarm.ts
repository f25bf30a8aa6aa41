import { decodeElectionSnapshot, type ElectionSnapshot } from "@cachetorrent/election";
import {
  type Asn,
  CtError,
  type Endpoint,
  formatEndpoint,
  type InfoHash,
  isInfoHash,
  type PeerId,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import Type from "typebox";
import { Check, Errors } from "typebox/schema";
import type { Swarm, SwarmTotals } from "./swarm.ts";
import { endpointsOf, type SwarmPeer } from "./swarm-peer.ts";

/** What survives a restart of the tracker: an election, and its members with what makes them findable. */
export interface SavedSwarm {
  readonly infoHash: InfoHash;
  readonly totals: SwarmTotals;
  readonly election: ElectionSnapshot;
  readonly members: readonly SwarmPeer[];
}

const Count = Type.Integer({ minimum: 0 });
const Id = Type.String({ pattern: "^[0-9a-f]{40}$" });
const Capacity = Type.Object({ up: Count, down: Count });

const SavedMember = Type.Object({
  peerId: Id,
  asn: Type.Integer({ minimum: 0, maximum: 0xffffffff }),
  endpoints: Type.Array(Type.String(), { minItems: 1, maxItems: 2 }),
  key: Type.Optional(Type.String({ pattern: "^[0-9a-f]*$" })),
  left: Count,
  isOrigin: Type.Optional(Type.Literal(true)),
  joinedAt: Type.Number(),
  announcedAt: Type.Number(),
  local: Type.Optional(Type.String()),
  capacity: Type.Optional(Capacity),
  externalBytes: Count,
  internalBytes: Count,
});

const SavedFile = Type.Object({
  version: Type.Literal(1),
  infoHash: Id,
  totals: Type.Object({ downloaded: Count, externalBytes: Count, internalBytes: Count }),
  election: Type.Unknown(),
  members: Type.Array(SavedMember),
});

type SavedMember = Type.Static<typeof SavedMember>;

export function encodeSavedSwarm(swarm: Swarm, election: ElectionSnapshot): string {
  const members = [...swarm.peers()].flatMap((peer) => (peer.member ? [savedMember(peer, peer.member)] : []));
  return JSON.stringify({ version: 1, infoHash: swarm.infoHash, totals: swarm.totals, election, members });
}

/** @throws CtError CT_ERR_STATE, naming `fileName`. */
export function decodeSavedSwarm(text: string, fileName: string): SavedSwarm {
  try {
    const file: unknown = JSON.parse(text);
    if (!Check(SavedFile, file)) {
      const [, [first]] = Errors(SavedFile, file);
      throw new Error(`${first?.instancePath || "/"} ${first?.message ?? "is not as saved"}`);
    }
    const infoHash = file.infoHash;
    if (!isInfoHash(infoHash)) throw new Error("no info-hash");
    return {
      infoHash,
      totals: file.totals,
      election: unwrap(decodeElectionSnapshot(file.election)),
      members: file.members.map(memberOf),
    };
  } catch (cause) {
    throw new CtError(
      "CT_ERR_STATE",
      `state: ${fileName} cannot be used: ${(cause as Error).message}; move it away to start without it`,
      { cause },
    );
  }
}

function savedMember(peer: SwarmPeer, member: NonNullable<SwarmPeer["member"]>): SavedMember {
  const { peerId, asn, key, left, isOrigin, joinedAt, announcedAt } = peer;
  const { local, capacity, externalBytes, internalBytes } = member;
  return {
    peerId,
    asn,
    endpoints: endpointsOf(peer).map(formatEndpoint),
    ...(key === undefined ? {} : { key }),
    left,
    ...(isOrigin ? { isOrigin } : {}),
    joinedAt,
    announcedAt,
    ...(local ? { local: formatEndpoint(local) } : {}),
    ...(capacity ? { capacity } : {}),
    externalBytes,
    internalBytes,
  };
}

function memberOf(saved: SavedMember): SwarmPeer {
  const { endpoints, local, capacity, externalBytes, internalBytes, key, ...rest } = saved;
  const parsed = endpoints.map((text): Endpoint => unwrap(parseEndpoint(text)));
  const [first] = parsed;
  if (!first) throw new Error("a member without endpoints");
  const ipv6 = parsed.find(({ address }) => address.includes(":"));
  const ipv4 = parsed.find(({ address }) => !address.includes(":"));
  return {
    ...rest,
    peerId: saved.peerId as PeerId,
    asn: saved.asn as Asn,
    source: first.address,
    ...(key === undefined ? {} : { key }),
    ...(ipv4 ? { ipv4 } : {}),
    ...(ipv6 ? { ipv6 } : {}),
    member: {
      externalBytes,
      internalBytes,
      openFeeds: 0,
      ...(local === undefined ? {} : { local: unwrap(parseEndpoint(local)) }),
      ...(capacity ? { capacity } : {}),
    },
  };
}
