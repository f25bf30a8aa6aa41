import { stat, writeFile } from "node:fs/promises";
import type { Clock } from "@cachetorrent/clock";
import type { LedgerAccounts } from "@cachetorrent/peer";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { ElectorateStats, TrackerStats } from "@cachetorrent/tracker";
import pLimit from "p-limit";
import { freePort } from "../free-port.ts";
import { readLedger } from "../ledger.ts";
import { borderService } from "./compose-document.ts";
import { Containers, removeProject } from "./containers.ts";
import type { DockerCli } from "./docker-cli.ts";
import type { Project } from "./write-project.ts";

/** What should happen at once; a machine may be busy. */
const SETUP_MS = 120_000;
const POLL_MS = 200;
/** A tracker that was killed may leave a question without an answer. */
const ANSWER_MS = 2000;
/** `docker` processes at a time: the engine does most of their work one by one anyway. */
const DOCKERS_AT_ONCE = 6;

/** The containers of a project while they are up, and the tracker and the ledgers among them. */
export class ComposeSwarm {
  readonly project: Project;
  readonly containers: Containers;
  readonly #clock: Clock;
  readonly #limit = pLimit(DOCKERS_AT_ONCE);
  readonly #trackerUrl: string;

  private constructor(parts: { project: Project; containers: Containers; clock: Clock }, port: number) {
    this.project = parts.project;
    this.containers = parts.containers;
    this.#clock = parts.clock;
    this.#trackerUrl = `http://127.0.0.1:${port}/`;
  }

  /**
   * Makes containers and networks, in place of those that an earlier run left, and starts routers and tracker. The older
   * docker-compose connects a container with its second network when it starts it itself, and lets a tracker share the core's
   * network only once the core runs: what stands between the ASes it has to start, in that order. Rejects with the signal's reason
   * once it is given, after the command of Docker's that is under way: the engine goes on with one that is cut off.
   */
  static async create(
    project: Project,
    docker: DockerCli,
    clock: Clock,
    signal: AbortSignal,
  ): Promise<ComposeSwarm> {
    await removeProject(docker, project.project);
    const port = await freePort("127.0.0.1");
    const { ases, peers, stock } = project.plan;
    const up = async (how: string, services: readonly string[]) => {
      signal.throwIfAborted();
      const options = { env: { TRACKER_PORT: String(port) }, timeoutMs: 5 * SETUP_MS };
      await docker.compose(project, ["up", how, "--no-deps", ...services], options);
    };
    await up("-d", ["core"]);
    await up("-d", ["tracker", ...ases.map(({ place }) => borderService(place))]);
    await up(
      "--no-start",
      [...peers, ...stock].map(({ name }) => name),
    );
    const containers = await Containers.of(docker, project.project);
    return new ComposeSwarm({ project, containers, clock }, port);
  }

  /** Removes everything of a project, all at once; for one that was never made whole, too. */
  static remove(project: Project, docker: DockerCli): Promise<void> {
    return removeProject(docker, project.project);
  }

  /**
   * Resolves when tracker and borders do their work, the tracker knows the initial seeds, and all other peers wait at their gates.
   * To start forty takes two cores a minute: who is up early would wait for the rest, and count that. Rejects with the signal's
   * reason once it is given.
   */
  async bringUp(signal: AbortSignal): Promise<void> {
    const { ases, peers } = this.project.plan;
    const seeds = peers.filter((peer) => peer.isInitialSeed);
    await this.#until("the tracker does not answer", signal, async () => {
      const answer = await fetch(new URL("healthz", this.#trackerUrl));
      return answer.ok;
    });
    await this.#until("a border does not count", signal, async () => {
      for (const { asn } of ases) if ((await stat(this.project.countersFile(asn))).size === 0) return false;
      return true;
    });
    // Those under way are waited for: what is started while it is removed may stay.
    const start = async ({ name }: { readonly name: string }) => {
      if (!signal.aborted) await this.containers.start(name);
    };
    await this.each(seeds, start);
    await this.#until("the initial seeds did not reach the tracker", signal, async () => {
      const ledgers = await this.ledgers();
      return seeds.every(({ id }) =>
        ledgers.get(id)?.torrents.some(({ firstAnnounceAt }) => firstAnnounceAt !== null),
      );
    });
    const others = peers.filter((peer) => !peer.isInitialSeed);
    await this.each(others, start);
    await this.#until("not all peers came up", signal, async () => {
      if ((await this.ledgers()).size === peers.length) return true;
      await this.containers.callTheRoll(peers.map(({ name }) => name));
      return false;
    });
  }

  /** Lets a peer join that waits. */
  openGate(name: string): Promise<void> {
    return writeFile(this.project.gateFile(name), "");
  }

  /** A task of Docker's for each of these, a few at a time. */
  each<T, R>(items: readonly T[], task: (item: T) => Promise<R>): Promise<R[]> {
    return Promise.all(items.map((item) => this.#limit(() => task(item))));
  }

  /** What the ledgers of all peers say now, by place in the plan. */
  async ledgers(): Promise<Map<number, LedgerAccounts>> {
    const found = await Promise.all(
      this.project.plan.peers.map(async ({ id, name }) => ({
        id,
        ledger: await readLedger(this.project.ledgerFile(name)),
      })),
    );
    return new Map(found.flatMap(({ id, ledger }) => (ledger ? [[id, ledger] as const] : [])));
  }

  /** The electorates as they stand. Rejects while the tracker is down. */
  async electorates(infoHash: InfoHash): Promise<readonly ElectorateStats[]> {
    const signal = AbortSignal.timeout(ANSWER_MS);
    const answer = await fetch(new URL("stats.json", this.#trackerUrl), { signal });
    const stats = (await answer.json()) as TrackerStats;
    return stats.listed.find((swarm) => swarm.infoHash === infoHash)?.electorates ?? [];
  }

  async #until(otherwise: string, signal: AbortSignal, isSo: () => Promise<boolean>): Promise<void> {
    const deadline = this.#clock.now() + SETUP_MS;
    let last = "";
    for (;;) {
      signal.throwIfAborted();
      const isDone = await isSo().catch((error: Error) => {
        if (error instanceof CtError) throw error; // no time mends it
        last = `: ${error.message}`;
        return false;
      });
      if (isDone) return;
      if (this.#clock.now() > deadline) {
        throw new CtError("CT_ERR_TESTBED", `${otherwise} within ${SETUP_MS / 1000} s${last}`);
      }
      await new Promise<void>((resolve) => this.#clock.after(POLL_MS, resolve));
    }
  }
}
