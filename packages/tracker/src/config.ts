import {
  DEFAULT_EXTERNAL_PERCENT,
  DEFAULT_FETCHERS,
  DEFAULT_POLICY,
  DEFAULT_RANGES,
  DEFAULT_RELIEF,
  FETCHERS,
  type Fetchers,
  LIMITS,
  POLICY_NAMES,
  type PolicyName,
} from "@cachetorrent/protocol";
import Type from "typebox";

// `placeholder` and `notation` say how people write a value: the command line makes its help of them.
const policyName = (options: Type.TSchemaOptions) =>
  Type.Unsafe<PolicyName>(
    Type.Union(
      POLICY_NAMES.map((name) => Type.Literal(name)),
      options,
    ),
  );
const Percent = (description: string, more: { default?: number; minimum?: number } = {}) =>
  Type.Integer({ minimum: 0, maximum: 100, description, placeholder: "N", ...more });
const HandOut = (description: string, more: { default?: "random" } = {}) =>
  Type.Union([Type.Literal("random"), Type.Literal("biased")], { description, placeholder: "NAME", ...more });
const Ranges = (description: string, more: { default?: number } = {}) =>
  Type.Integer({ minimum: 1, maximum: LIMITS.election.rangesMost, description, placeholder: "M", ...more });
const FetchersName = (description: string, more: { default?: Fetchers } = {}) =>
  Type.Unsafe<Fetchers>(
    Type.Union(
      FETCHERS.map((name) => Type.Literal(name)),
      { description, placeholder: "NAME", ...more },
    ),
  );
const Relief = (description: string, more: { default?: number } = {}) =>
  Type.Number({ minimum: 1, maximum: LIMITS.claims.reliefMost, description, placeholder: "N", ...more });
const File = (description: string, placeholder = "FILE") =>
  Type.Optional(Type.String({ minLength: 1, description, placeholder }));
const Strings = (description: string, placeholder: string) =>
  Type.Array(Type.String(), { default: [], description, placeholder });

const SwarmConfig = Type.Object(
  {
    policy: Type.Optional(policyName({ description: "how this swarm treats AS borders" })),
    "external-percent": Type.Optional(
      Percent("how much of a peer list is of other ASes, in per cent, under biased"),
    ),
    "hand-out": Type.Optional(HandOut("how peer lists of members are made, under cache and multi")),
    "leader-percent": Type.Optional(
      Percent("leaders in a hundred candidates, under cache, multi and coordinated", { minimum: 1 }),
    ),
    ranges: Type.Optional(Ranges("ranges of pieces with leaders of their own, under multi")),
    fetchers: Type.Optional(FetchersName("who may fetch from other ASes, under coordinated")),
    relief: Type.Optional(Relief("copies that an AS with weak uploads may take, under coordinated")),
  },
  { additionalProperties: false },
);

/** Every setting of the tracker, as the configuration file and (without `swarms`) the command line spell it. */
export const TrackerConfigSchema = Type.Object(
  {
    listen: Type.String({
      default: "0.0.0.0:6969",
      description: "address and port to listen at; port 0 picks one",
      notation: "listen",
      placeholder: "HOST:PORT",
    }),
    "as-prefix": Strings("the AS of a block of addresses; the longest one counts", "CIDR=ASN"),
    "as-table": File("file of lines `CIDR ASN name`, `#` begins a comment"),
    "route-db": Strings("route database: CSV of @ip-location-db/asn, or a MaxMind ASN .mmdb", "FILE"),
    policy: policyName({
      default: DEFAULT_POLICY,
      description: "how swarms treat AS borders",
      placeholder: "NAME",
    }),
    "external-percent": Percent(
      "how much of a peer list is of other ASes, in per cent, under policy or hand-out biased",
      { default: DEFAULT_EXTERNAL_PERCENT },
    ),
    "hand-out": HandOut("how peer lists of members are made, under cache and multi", { default: "random" }),
    "leader-percent": Percent("leaders in a hundred candidates; under multi, of each range", {
      minimum: 1,
      default: LIMITS.election.leaderPercent,
    }),
    ranges: Ranges(
      "ranges of pieces with leaders of their own, under multi; times leader-percent, at most 100",
      { default: DEFAULT_RANGES },
    ),
    fetchers: FetchersName(
      "who may fetch from other ASes, under coordinated: all members, or only leaders, where others have no way out",
      { default: DEFAULT_FETCHERS },
    ),
    relief: Relief(
      "copies of a piece that an AS may take whose uploads are too weak to spread one, under coordinated; 1: one",
      { default: DEFAULT_RELIEF },
    ),
    quorum: Type.Optional(
      Type.Integer({
        minimum: 1,
        description:
          "elect leaders when so many candidates have joined (default: none, the deadline alone counts)",
        placeholder: "N",
      }),
    ),
    deadline: Type.Number({
      minimum: 0,
      maximum: 86_400,
      default: LIMITS.election.deadlineMs / 1000,
      description: "elect leaders at the latest so many seconds after the first candidate",
      placeholder: "S",
    }),
    interval: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      default: LIMITS.tracker.intervalMs / 1000,
      description: "seconds between two announces of a peer",
      placeholder: "S",
    }),
    "peers-per-address": Type.Integer({
      minimum: 1,
      default: LIMITS.tracker.peersPerAddress,
      description: "peers of one address (or IPv6 /64), over all swarms; further ones are refused",
      placeholder: "N",
    }),
    "peers-in-all": Type.Integer({
      minimum: 1,
      default: LIMITS.tracker.peersInAll,
      description: "peers in all swarms together; further ones are refused",
      placeholder: "N",
    }),
    state: File("directory to keep elections in, so that they survive a restart", "DIR"),
    "allow-list": File("file of info-hashes to serve, one a line; without it all are"),
    tokens: File("file of tokens, one a line, of which announces must carry one: /TOKEN/announce"),
    "trust-proxy": Strings("a proxy whose X-Forwarded-For counts", "CIDR"),
    "trust-ip": Strings("a network whose peers may state their own address (ip=)", "CIDR"),
    "log-level": Type.Union(
      (["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const).map((level) =>
        Type.Literal(level),
      ),
      { default: "info", description: "least severe messages to log on stderr", placeholder: "LEVEL" },
    ),
    swarms: Type.Record(Type.String({ pattern: "^[0-9a-fA-F]{40}$" }), SwarmConfig, {
      default: {},
      description: "policies of single swarms, by info-hash (configuration file only)",
    }),
  },
  { additionalProperties: false },
);

export type TrackerConfig = Type.Static<typeof TrackerConfigSchema>;
