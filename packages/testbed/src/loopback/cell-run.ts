import { monitorEventLoopDelay } from "node:perf_hooks";
import { type Clock, ScaledClock, type Timer } from "@cachetorrent/clock";
import type { Metainfo } from "@cachetorrent/peer";
import { CtError, type PeerId } from "@cachetorrent/protocol";
import type { CellProgress, CellRecords } from "../cell-records.ts";
import { Killer } from "../killer.ts";
import type { Cell, Scenario } from "../scenario/scenario.ts";
import { cellSeed, type PlannedPeer, planTopology, presentAfterArrivals } from "../topology.ts";
import { AsLinks } from "./as-links.ts";
import { CellTracker } from "./cell-tracker.ts";
import { Countdown } from "./countdown.ts";
import { eventLoopLagP99Ms, LAG_RESOLUTION_MS } from "./event-loop-lag.ts";
import type { FromWorker, Sample, WorkerAccounts, WorkerInput } from "./messages.ts";
import { Samples } from "./samples.ts";
import { WorkerPool } from "./worker-pool.ts";

export interface CellRunOptions {
  readonly scenario: Scenario;
  readonly cell: Cell;
  readonly metainfo: Metainfo;
  readonly contentDir: string;
  /** For peers with files of their own; absent when they share the content. */
  readonly peersDir?: string;
  readonly workers: number;
  /** Real time. */
  readonly clock: Clock;
  /** Microseconds of CPU that this process has used, over all threads, without its children. */
  readonly cpuMicros: () => number;
  /** About how often things are sampled, in ms of the swarm's clock. */
  readonly sampleMs: number;
  readonly signal: AbortSignal;
  readonly onProgress: (progress: CellProgress) => void;
}

/** Above this the machine, not the policy, sets the pace. */
const LAG_MOST_MS = 100;
const SETUP_MS = 120_000;
/** Who has died is waited for no longer; this is for one that hangs. */
const ACCOUNTS_MS = 60_000;

/**
 * Runs one swarm on this machine's loopback and resolves with its records, also when it was ended early, or a worker died on the way:
 * then with what the others know, and with what that one told last. Rejects with CT_ERR_TESTBED when it broke down before anybody
 * joined. All workers are ended either way.
 */
export async function runCell(options: CellRunOptions): Promise<CellRecords> {
  const run = new CellRun(options);
  try {
    return await run.run();
  } finally {
    await run.end();
  }
}

class CellRun {
  readonly #options: CellRunOptions;
  readonly #plan: readonly PlannedPeer[];
  readonly #peerIds = new Map<number, PeerId>();
  readonly #awaited: Set<number>;
  /** The latest of each worker. */
  readonly #accounts = new Map<number, WorkerAccounts>();
  /** Workers that will tell nothing more. */
  readonly #dead = new Set<number>();
  readonly #ready = new Countdown();
  readonly #seeded = new Countdown();
  readonly #accounted = Promise.withResolvers<void>();
  /** Resolves with undefined when all that stayed are complete, else with why the run ends. */
  readonly #over = Promise.withResolvers<string | undefined>();
  readonly #broken = Promise.withResolvers<never>();
  #samples: Samples | undefined;
  #complete = 0;
  #tracker: CellTracker | undefined;
  #pool: WorkerPool | undefined;
  #killer: Killer | undefined;
  #clock: Clock;
  #startAt = 0;

  constructor(options: CellRunOptions) {
    this.#options = options;
    this.#clock = options.clock;
    this.#plan = planTopology(options.scenario, options.cell).peers;
    this.#awaited = new Set(this.#plan.filter((peer) => !peer.isInitialSeed).map((peer) => peer.id));
    this.#broken.promise.catch(() => undefined); // told to whoever waits for something else
  }

  async run(): Promise<CellRecords> {
    const { cell, clock, cpuMicros, scenario, signal } = this.#options;
    const origin = clock.now();
    this.#clock = new ScaledClock(clock, scenario.timeScale, origin);
    this.#tracker = await CellTracker.start(scenario, cell.policy, {
      clock: this.#clock,
      quorum: presentAfterArrivals(this.#plan, cell.variant),
      seed: cellSeed(scenario, cell.repetition),
    });
    const inputs = this.#inputs(this.#tracker.announceUrl);
    this.#samples = new Samples(inputs.length);
    this.#pool = new WorkerPool(inputs, {
      told: (message, worker) => this.#told(message, worker),
      broke: (error, worker) => {
        this.#dead.add(worker);
        this.#broken.reject(error);
        this.#checkAccounts();
      },
    });
    await this.#within(this.#ready.of(inputs.length), SETUP_MS, "the workers did not start");
    this.#pool.tell({ type: "begin", origin });
    await this.#within(
      this.#seeded.of(inputs.length),
      SETUP_MS,
      "the initial seeds did not reach the tracker",
    );

    const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
    lag.enable();
    const wallFrom = clock.now();
    const cpuFrom = cpuMicros();
    this.#startAt = this.#clock.now();
    this.#pool.tell({ type: "join", startAt: this.#startAt, sampleMs: this.#options.sampleMs });
    this.#startKiller(this.#tracker);
    const limit = this.#clock.after(cell.variant.timeLimitMs, () =>
      this.#over.resolve(`the time limit of ${cell.variant.timeLimitMs / 1000} s has come`),
    );
    const interrupted = () => this.#over.resolve("interrupted");
    signal.addEventListener("abort", interrupted, { once: true });
    if (signal.aborted) interrupted();
    const broke = this.#broken.promise.catch((error: Error) => error);
    const end = await Promise.race([this.#over.promise, broke]);
    limit.cancel();
    this.#killer?.stop();
    signal.removeEventListener("abort", interrupted);
    const wallMs = clock.now() - wallFrom;
    const ownMicros = cpuMicros() - cpuFrom;
    await this.#askForAccounts();
    const accounts = [...this.#accounts.values()];
    const micros = accounts.reduce((sum, one) => sum + one.cpuMicros, ownMicros);
    const lagP99Ms = Math.max(eventLoopLagP99Ms(lag), ...accounts.map((one) => one.lagP99Ms));
    return {
      plan: this.#plan,
      peers: accounts.flatMap((one) => one.peers),
      escapes: accounts.flatMap((one) => one.escapes),
      warnings: accounts.flatMap((one) => one.warnings),
      crossings: this.#samples.crossings(scenario.ases.length, this.#options.sampleMs),
      startAt: this.#startAt,
      ...this.#howItEnded(end),
      wallMs,
      lagP99Ms,
      cpu: micros / 1000 / wallMs,
      isMachineLimited: lagP99Ms > LAG_MOST_MS,
    };
  }

  /** Whoever does not answer any more has told something before. */
  async #askForAccounts(): Promise<void> {
    const late = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(ACCOUNTS_MS, () => late.resolve());
    this.#pool?.tell({ type: "finish" });
    this.#checkAccounts();
    await Promise.race([this.#accounted.promise, late.promise]);
    timer.cancel();
  }

  /** Has every worker had its last word? */
  #checkAccounts(): void {
    const all = [...this.#accounts].every(([worker, { isLast }]) => isLast || this.#dead.has(worker));
    if (all) this.#accounted.resolve();
  }

  #howItEnded(end: string | Error | undefined): Pick<CellRecords, "cutShort" | "brokeDown"> {
    const earlier = [...this.#accounts.values()].filter(({ isLast }) => !isLast);
    if (!(end instanceof Error) && earlier.length === 0) return { cutShort: end };
    const why = end instanceof Error ? end.message : (end ?? "a worker ended before its last word");
    if (earlier.length === 0) return { cutShort: why, brokeDown: true };
    const peers = earlier.reduce((sum, one) => sum + one.peers.length, 0);
    const since = Math.max(0, Math.min(...earlier.map(({ at }) => at)) - this.#startAt) / 1000;
    const known = `${peers} of ${this.#plan.length} peers are counted as they were after ${since.toFixed(1)} s`;
    return { cutShort: `${why}; ${known}`, brokeDown: true };
  }

  async end(): Promise<void> {
    this.#killer?.stop();
    await this.#pool?.end();
    await this.#tracker?.stop();
  }

  #told(message: FromWorker, worker: number): void {
    switch (message.type) {
      case "ready":
        this.#ready.count();
        break;
      case "seeded":
        for (const [id, peerId] of message.peerIds) this.#peerIds.set(id, peerId);
        this.#seeded.count();
        break;
      case "sample":
        this.#sampled(message);
        break;
      case "complete":
        this.#complete++;
        this.#isDone(message.id);
        break;
      case "left":
        this.#isDone(message.id);
        break;
      case "failed":
        this.#broken.reject(new CtError("CT_ERR_TESTBED", message.why));
        break;
      case "accounts":
        this.#accounts.set(worker, message);
        if (message.isLast) this.#checkAccounts();
        break;
    }
  }

  /** It is complete, or will never be. */
  #isDone(id: number): void {
    if (this.#awaited.delete(id) && this.#awaited.size === 0) this.#over.resolve(undefined);
  }

  #sampled(sample: Sample): void {
    const verifiedBytes = this.#samples?.add(sample);
    if (verifiedBytes === undefined) return;
    const peers = this.#plan.filter((peer) => !peer.isInitialSeed).length;
    const fraction = verifiedBytes / (peers * this.#options.metainfo.length);
    this.#killer?.progressed(fraction);
    const elapsedMs = this.#clock.now() - this.#startAt;
    this.#options.onProgress({ fraction, complete: this.#complete, peers, elapsedMs });
  }

  #startKiller(tracker: CellTracker): void {
    const { cell, metainfo, scenario } = this.#options;
    this.#killer = new Killer({
      kills: cell.variant.kills,
      clock: this.#clock,
      seed: cellSeed(scenario, cell.repetition),
      plan: this.#plan,
      idOf: (peerId) => [...this.#peerIds].find(([, one]) => one === peerId)?.[0],
      electorates: () => tracker.electorates(metainfo.infoHash),
      kill: (ids) => {
        this.#pool?.tell({ type: "kill", ids });
        for (const id of ids) this.#isDone(id);
      },
      failed: (error) => this.#broken.reject(error),
    });
    this.#killer.start();
  }

  /** Peers are dealt out in turn, so that each worker has its share of every AS. */
  #inputs(announceUrl: string): WorkerInput[] {
    const { cell, contentDir, metainfo, peersDir, scenario, workers } = this.#options;
    const { ases, timeScale } = scenario;
    const count = Math.min(workers, this.#plan.length);
    const rates = ases.map(({ linkIn, linkOut }) => ({ linkIn, linkOut }));
    const links = { rates, memory: AsLinks.memoryFor(rates) };
    return Array.from({ length: count }, (_, i) => ({
      metainfo: { ...metainfo, trackers: [[announceUrl]] },
      contentDir,
      peersDir,
      peers: this.#plan.filter((peer) => peer.id % count === i),
      links,
      timeScale,
      seed: cellSeed(scenario, cell.repetition),
      numwant: cell.variant.numwant,
      connections: cell.variant.connections,
    }));
  }

  async #within<T>(event: Promise<T>, ms: number, otherwise: string): Promise<T> {
    const late = Promise.withResolvers<never>();
    const timer: Timer = this.#options.clock.after(ms, () =>
      late.reject(new CtError("CT_ERR_TESTBED", `${otherwise} within ${ms / 1000} s`)),
    );
    try {
      return await Promise.race([event, late.promise, this.#broken.promise]);
    } finally {
      timer.cancel();
    }
  }
}
