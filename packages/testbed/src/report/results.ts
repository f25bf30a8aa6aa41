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
  /** Where it was run; absent for loopback. */
  readonly on?: "compose";
  /** Not all cells that were to be run were run to their end. */
  readonly isPartial: boolean;
  readonly cells: readonly CellResult[];
}

export interface ReportedAs {
  readonly asn: number;
  readonly name: string;
  readonly peers: number;
  /** Under the scenario's first variant; others may have theirs elsewhere, or more of them. */
  readonly initialSeeds: number;
  /** Of each of its peers. */
  readonly up: number;
  readonly down: number | null;
  /** Of the link that all its peers share, or null where there is none. */
  readonly linkIn: number | null;
  readonly linkOut: number | null;
  /** Clients that are not ours; absent where there are none. */
  readonly stock?: number;
}

/** A policy with its numbers, as the scenario names it: `cache 50`. */
export interface ReportedPolicy {
  readonly label: string;
  readonly name: PolicyName;
  readonly leaderPercent?: number;
  readonly externalPercent?: number;
  readonly handOut?: "random" | "biased";
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
  /** When it ended (ISO 8601), and where it was run: a run that is gone on with has older cells. Absent in cells of before there was this. */
  readonly madeAt?: string;
  readonly machine?: string;
  /** How many of `peers` held the content before the run; absent in reports of before there was this: as many as in `ases`. */
  readonly initialSeeds?: number;
  /** Of this cell's capacities: docs/testbed.md. */
  readonly lowerBoundMs: number;
  /** From first announce answer to last verified piece, of the complete ones that were leaders at their completion, and of the others. */
  readonly leaders: { readonly p50Ms: number | null; readonly p90Ms: number | null };
  readonly followers: { readonly p50Ms: number | null; readonly p90Ms: number | null };
  /** Of all complete peers that were no initial seed, ascending. */
  readonly completionsMs: readonly number[];
  /** The same since the start of the swarm, as the times of faults are; absent on loopback, and in reports of before there was this. */
  readonly completedAtMs?: readonly number[];
  /** `completionsMs` for each AS in the order of `ases`; absent in reports of before there was this. */
  readonly completionsMsByAs?: readonly (readonly number[])[];
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
  /** Null where peers are processes of their own, which tell nothing of it. */
  readonly eventLoopLagP99Ms: number | null;
  /** 1 is one core in full. Of all processes and threads of the run; in containers, of the whole machine. Null: not known. */
  readonly cpu: number | null;
  /** The machine, not the policy, may have set the pace: `eventLoopLagP99Ms` above 100; in containers, its cores busy for over 90 %. */
  readonly isMachineLimited: boolean;
  /** What the borders' interfaces counted; absent where there are none. */
  readonly borders?: BorderCounters;
  /** What was done to the swarm, in the scenario's order; absent where that has no faults. */
  readonly faults?: readonly FaultRecord[];
  /** Clients that are not ours; absent where there are none. */
  readonly stock?: readonly StockRecord[];
  /**
   * What the stock clients of an AS cost, all of them together: payload that our peers of other ASes sent into the AS, by their
   * ledgers, less what our peers of the AS received from them.
   */
  readonly stockCrossings?: readonly { readonly asn: number; readonly bytes: number }[];
}

/**
 * Bytes of whole Ethernet frames, headers and all, that the border of each AS in the order of `ases` had sent into the AS, and out of
 * it, until then. Times since the start of the swarm; the last ones are the totals.
 */
export interface BorderCounters {
  readonly atMs: readonly number[];
  readonly inByAs: readonly (readonly number[])[];
  readonly outByAs: readonly (readonly number[])[];
}

export interface FaultRecord {
  /** In words: `AS 2 cut off`. */
  readonly what: string;
  /** Whom it hit, by name. */
  readonly whom: readonly string[];
  /** Since the start of the swarm; null: all were complete before it came. */
  readonly atMs: number | null;
  /** Null where it lasted until the end. */
  readonly healedMs: number | null;
}

export interface StockRecord {
  readonly name: string;
  readonly client: "aria2" | "transmission";
  readonly asn: number;
  readonly completed: boolean;
  /** From its start to its own word that it is complete. */
  readonly ms: number | null;
}
