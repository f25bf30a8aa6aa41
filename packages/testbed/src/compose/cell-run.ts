import type { Clock, Timer } from "@cachetorrent/clock";
import type { PeerId } from "@cachetorrent/protocol";
import type { ElectorateStats } from "@cachetorrent/tracker";
import { type CellRecords, noRecords } from "../cell-records.ts";
import type { CellTask } from "../cell-runner.ts";
import { Killer, type KillerOptions } from "../killer.ts";
import { cellSeed } from "../topology.ts";
import {
  borderCounters,
  completedAt,
  lastLook,
  peerEvidence,
  stockRecords,
  verifyCopies,
} from "./cell-evidence.ts";
import { ComposeSwarm } from "./compose-swarm.ts";
import type { DockerCli } from "./docker-cli.ts";
import { FaultActions } from "./fault-actions.ts";
import { machineLoad } from "./machine-load.ts";
import { Population } from "./population.ts";
import { stockCrossings } from "./stock-crossings.ts";
import { SwarmWatch } from "./swarm-watch.ts";
import { type Project, writeProject } from "./write-project.ts";

export interface ComposeCellOptions {
  readonly task: CellTask;
  readonly docker: DockerCli;
  readonly clock: Clock;
  readonly user: string;
  readonly busyMicros: () => number;
  readonly cores: number;
}

/** Ledgers are written anew, and borders counted, once a second. */
const SAMPLE_MS = 1000;
/** Every so many samples it is asked whether all containers still run. */
const SAMPLES_A_ROLL_CALL = 5;

/** One swarm in containers, from nothing to its records. `end` is to be called in any case. */
export class ComposeCell {
  readonly #options: ComposeCellOptions;
  #project: Project | undefined;
  #run: RunningCell | undefined;

  constructor(options: ComposeCellOptions) {
    this.#options = options;
  }

  /** Rejects with CT_ERR_TESTBED when it broke down and nothing could be read any more, or a copy is not as it should be. */
  async run(): Promise<CellRecords> {
    const { clock, docker, task, user } = this.#options;
    const { scenario, signal } = task;
    const command = `cachetorrent testbed run --on compose, of ${scenario.name}`;
    this.#project = await writeProject(task.workDir, { ...task, user, command, isForRun: true });
    let swarm: ComposeSwarm;
    try {
      swarm = await ComposeSwarm.create(this.#project, docker, clock, signal);
      await swarm.bringUp(signal);
    } catch (error) {
      if (!signal.aborted || error !== signal.reason) throw error;
      return noRecords(scenario, "interrupted while containers were started");
    }
    this.#run = new RunningCell(this.#options, swarm);
    return this.#run.run();
  }

  /** Takes everything down, whatever came of it. */
  async end(): Promise<void> {
    this.#run?.stop();
    if (this.#project) await ComposeSwarm.remove(this.#project, this.#options.docker);
  }
}

/** A cell whose tracker, borders and peers are up, the initial seeds at work: who joins, what is done to them, when it is over. */
class RunningCell {
  readonly #options: ComposeCellOptions;
  readonly #swarm: ComposeSwarm;
  readonly #watch: SwarmWatch;
  readonly #population: Population;
  readonly #killer: Killer;
  readonly #faults: FaultActions;
  /** Resolves with undefined when all that stayed are complete, else with why the run ends. */
  readonly #over = Promise.withResolvers<string | undefined>();
  readonly #broken = Promise.withResolvers<never>();
  readonly #timers: Timer[] = [];
  readonly #stockCompleted = new Map<string, number>();
  readonly #startAt: number;
  #electorates: readonly ElectorateStats[] = [];
  #samples = 0;
  #isLooking = false;
  #isOver = false;

  constructor(options: ComposeCellOptions, swarm: ComposeSwarm) {
    const { clock, task } = options;
    const { cell, content, scenario } = task;
    this.#options = options;
    this.#swarm = swarm;
    this.#broken.promise.catch(() => undefined); // told to whoever waits for something else
    this.#startAt = clock.now();
    this.#watch = new SwarmWatch(swarm.project.plan, content.metainfo);
    this.#population = new Population(swarm, clock, () => this.#over.resolve(undefined));
    const hands: Pick<KillerOptions, "clock" | "idOf" | "electorates" | "failed"> = {
      clock,
      idOf: (peerId) => this.#watch.idOf(peerId),
      electorates: () => this.#elected(),
      failed: (error) => this.#broken.reject(error),
    };
    this.#killer = new Killer({
      ...hands,
      kills: cell.variant.kills,
      seed: cellSeed(scenario, cell.repetition),
      plan: swarm.project.plan.peers,
      kill: (ids) => this.#attempt(this.#kill(ids)),
    });
    this.#faults = new FaultActions({
      ...hands,
      faults: cell.variant.faults ?? [],
      plan: swarm.project.plan,
      killPeers: (ids) => this.#kill(ids),
      killTracker: () => this.#population.kill(["tracker"]),
      startTracker: () => this.#population.restart("tracker"),
      border: async (service, words) => {
        await swarm.containers.exec(service, ["border-ctl", ...words]);
      },
    });
  }

  async run(): Promise<CellRecords> {
    const { clock, task } = this.#options;
    const { signal } = task;
    const { timeLimitMs } = task.cell.variant;
    const load = machineLoad(this.#options);
    this.#letJoin();
    this.#killer.start();
    this.#faults.start();
    this.#timers.push(clock.every(SAMPLE_MS, () => this.#attempt(this.#look())));
    this.#after(timeLimitMs, () => this.#over.resolve(`the time limit of ${timeLimitMs / 1000} s has come`));
    const interrupted = () => this.#over.resolve("interrupted");
    signal.addEventListener("abort", interrupted, { once: true });
    if (signal.aborted) interrupted();
    try {
      const broke = this.#broken.promise.catch((error: Error) => error);
      const end = await Promise.race([this.#over.promise, broke]);
      if (!(end instanceof Error)) return await this.#records(end, load());
      // What went wrong first says more than what is out of reach since then.
      const records = await this.#records(end.message, load()).catch(() => Promise.reject(end));
      return { ...records, brokeDown: true };
    } finally {
      this.stop();
      signal.removeEventListener("abort", interrupted);
    }
  }

  /** Nothing more is begun. Idempotent. */
  stop(): void {
    this.#isOver = true;
    this.#killer.stop();
    this.#faults.stop();
    for (const timer of this.#timers) timer.cancel();
  }

  async #records(
    cutShort: string | undefined,
    load: Pick<CellRecords, "wallMs" | "cpu" | "isMachineLimited">,
  ): Promise<CellRecords> {
    const { clock, task } = this.#options;
    const { plan } = this.#swarm.project;
    const endAt = clock.now();
    this.stop();
    const { started } = this.#population;
    await lastLook(this.#swarm, this.#watch, started);
    this.#watch.sample(endAt - this.#startAt);
    const span = { startAt: this.#startAt, endAt, stepMs: SAMPLE_MS };
    const borders = await borderCounters(this.#swarm, span);
    const evidence = await peerEvidence(this.#swarm, this.#watch, started);
    await verifyCopies(this.#swarm, this.#watch, this.#stockCompleted, task.content);
    const stockAses = [...new Set(plan.stock.map(({ asn }) => Number(asn)))];
    return {
      plan: plan.peers,
      ...evidence,
      ...load,
      crossings: this.#watch.crossings,
      startAt: this.#startAt,
      cutShort,
      lagP99Ms: null,
      seenOutside: {
        borders,
        ...(task.cell.variant.faults ? { faults: this.#faults.records } : {}),
        ...(stockAses.length > 0
          ? {
              stock: stockRecords(plan, this.#population, this.#stockCompleted),
              stockCrossings: stockCrossings(stockAses, this.#watch.records),
            }
          : {}),
      },
    };
  }

  #letJoin(): void {
    const { peers, stock } = this.#swarm.project.plan;
    const joining = [
      ...peers.filter((peer) => !peer.isInitialSeed).map((peer) => ({ ...peer, isOurs: true })),
      ...stock.map((client) => ({ ...client, isOurs: false, joinsAtMs: 0, leaves: "never" as const })),
    ].toSorted((a, b) => a.joinsAtMs - b.joinsAtMs);
    for (const { isOurs, joinsAtMs, leaves, name } of joining) {
      const join = () => (isOurs ? this.#population.letIn(name) : this.#population.start(name));
      this.#population.await(name);
      this.#after(joinsAtMs, () => this.#attempt(join()));
      if (typeof leaves === "object")
        this.#after(leaves.atMs, () => this.#attempt(this.#population.leave(name)));
    }
  }

  /** Reads what the ledgers have come to, and acts on it. */
  async #look(): Promise<void> {
    if (this.#isLooking) return; // the one before takes its time
    this.#isLooking = true;
    try {
      const { plan } = this.#swarm.project;
      const leaders = (await this.#elected()).flatMap((one) => one.leaders.map(({ peerId }) => peerId));
      const ledgers = await this.#swarm.ledgers();
      if (this.#isOver) return;
      const completed = this.#watch.look(ledgers, new Set<PeerId>(leaders));
      this.#tell();
      for (const { leaves, name } of completed.flatMap((id) => plan.peers[id] ?? [])) {
        if (leaves === "complete") this.#attempt(this.#population.leave(name));
        else this.#population.done(name);
      }
      for (const { name } of plan.stock) {
        const at = await completedAt(this.#swarm, name);
        if (at === undefined) continue;
        this.#stockCompleted.set(name, at);
        this.#population.done(name);
      }
      if (++this.#samples % SAMPLES_A_ROLL_CALL === 0) await this.#population.callTheRoll();
    } finally {
      this.#isLooking = false;
    }
  }

  #tell(): void {
    const { clock, task } = this.#options;
    const elapsedMs = clock.now() - this.#startAt;
    const { complete, fraction } = this.#watch;
    this.#watch.sample(elapsedMs);
    this.#killer.progressed(fraction);
    this.#faults.progressed(fraction);
    const peers = this.#swarm.project.plan.peers.filter((peer) => !peer.isInitialSeed).length;
    task.onProgress({ fraction, complete, peers, elapsedMs });
  }

  /** Who leads, by the tracker's word, or by its last one while it is down. */
  async #elected(): Promise<readonly ElectorateStats[]> {
    const { infoHash } = this.#options.task.content.metainfo;
    const known = this.#electorates;
    this.#electorates = await this.#swarm.electorates(infoHash).catch(() => known); // it is down
    return this.#electorates;
  }

  #kill(ids: readonly number[]): Promise<void> {
    const { peers } = this.#swarm.project.plan;
    return this.#population.kill(ids.flatMap((id) => peers[id]?.name ?? []));
  }

  #after(ms: number, act: () => void): void {
    this.#timers.push(this.#options.clock.after(ms, act));
  }

  #attempt(task: Promise<unknown>): void {
    task.catch((error) => this.#broken.reject(error));
  }
}
