import type { Asn } from "@cachetorrent/protocol";
import type { ReportedPolicy } from "../report/results.ts";
import type { Fault, Moment } from "./faults.ts";
import type { StockClientName } from "./schema.ts";

/** A scenario as its file says it, checked, with the defaults filled in. Times are ms, rates bytes/s, shares 0 to 1. */
export interface Scenario {
  readonly name: string;
  readonly about: string;
  /** Those of the initial seeds' own included, in the order of reports. */
  readonly ases: readonly ScenarioAs[];
  readonly content: ScenarioContent;
  readonly policies: readonly ScenarioPolicy[];
  /** At least one; the only one of a scenario without variants has an empty name. */
  readonly variants: readonly ScenarioVariant[];
  readonly repetitions: number;
  readonly seed: number;
  readonly timeScale: number;
  readonly storage: "own" | "shared";
}

export interface ScenarioAs {
  readonly asn: Asn;
  readonly name: string;
  /** Those that begin with nothing. */
  readonly peers: number;
  readonly up: number;
  /** Infinity for no limit, as with the links. */
  readonly down: number;
  readonly linkIn: number;
  readonly linkOut: number;
  /** How many clients that are not ours it has besides; absent where there are none. */
  readonly stock?: Readonly<Partial<Record<StockClientName, number>>>;
}

export type ScenarioContent =
  | { readonly kind: "random"; readonly pieces: number; readonly pieceLength: number }
  | { readonly kind: "path"; readonly path: string; readonly pieceLength: number | undefined };

export interface ScenarioPolicy extends ReportedPolicy {
  /** The tracker's settings beside its policy: as its configuration spells them. */
  readonly trackerSettings: Readonly<Record<string, string | number>>;
}

/** What may differ between the cells of a scenario, beside the policy. */
export interface ScenarioVariant {
  readonly name: string;
  readonly seeds: { readonly asn: Asn; readonly count: number; readonly up: number };
  readonly numwant: number;
  readonly connections: number;
  readonly arrivals: { readonly spreadMs: number; readonly lateShare: number; readonly lateByMs: number };
  readonly departures: {
    readonly share: number;
    readonly when: "complete" | "random";
    readonly withinMs: number;
  };
  readonly kills: readonly Kill[];
  /** Absent where there are none. */
  readonly faults?: readonly Fault[];
  readonly slow: { readonly share: number; readonly factor: number };
  readonly timeLimitMs: number;
}

export interface Kill {
  readonly whom: "leaders" | "heads";
  readonly share: number;
  readonly at: Moment;
}

/** One run. */
export interface Cell {
  readonly policy: ScenarioPolicy;
  readonly variant: ScenarioVariant;
  /** From 1. */
  readonly repetition: number;
}

/** Names that policies get when the scenario gives none: `cache 25`, `coordinated 25 relief 2`. */
export function defaultLabel(name: string, numbers: readonly (string | number | undefined)[]): string {
  return [name, ...numbers.filter((number) => number !== undefined)].join(" ");
}
