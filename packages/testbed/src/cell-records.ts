import type { ClaimAccounts, TorrentAccounts } from "@cachetorrent/peer";
import type { CellResult } from "./report/results.ts";
import type { Scenario } from "./scenario/scenario.ts";
import type { PlannedPeer } from "./topology.ts";

export interface CellProgress {
  /** Of all content that the peers are to get, 0 to 1. */
  readonly fraction: number;
  readonly complete: number;
  /** Peers that begin with nothing. */
  readonly peers: number;
  /** Of the swarm's clock, since its start. */
  readonly elapsedMs: number;
}

/** What a run left behind, before anything is made of it. */
export interface CellRecords {
  readonly plan: readonly PlannedPeer[];
  readonly peers: readonly PeerAccounts[];
  readonly escapes: readonly Escape[];
  /** Warnings of the peers, the first ones only. */
  readonly warnings: readonly string[];
  /** Bytes received from outside by AS, at these times since the start. */
  readonly crossings: CellResult["crossings"];
  readonly startAt: number;
  /** Why it was ended before all that stayed were complete; undefined when it was not. */
  readonly cutShort: string | undefined;
  /** It was ended because something broke, and what is here is what was known until then; absent where nothing broke. */
  readonly brokeDown?: true;
  readonly wallMs: number;
  /** Null where the event loops are not ours to watch. */
  readonly lagP99Ms: number | null;
  /** Of the machine, in cores. */
  readonly cpu: number | null;
  /** The machine, not the policy, may have set the pace. */
  readonly isMachineLimited: boolean;
  /** What only a run over real borders has. */
  readonly seenOutside?: Pick<CellResult, "borders" | "faults" | "stock" | "stockCrossings">;
}

/** Of a run in which nothing was measured. */
export function noRecords({ ases }: Pick<Scenario, "ases">, cutShort: string): CellRecords {
  return {
    plan: [],
    peers: [],
    escapes: [],
    warnings: [],
    crossings: { atMs: [], bytesByAs: ases.map(() => []) },
    startAt: 0,
    cutShort,
    wallMs: 0,
    lagP99Ms: null,
    cpu: null,
    isMachineLimited: false,
  };
}

export interface Escape {
  readonly id: number;
  readonly at: number;
  readonly why: string;
}

export interface PeerAccounts {
  readonly id: number;
  readonly ledger: TorrentAccounts;
  /** Was it a leader when it became complete? */
  readonly ledAtCompletion: boolean;
  readonly claims: ClaimAccounts | undefined;
}
