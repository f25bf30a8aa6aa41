import type { Clock } from "@cachetorrent/clock";
import { borderService } from "./compose-document.ts";
import type { ComposeSwarm } from "./compose-swarm.ts";

/** Who of a swarm has joined, who is gone for good, and who is still waited for: by the names of their services. */
export class Population {
  readonly #swarm: ComposeSwarm;
  readonly #clock: Clock;
  readonly #allDone: () => void;
  readonly #startedAt = new Map<string, number>();
  /** Docker says that they run: a busy machine takes seconds to start one. */
  readonly #up = new Set<string>();
  /** They left or were killed, or the tracker is down for a while. */
  readonly #gone = new Set<string>();
  readonly #awaited = new Set<string>();

  /** `allDone` is called when nobody is waited for any more. */
  constructor(swarm: ComposeSwarm, clock: Clock, allDone: () => void) {
    this.#swarm = swarm;
    this.#clock = clock;
    this.#allDone = allDone;
    const { ases, peers } = swarm.project.plan;
    const routers = ["core", ...ases.map(({ place }) => borderService(place))];
    const seeds = peers.filter((peer) => peer.isInitialSeed).map((peer) => peer.name);
    for (const name of ["tracker", ...routers, ...seeds]) this.#startedAt.set(name, clock.now());
    for (const name of ["tracker", ...routers, ...peers.map((peer) => peer.name)]) this.#up.add(name);
  }

  /** The run goes on until it is complete, or gone. */
  await(name: string): void {
    this.#awaited.add(name);
  }

  /** A peer that has been waiting joins. */
  async letIn(name: string): Promise<void> {
    if (this.#gone.has(name)) return;
    this.#startedAt.set(name, this.#clock.now());
    await this.#swarm.openGate(name);
  }

  /** A stock client joins: such cannot wait at a gate. */
  async start(name: string): Promise<void> {
    await this.#swarm.each([name], async () => {
      if (this.#gone.has(name)) return;
      this.#startedAt.set(name, this.#clock.now());
      await this.#swarm.containers.start(name);
      this.#up.add(name);
      // Killed while it was on its way.
      if (this.#gone.has(name)) await this.#swarm.containers.kill([name]);
    });
  }

  /** It takes its leave, as a program does that is ended: tracker and peers are told. */
  async leave(name: string): Promise<void> {
    this.#gone.add(name);
    this.done(name);
    if (this.#startedAt.has(name)) await this.#swarm.containers.stop([name]);
  }

  async kill(names: readonly string[]): Promise<void> {
    for (const name of names) this.#gone.add(name);
    await this.#swarm.containers.kill(names);
    for (const name of names) this.done(name);
  }

  /** Back after a kill. */
  async restart(name: string): Promise<void> {
    await this.#swarm.containers.start(name);
    this.#startedAt.set(name, this.#clock.now());
    this.#gone.delete(name);
  }

  /** It is complete, or will never be. */
  done(name: string): void {
    if (this.#awaited.delete(name) && this.#awaited.size === 0) this.#allDone();
  }

  startedAt(name: string): number | undefined {
    return this.#startedAt.get(name);
  }

  /** Peers and stock clients that joined at all. */
  get started(): readonly string[] {
    const { peers, stock } = this.#swarm.project.plan;
    return [...peers, ...stock].map(({ name }) => name).filter((name) => this.#startedAt.has(name));
  }

  /** Throws CT_ERR_TESTBED with the last words of one that ended unasked. */
  async callTheRoll(): Promise<void> {
    await this.#swarm.containers.callTheRoll([...this.#up].filter((name) => !this.#gone.has(name)));
  }
}
