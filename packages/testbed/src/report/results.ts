import type { PolicyName } from "@cachetorrent/protocol";
import type { Accounts } from "../accounts.ts";

/** `report.json` of a testbed run. Times are milliseconds of the swarm's own clock, amounts payload bytes, rates bytes/s. */
export interface TestbedReport {
  readonly format: 1;
  readonly scenario: string;
  /** What the scenario is for, in its own words. */
  readonly about: string;
  /** What makes this report again. */
  readonly command: string;
  readonly machine: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** Of the random numbers; a repetition adds its number. */
  readonly seed: number;
  /** Swarm seconds that pass in one real second. */
  readonly timeScale: number;
  /** `own`: each peer writes its own files. `shared`: all of them share one copy of the content. */
  readonly storage: "own" | "shared";
  readonly contentBytes: number;
  readonly pieces: number;
  readonly pieceLength: number;
  readonly ases: readonly ReportedAs[];
  /** Not all cells were run to their end. */
  readonly isPartial: boolean;
  readonly cells: readonly CellResult[];
}

export interface ReportedAs {
  readonly asn: number;
  readonly name: string;
  readonly peers: number;
  readonly initialSeeds: number;
  /** Of each of its peers. */
  readonly up: number;
  readonly down: number | null;
  /** Of the link that all its peers share, or null where there is none. */
  readonly linkIn: number | null;
  readonly linkOut: number | null;
}

/** A policy with its numbers, as the scenario names it: `cache 50`. */
export interface ReportedPolicy {
  readonly label: string;
  readonly name: PolicyName;
  readonly leaderPercent?: number;
  readonly externalPercent?: number;
  readonly ranges?: number;
  readonly fetchers?: "all" | "leaders";
  readonly relief?: number;
}

/** One swarm: a policy, under one variant of the scenario (`seed 1x`), one repetition. */
export interface CellResult extends Accounts {
  readonly policy: ReportedPolicy;
  /** Empty where the scenario has no variants. */
  readonly variant: string;
  /** From 1. */
  readonly repetition: number;
  /** `partial`: it was ended before all that stayed were complete. */
  readonly state: "done" | "partial" | "failed";
  /** Why it is not done. */
  readonly why?: string;
  /** Of this cell's capacities: docs/testbed.md. */
  readonly lowerBoundMs: number;
  /** From first announce answer to last verified piece, of the complete ones that were leaders at their completion, and of the others. */
  readonly leaders: { readonly p50Ms: number | null; readonly p90Ms: number | null };
  readonly followers: { readonly p50Ms: number | null; readonly p90Ms: number | null };
  /** Of all complete peers that were no initial seed, ascending. */
  readonly completionsMs: readonly number[];
  /** External bytes that did not become a verified piece of which most came from outside: waste of pieces begun and not finished. */
  readonly partialBytes: number;
  /** Receivers by row, senders by column, both in the order of `ases`: payload bytes, the inner ones on the diagonal. */
  readonly trafficByAs: readonly (readonly number[])[];
  /** For each AS in the order of `ases`: external bytes received until then; times since the start of the swarm. */
  readonly crossings: {
    readonly atMs: readonly number[];
    readonly bytesByAs: readonly (readonly number[])[];
  };
  readonly escapes: readonly {
    readonly asn: number;
    readonly peer: string;
    readonly atMs: number;
    readonly why: string;
  }[];
  readonly claims: {
    readonly asked: number;
    readonly granted: number;
    readonly denied: number;
    readonly expired: number;
  };
  /** Real time. */
  readonly wallMs: number;
  readonly eventLoopLagP99Ms: number;
  /** Of all threads together: 1 is one core in full. */
  readonly cpu: number;
  /** `eventLoopLagP99Ms` is above 100: the machine, not the policy, set the pace. */
  readonly isMachineLimited: boolean;
}
