import { DEFAULT_EXTERNAL_PERCENT, LIMITS, POLICY_NAMES } from "@cachetorrent/protocol";
import Type from "typebox";

const PolicyName = Type.Union(POLICY_NAMES.map((name) => Type.Literal(name)));
const Percent = (description: string, more: { default?: number; minimum?: number } = {}) =>
  Type.Integer({ minimum: 0, maximum: 100, description, ...more });
const File = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));
const Strings = (description: string) => Type.Array(Type.String(), { default: [], description });

const SwarmConfig = Type.Object(
  {
    policy: Type.Optional(PolicyName),
    "external-percent": Type.Optional(Percent("of the peer list from other ASes, under biased")),
  },
  { additionalProperties: false },
);

/** Every setting of the tracker, as the configuration file and (without `swarms`) the command line spell it. */
export const TrackerConfigSchema = Type.Object(
  {
    listen: Type.String({
      default: "0.0.0.0:6969",
      description: "address and port to listen at; port 0 picks one",
    }),
    "as-prefix": Strings("CIDR=ASN: the AS of a block of addresses; the longest one counts"),
    "as-table": File("file of lines `CIDR ASN name`, `#` begins a comment"),
    "route-db": Strings("route database: CSV of @ip-location-db/asn, or a MaxMind ASN .mmdb"),
    policy: Type.Union(PolicyName.anyOf, {
      default: "bittorrent",
      description: "how swarms treat AS borders",
    }),
    "external-percent": Percent("of the peer list from other ASes, under biased", {
      default: DEFAULT_EXTERNAL_PERCENT,
    }),
    "leader-percent": Percent("leaders in a hundred candidates", {
      minimum: 1,
      default: LIMITS.election.leaderPercent,
    }),
    quorum: Type.Optional(
      Type.Integer({ minimum: 1, description: "elect leaders when so many candidates have joined" }),
    ),
    deadline: Type.Number({
      minimum: 0,
      maximum: 86_400,
      default: LIMITS.election.deadlineMs / 1000,
      description: "elect leaders at the latest so many seconds after the first candidate",
    }),
    interval: Type.Integer({
      minimum: 1,
      maximum: 86_400,
      default: LIMITS.tracker.intervalMs / 1000,
      description: "seconds between two announces of a peer",
    }),
    state: File("directory to keep elections in, so that they survive a restart"),
    "allow-list": File("file of info-hashes to serve, one a line; without it all are"),
    tokens: File("file of tokens, one a line, of which announces must carry one: /TOKEN/announce"),
    "trust-proxy": Strings("CIDR of a proxy whose X-Forwarded-For counts"),
    "trust-ip": Strings("CIDR of a network whose peers may state their own address (ip=)"),
    swarms: Type.Record(Type.String({ pattern: "^[0-9a-fA-F]{40}$" }), SwarmConfig, {
      default: {},
      description: "policies of single swarms, by info-hash (configuration file only)",
    }),
  },
  { additionalProperties: false },
);

export type TrackerConfig = Type.Static<typeof TrackerConfigSchema>;
