import { ManualClock, seededRandom } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type AnnounceRequest,
  type CtAnswer,
  decodeAnnounceAnswer,
  decodeLeadersAnswer,
  decodeLocateAnswer,
  type Endpoint,
  encodeAnnounceRequest,
  encodeLeadersQuery,
  encodeLocateQuery,
  formatEndpoint,
  type InfoHash,
  type Located,
  type MemberAnnounce,
  type PeerId,
  parseAddress,
  parseEndpoint,
  type Result,
  unwrap,
} from "@cachetorrent/protocol";
import {
  AddressSet,
  buildTracker,
  type Policies,
  PrefixTable,
  parsePrefix,
  type TrackerConfig,
  TrackerConfigSchema,
  type TrackerOptions,
  type TrackerStats,
} from "@cachetorrent/tracker";
import type { FastifyInstance } from "fastify";
import { Value } from "typebox/value";
import { expect, onTestFinished, vi } from "vitest";

export const SWARM = "aa".repeat(20) as InfoHash;
export const OTHER_SWARM = "bb".repeat(20) as InfoHash;

/** A peer id that shows its name. */
export function id(name: string): PeerId {
  return Buffer.from(name.padEnd(20, ".")).toString("hex") as PeerId;
}

export function endpoint(text: string): Endpoint {
  return unwrap(parseEndpoint(text));
}

export function addresses(...cidrs: string[]): AddressSet {
  return new AddressSet(cidrs.map((cidr) => unwrap(parsePrefix(cidr))));
}

export function ip(text: string): Address {
  const address = parseAddress(text);
  if (!address) throw new Error(`not an address: ${text}`);
  return address;
}

/** Two ASes of two address families, and everything else unknown. */
export function twoAses(): PrefixTable {
  const table = new PrefixTable();
  for (const line of ["198.18.1.0/24=1", "198.18.2.0/24=2", "2001:db8:1::/48=1", "2001:db8:2::/48=2"]) {
    table.addAssignment(line);
  }
  return table;
}

/** A configuration with the defaults filled in. */
export function config(settings: Partial<TrackerConfig>): TrackerConfig {
  return Value.Parse(TrackerConfigSchema, Value.Default(TrackerConfigSchema, { ...settings }));
}

export interface Announce extends Partial<Omit<AnnounceRequest, "peerId" | "member">> {
  readonly member?: Partial<MemberAnnounce>;
  /** The address it comes from; 198.18.1.N ones are of AS 1, 198.18.2.N of AS 2. */
  readonly from?: string;
  readonly path?: string;
  readonly headers?: Record<string, string>;
}

const PLAIN: Policies = { standard: { name: "bittorrent" }, overrides: new Map() };

/** A tracker in virtual time, asked without sockets; under policy bittorrent, unless it says another. */
export class TestTracker {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly app: FastifyInstance;

  constructor(
    options: TrackerOptions = {},
    build: (options: TrackerOptions) => FastifyInstance = buildTracker,
  ) {
    this.app = build({
      clock: this.clock,
      random: seededRandom(1),
      resolver: twoAses(),
      policies: PLAIN,
      ...options,
    });
    onTestFinished(async () => {
      await this.app.close();
    });
  }

  async get(url: string, from = "198.18.1.1", headers: Record<string, string> = {}) {
    return this.app.inject({ url, remoteAddress: from, headers });
  }

  async tryAnnounce(name: string, announce: Announce = {}): Promise<Result<AnnounceAnswer>> {
    const { from, path = "/announce", headers, ...request } = announce;
    const response = await this.get(`${path}?${announceQuery(name, request)}`, from, headers);
    return decodeAnnounceAnswer(response.rawPayload);
  }

  async announce(name: string, announce: Announce = {}): Promise<AnnounceAnswer> {
    return unwrap(await this.tryAnnounce(name, announce));
  }

  /** A member with a candidature of `up` bytes/s, or with none. */
  async join(name: string, from: string, up?: number, more: Announce = {}): Promise<AnnounceAnswer> {
    const capacity = up === undefined ? {} : { capacity: { up, down: up } };
    return this.announce(name, { from, ...more, member: { ...capacity, ...more.member } });
  }

  async leaders(name: string, term: number, from?: string, infoHash = SWARM): Promise<Result<CtAnswer>> {
    const query = encodeLeadersQuery({ infoHash, peerId: id(name), term });
    return decodeLeadersAnswer((await this.get(`/leaders?${query}`, from)).rawPayload);
  }

  async locate(name: string, endpoints: readonly string[], from?: string): Promise<Located[]> {
    const query = encodeLocateQuery({
      infoHash: SWARM,
      peerId: id(name),
      endpoints: endpoints.map((text) => endpoint(text)),
    });
    const response = await this.get(`/locate?${query}`, from);
    return unwrap(decodeLocateAnswer(response.rawPayload, endpoints.length));
  }

  /** Resolves when so many long polls are open. */
  async untilPolls(count: number): Promise<void> {
    await vi.waitFor(async () => {
      expect((await this.get("/metrics")).payload).toContain(`cachetorrent_tracker_long_polls ${count}\n`);
    }, 10_000);
  }

  async stats(): Promise<TrackerStats> {
    return (await this.get("/stats.json")).json<TrackerStats>();
  }
}

let nextPort = 10_000;

export function announceQuery(
  name: string,
  announce: Omit<Announce, "from" | "path" | "headers"> = {},
): string {
  const { member, ...rest } = announce;
  return encodeAnnounceRequest({
    infoHash: SWARM,
    peerId: id(name),
    port: portOf(name),
    uploaded: 0,
    downloaded: 1_000_000,
    left: 1000,
    compact: true,
    noPeerId: false,
    ...rest,
    ...(member ? { member: { term: 0, externalBytes: 0, internalBytes: 0, ...member } } : {}),
  });
}

const ports = new Map<string, number>();

/** Each name has a port of its own. */
export function portOf(name: string): number {
  let port = ports.get(name);
  if (port === undefined) {
    port = nextPort++;
    ports.set(name, port);
  }
  return port;
}

export function endpoints(answer: AnnounceAnswer): string[] {
  return answer.peers.map((peer) => formatEndpoint(peer.endpoint)).sort();
}

/** The names of the leaders an answer tells of, by seniority; undefined when it tells of none. */
export function leaderNames(ct: CtAnswer | undefined): string[] | undefined {
  return ct?.leaders?.leaders.map(({ peerId }) => Buffer.from(peerId, "hex").toString().replace(/\.+$/, ""));
}
