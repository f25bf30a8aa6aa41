import type { Metainfo } from "@cachetorrent/peer";
import type { PeerId } from "@cachetorrent/protocol";
import type { Escape, PeerAccounts } from "../cell-records.ts";
import type { PlannedPeer } from "../topology.ts";
import type { LinkRates } from "./as-links.ts";

/** What a worker has to do. */
export interface WorkerInput {
  /** Announces to the run's tracker. */
  readonly metainfo: Metainfo;
  /** The folder the content is in. */
  readonly contentDir: string;
  /** Where peers have files of their own; undefined when they share the content. */
  readonly peersDir: string | undefined;
  readonly peers: readonly PlannedPeer[];
  readonly links: {
    readonly rates: readonly LinkRates[];
    /** Undefined where no AS's link is limited: workers then share nothing. */
    readonly memory: SharedArrayBuffer | undefined;
  };
  readonly timeScale: number;
  readonly seed: number;
  readonly numwant: number;
  readonly connections: number;
}

export type ToWorker =
  /** The first word. */
  | { readonly type: "host"; readonly input: WorkerInput }
  /** `origin`: the machine's time at which the swarm's clock begins to run. */
  | { readonly type: "begin"; readonly origin: number }
  /** Times are of the swarm's clock. */
  | { readonly type: "join"; readonly startAt: number; readonly sampleMs: number }
  | { readonly type: "kill"; readonly ids: readonly number[] }
  | { readonly type: "finish" };

export type FromWorker =
  /** Its modules are loaded, and it has its peers. */
  | { readonly type: "ready" }
  /** All its peers listen, and the tracker has answered its initial seeds. */
  | { readonly type: "seeded"; readonly peerIds: readonly (readonly [id: number, peerId: PeerId])[] }
  | Sample
  | { readonly type: "complete" | "left"; readonly id: number }
  | { readonly type: "failed"; readonly why: string }
  | WorkerAccounts;

export interface Sample {
  readonly type: "sample";
  /** From 0; every worker samples at the same times. */
  readonly n: number;
  /** In the order of the scenario's ASes. */
  readonly externalByAs: readonly number[];
  /** Verified bytes of all that are no initial seeds. */
  readonly verifiedBytes: number;
}

/** What a worker knows of its peers: told now and then, for the case that it does not come to its last word. */
export interface WorkerAccounts {
  readonly type: "accounts";
  /** The answer to `finish`. */
  readonly isLast: boolean;
  /** Of the swarm's clock. */
  readonly at: number;
  readonly peers: readonly PeerAccounts[];
  readonly escapes: readonly Escape[];
  /** Warnings of its peers, the first ones only. */
  readonly warnings: readonly string[];
  readonly lagP99Ms: number;
  /** Microseconds of CPU since its peers began to join, of a worker that is a process of its own; a thread's are its process's. */
  readonly cpuMicros: number;
  /** Bytes of JavaScript heap and of buffers outside of it. */
  readonly heapBytes: number;
  readonly bufferBytes: number;
}
