import type { Asn } from "@cachetorrent/protocol";
import type { Fail } from "./load-scenario.ts";
import type { ScenarioAs } from "./scenario.ts";
import type { FaultEntry } from "./schema.ts";

/** When something is done to a swarm: ms after its start, or when its peers have this share of the content on average. */
export type Moment = { readonly ms: number } | { readonly progress: number };

/** What is done to a swarm in mid run. Times are ms, rates bytes/s. */
export type Fault = { readonly at: Moment } & (
  | { readonly kind: "kill-peer"; readonly name: string }
  /** Those that lead at that moment, in this AS or, without one, in each. */
  | { readonly kind: "kill-leaders"; readonly whom: "head" | "leaders"; readonly asn?: Asn }
  | { readonly kind: "kill-tracker"; readonly restartAfterMs?: number }
  | { readonly kind: "cut"; readonly asn: Asn; readonly forMs: number }
  /** What is not given stays as it is; without an end it lasts. */
  | {
      readonly kind: "slow";
      readonly asn: Asn;
      readonly linkIn?: number;
      readonly linkOut?: number;
      readonly forMs?: number;
    }
);

const PEER_NAME = /^(peer|seed)-(\d+)-(\d+)$/;
/** Of so many groups of peers a message tells the names. */
const NAMES_TOLD = 6;

/** What a scenario's peers are called: the `number`th peer, or initial seed, of the AS at the place `as`, both from 1. */
export function peerName(kind: "peer" | "seed", as: number, number: number): string {
  return `${kind}-${as}-${number}`;
}

/** Where a fault stands, and among what. */
export interface FaultPlace {
  readonly path: string;
  readonly ases: readonly ScenarioAs[];
  readonly seeds: { readonly asn: Asn; readonly count: number };
  readonly fail: Fail;
}

/** Throws at the key that contradicts another one, or names what is not there. */
export function faultOf(entry: FaultEntry, place: FaultPlace): Fault {
  const { fail, path } = place;
  const kinds = (["kill", "cut", "slow"] as const).filter((key) => entry[key] !== undefined);
  if (kinds.length !== 1) fail(path, "must have one of kill, cut and slow");
  const at = momentOf(entry, path, fail);
  if (entry.kill !== undefined) return { at, ...killOf(entry, entry.kill, place) };
  if (entry.cut !== undefined) {
    only(entry, ["cut", "for"], "a cut", place);
    const forMs = entry.for ?? fail(path, "a cut needs for, the time after which it is healed");
    return { at, kind: "cut", asn: asnOf(entry.cut, "cut", place), forMs };
  }
  only(entry, ["slow", "for", "rate", "link-in", "link-out"], "a slow border", place);
  const linkIn = entry["link-in"] ?? entry.rate;
  const linkOut = entry["link-out"] ?? entry.rate;
  if (linkIn === undefined && linkOut === undefined)
    fail(path, "a slow border needs rate, or link-in and link-out");
  return {
    at,
    kind: "slow",
    asn: asnOf(entry.slow ?? 0, "slow", place),
    ...(linkIn === undefined ? {} : { linkIn }),
    ...(linkOut === undefined ? {} : { linkOut }),
    ...(entry.for === undefined ? {} : { forMs: entry.for }),
  };
}

/** Exactly one of `at` and `at-percent` says when. */
export function momentOf(
  { at, "at-percent": percent }: { readonly at?: number; readonly "at-percent"?: number },
  path: string,
  fail: Fail,
): Moment {
  if ((at === undefined) === (percent === undefined)) fail(path, "must have either at or at-percent");
  return at === undefined ? { progress: (percent ?? 0) / 100 } : { ms: at };
}

type Kill = Extract<Fault, { kind: "kill-peer" | "kill-leaders" | "kill-tracker" }>;

function killOf(entry: FaultEntry, kill: string, place: FaultPlace): DistributiveOmit<Kill, "at"> {
  if (kill === "tracker") {
    only(entry, ["kill", "restart-after"], "a kill of the tracker", place);
    const restartAfterMs = entry["restart-after"];
    return { kind: "kill-tracker", ...(restartAfterMs === undefined ? {} : { restartAfterMs }) };
  }
  if (kill === "head" || kill === "leaders") {
    only(entry, ["kill", "as"], `a kill of ${kill}`, place);
    const asn = entry.as === undefined ? undefined : asnOf(entry.as, "as", place);
    return { kind: "kill-leaders", whom: kill, ...(asn === undefined ? {} : { asn }) };
  }
  only(entry, ["kill"], "a kill of a peer, whose name says its AS,", place);
  if (!isThere(kill, place)) {
    place.fail(`${place.path}.kill`, `there is no ${kill}: there are ${namesOf(place)}`);
  }
  return { kind: "kill-peer", name: kill };
}

/** How the peers are called, AS by AS in the order of the file; of many ASes the first few. */
function namesOf({ ases, seeds }: FaultPlace): string {
  const names = ases.flatMap(({ asn, peers }, at) => [
    ...span(`peer-${at + 1}`, peers),
    ...(asn === seeds.asn ? span(`seed-${at + 1}`, seeds.count) : []),
  ]);
  return names.length > NAMES_TOLD ? `${names.slice(0, NAMES_TOLD).join(", ")} and so on` : names.join(", ");
}

function span(name: string, count: number): string[] {
  if (count === 0) return [];
  return [count === 1 ? `${name}-1` : `${name}-1 to ${name}-${count}`];
}

type DistributiveOmit<T, K extends keyof T> = T extends unknown ? Omit<T, K> : never;

function isThere(name: string, { ases, seeds }: FaultPlace): boolean {
  const [, kind, as = "", number = ""] = PEER_NAME.exec(name) ?? [];
  const one = ases[Number(as) - 1];
  const among = kind === "peer" ? one?.peers : one?.asn === seeds.asn ? seeds.count : 0;
  return Number(number) >= 1 && Number(number) <= (among ?? 0);
}

function asnOf(asn: number, key: string, { ases, fail, path }: FaultPlace): Asn {
  if (!ases.some((one) => one.asn === asn)) {
    const numbers = ases.map((one) => one.asn).join(", ");
    fail(`${path}.${key}`, `there is no AS ${asn}; there are ${numbers}`);
  }
  return asn as Asn;
}

function only(
  entry: FaultEntry,
  keys: readonly (keyof FaultEntry)[],
  what: string,
  { fail, path }: FaultPlace,
): void {
  for (const key of Object.keys(entry) as (keyof FaultEntry)[]) {
    if (key !== "at" && key !== "at-percent" && !keys.includes(key))
      fail(`${path}.${key}`, `${what} has no ${key}`);
  }
}
