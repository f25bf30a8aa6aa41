import { LIMITS, POLICY_NAMES, type PolicyName } from "@cachetorrent/protocol";
import Type, { type Static, type TSchema } from "typebox";

// `notation` says how people write a value, `expected` what an error asks for: `read-document.ts` reads both.

const rate = (description: string) =>
  Type.Integer({ description, minimum: 1, notation: "rate", expected: "a rate such as 250kB/s or 2Mbit/s" });
const duration = (description: string) =>
  Type.Number({
    description,
    minimum: 0,
    notation: "duration",
    expected: "a time such as 90s, 1.5m or 500ms",
  });
const percent = (description: string, minimum = 0) =>
  Type.Number({
    description,
    minimum,
    maximum: 100,
    notation: "percent",
    expected: `a percentage from ${minimum} to 100, such as 25%`,
  });
const count = (description: string, minimum: number, maximum: number) =>
  Type.Integer({
    description,
    minimum,
    maximum,
    expected: `a whole number from ${minimum} to ${maximum}`,
  });
const text = (description: string) =>
  Type.String({ description, minLength: 1, maxLength: 1000, expected: "a text" });
const choice = <const T extends string>(names: readonly T[], description: string) =>
  Type.Unsafe<T>(
    Type.Union(
      names.map((name) => Type.Literal(name)),
      { description, expected: `one of ${names.join(", ")}` },
    ),
  );
const table = <T extends Record<string, TSchema>>(properties: T) =>
  Type.Object(properties, { additionalProperties: false });

/** Clients that are not ours: what they are called in a scenario. */
export const STOCK_CLIENTS = ["aria2", "transmission"] as const;
export type StockClientName = (typeof STOCK_CLIENTS)[number];

export const ASES_MOST = 250;
export const PEERS_MOST = 20_000;

const AsGroup = table({
  count: Type.Optional(count("ASes that are alike (default: 1)", 1, ASES_MOST)),
  asn: Type.Optional(
    count("AS number of the first of them (default: the next that is free)", 1, 4_294_967_295),
  ),
  name: Type.Optional(text("what reports call them (default: AS and its number)")),
  peers: Type.Optional(count("peers of each of them", 1, PEERS_MOST)),
  sizes: Type.Optional(
    Type.Union(
      [
        Type.Array(count("peers", 1, PEERS_MOST), { minItems: 1 }),
        table({
          zipf: Type.Number({
            description: "the exponent: each AS has one peer, and the others in proportion to 1/n^zipf",
            minimum: 0,
            maximum: 10,
            expected: "a number from 0 to 10",
          }),
          ases: count("how many ASes", 1, ASES_MOST),
          peers: count("peers of all of them together", 1, PEERS_MOST),
        }),
      ],
      {
        description: "an AS for each number, with so many peers; or sizes after Zipf's law",
        expected: "a list of numbers of peers, or zipf, ases and peers",
      },
    ),
  ),
  up: rate("upload capacity of each peer"),
  down: Type.Optional(rate("download capacity of each peer (default: unlimited)")),
  "link-in": Type.Optional(
    rate("what all peers of an AS together can receive from other ASes (default: unlimited)"),
  ),
  "link-out": Type.Optional(
    rate("what all peers of an AS together can send to other ASes (default: unlimited)"),
  ),
  stock: Type.Optional(
    table({
      aria2: Type.Optional(count("aria2 clients of each of them", 0, 100)),
      transmission: Type.Optional(count("Transmission clients of each of them", 0, 100)),
    }),
  ),
});

const Seeds = table({
  as: Type.Union([Type.Literal("own"), count("AS number", 1, 4_294_967_295)], {
    description: "the AS number that the initial seeds are in, or `own` for an AS of their own (default)",
    expected: "own, or an AS number of the scenario",
    default: "own",
  }),
  count: Type.Optional(count("how many initial seeds (default: 1)", 1, 1000)),
  up: rate("upload capacity of each"),
});

const Torrent = table({
  pieces: Type.Optional(count("pieces of random content", 1, 1_000_000)),
  "piece-length": Type.Optional(
    Type.Integer({
      description: "bytes of a piece: a power of two (default: 16KiB for random content)",
      minimum: LIMITS.peer.pieceLengthLeast,
      maximum: LIMITS.peer.pieceLengthMost,
      notation: "size",
      expected: "a power of two from 16KiB to 16MiB",
    }),
  ),
  path: Type.Optional(text("a file or folder to share instead, relative to the scenario's file")),
});

const Neighbours = table({
  numwant: Type.Optional(count("peers to ask the tracker for (default: 50)", 0, LIMITS.tracker.numwantMost)),
  connections: Type.Optional(
    count("open connections of each peer at most (default: 80)", 1, LIMITS.peer.connectionsPerTorrent),
  ),
});

const PolicyEntry = table({
  label: Type.Optional(text("what reports call it (default: name and numbers)")),
  name: choice<PolicyName>(POLICY_NAMES, "the policy"),
  "leader-percent": Type.Optional(percent("leaders in a hundred candidates", 1)),
  "external-percent": Type.Optional(percent("entries of other ASes in a peer list, under biased")),
  "hand-out": Type.Optional(choice(["random", "biased"], "how peer lists are made, under cache and multi")),
  ranges: Type.Optional(
    count("ranges of pieces with leaders of their own, under multi", 1, LIMITS.election.rangesMost),
  ),
  fetchers: Type.Optional(choice(["all", "leaders"], "who may fetch from outside, under coordinated")),
  relief: Type.Optional(
    Type.Number({
      description: "copies of a piece that an AS may take at most, under coordinated",
      minimum: 1,
      maximum: LIMITS.claims.reliefMost,
      expected: `a number from 1 to ${LIMITS.claims.reliefMost}, such as 1.5`,
    }),
  ),
});

const Arrivals = table({
  spread: Type.Optional(duration("all that are not late join at random times within this one (default: 2s)")),
  late: Type.Optional(percent("share of the peers that join late")),
  "late-by": Type.Optional(duration("the late ones join at random times until then")),
});

const Departures = table({
  share: percent("share of the peers that leave before the others are done"),
  when: choice(["complete", "random"], "as soon as they are complete, or at random times"),
  within: Type.Optional(duration("the random times lie between the start and this")),
});

const Kill = table({
  whom: choice(["leaders", "heads"], "leaders of all ASes, or the first leader of each AS"),
  share: Type.Optional(percent("so many of them, at random (default: 100%)")),
  at: Type.Optional(duration("this long after the start")),
  "at-percent": Type.Optional(percent("when the peers have so much of the content on average")),
});

const asNumber = (description: string) => count(description, 1, 4_294_967_295);

const Fault = table({
  kill: Type.Optional(
    Type.String({
      description: "who dies: a peer by its name, the head, all leaders, or the tracker",
      pattern: "^(head|leaders|tracker|(peer|seed)-\\d+-\\d+)$",
      expected: "head, leaders, tracker, or a peer's name such as peer-2-3",
    }),
  ),
  cut: Type.Optional(asNumber("the AS that is cut off from all others")),
  slow: Type.Optional(asNumber("the AS whose border becomes slow")),
  as: Type.Optional(asNumber("whose head or leaders die (default: those of every AS)")),
  at: Type.Optional(duration("this long after the start")),
  "at-percent": Type.Optional(percent("when the peers have so much of the content on average")),
  for: Type.Optional(duration("after this time it is healed")),
  "restart-after": Type.Optional(duration("the tracker comes back after this time (default: it does not)")),
  rate: Type.Optional(rate("of the slow border, in and out")),
  "link-in": Type.Optional(rate("of the slow border, in")),
  "link-out": Type.Optional(rate("of the slow border, out")),
});

const Slow = table({
  share: percent("share of the peers that are slow"),
  factor: Type.Number({
    description: "what their upload capacity is multiplied by",
    exclusiveMinimum: 0,
    maximum: 1,
    expected: "a number above 0 and up to 1, such as 0.025",
  }),
});

/** What a variant may set anew. */
const variable = {
  seeds: Type.Optional(Seeds),
  neighbours: Type.Optional(Neighbours),
  arrivals: Type.Optional(Arrivals),
  departures: Type.Optional(Departures),
  kills: Type.Optional(Type.Array(Kill)),
  faults: Type.Optional(Type.Array(Fault)),
  slow: Type.Optional(Slow),
  "time-limit": Type.Optional(duration("a run is ended after this time of the swarm's clock")),
};

/** A scenario's file. docs/testbed.md explains it to its writers. */
export const ScenarioSchema = table({
  name: Type.String({
    description: "short: names the report's folder",
    pattern: "^[a-z0-9][a-z0-9._-]{0,63}$",
    expected: "a short name of small letters, digits and . _ -",
  }),
  about: text("what it is for"),
  ases: Type.Array(AsGroup, { minItems: 1, expected: "a list of at least one AS" }),
  ...variable,
  seeds: Seeds,
  torrent: Torrent,
  policies: Type.Array(PolicyEntry, { minItems: 1, expected: "a list of at least one policy" }),
  variants: Type.Optional(
    Type.Array(table({ name: text("what reports call it"), ...variable }), {
      minItems: 1,
      expected: "a list of at least one variant",
    }),
  ),
  repetitions: Type.Optional(count("runs of each policy and variant (default: 1)", 1, 1000)),
  seed: Type.Optional(count("of all random numbers (default: 1)", 0, 2 ** 31)),
  "time-scale": Type.Optional(
    Type.Number({
      description: "seconds of the swarm's clock in one real second (default: 1)",
      minimum: 0.01,
      maximum: 100,
      expected: "a number from 0.01 to 100",
    }),
  ),
  storage: Type.Optional(
    choice(["own", "shared"], "each peer has files of its own, or all one copy (default)"),
  ),
});

export type ScenarioFile = Static<typeof ScenarioSchema>;
export type AsGroupEntry = ScenarioFile["ases"][number];
export type PolicyEntry = ScenarioFile["policies"][number];
export type VariableSettings = Static<ReturnType<typeof variableTable>>;
export type KillEntry = Static<typeof Kill>;
export type FaultEntry = Static<typeof Fault>;

function variableTable() {
  return Type.Object(variable);
}
