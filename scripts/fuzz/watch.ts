import type { Clock } from "@cachetorrent/clock";
import type { PeerId } from "@cachetorrent/protocol";
import { type DaemonProcess, describeExit } from "@cachetorrent/testbed";
import { type Bench, daemonsOf, endpointOf } from "./bench.ts";
import { MemoryCurve, residentBytes } from "./memory.ts";
import { sleep } from "./pacer.ts";
import { announceHonestly, shakeHands } from "./probes.ts";

const SAMPLE_MS = 1_000;
const PROBE_MS = 3_000;
/** All daemons are to have answered once by then. */
const STARTING_MS = 60_000;
/** One late answer of a busy machine is no failure. */
const SILENCES_MOST = 4;

/** What no daemon may print, whatever it is sent. */
const TROUBLE = [
  /\buncaught/i,
  /\bunhandled/i,
  /^\s+at .+:\d+:\d+\)?$/,
  /"stack":/,
  /internal error/i,
  /FATAL ERROR/,
];

/** Looks after the daemons of a run: do they live, answer, keep their memory, and say nothing terrible? */
export class Watch {
  readonly memory = new Map<string, MemoryCurve>();
  readonly #bench: Bench;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #peerIds = new Map<string, PeerId>();
  readonly #linesSeen = new Map<DaemonProcess, number>();
  readonly #running: Promise<void>[] = [];
  readonly #silent = new Set<string>();
  #failure: string | undefined;
  #isOver = false;

  constructor(bench: Bench, clock: Clock) {
    this.#bench = bench;
    this.#clock = clock;
    this.#startedAt = clock.now();
  }

  /** Resolves once all have answered; from then on it looks again and again. */
  async start(): Promise<void> {
    for (const daemon of daemonsOf(this.#bench)) {
      this.memory.set(daemon.name, new MemoryCurve());
      void daemon.exited.then((exit) => {
        if (!this.#isOver) this.#fail(daemon.failure(describeExit(exit)).message);
      });
    }
    for (const [, probe] of this.#probes()) await this.#firstAnswer(probe);
    this.#running.push(this.#repeat(SAMPLE_MS, () => this.#sample()));
    for (const [name, probe] of this.#probes()) this.#running.push(this.#keepProbing(name, probe));
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.all(this.#running);
    this.#readLines();
  }

  /** The first thing that went wrong. */
  get failure(): string | undefined {
    return this.#failure;
  }

  /** Daemons that did not answer when they were last asked: a handshake or an announce, as honest ones are. */
  get silent(): readonly string[] {
    return [...this.#silent];
  }

  /** Of the daemons that have told it. */
  get peerIds(): readonly PeerId[] {
    return [...this.#peerIds.values()];
  }

  /** What is wrong with a daemon's memory after a run of this length, or undefined. */
  growth(runMs: number): string | undefined {
    const grown = [...this.memory].map(([name, curve]) => [name, curve.growth(runMs)] as const);
    return grown.flatMap(([name, growth]) => (growth ? [`${name}: ${growth}`] : [])).join("\n") || undefined;
  }

  #probes(): readonly (readonly [name: string, probe: () => Promise<void>])[] {
    const { infoHash, leecher, seed, tracker } = this.#bench;
    const shake = async (peer: typeof seed) => {
      for (const isEncrypted of [false, true]) {
        const peerId = await shakeHands(this.#clock, endpointOf(peer), { infoHash, isEncrypted });
        this.#peerIds.set(peer.name, peerId);
      }
    };
    return [
      ["tracker", () => announceHonestly(this.#clock, tracker.announceUrl)],
      ["seed", () => shake(seed)],
      ["leecher", () => shake(leecher)],
    ];
  }

  /** A peer lets nobody in before it has looked at its files. */
  async #firstAnswer(probe: () => Promise<void>): Promise<void> {
    while (true) {
      try {
        return await probe();
      } catch (error) {
        if (this.#failure !== undefined || this.#clock.now() - this.#startedAt > STARTING_MS) throw error;
        await sleep(this.#clock, 100);
      }
    }
  }

  async #keepProbing(name: string, probe: () => Promise<void>): Promise<void> {
    let silences = 0;
    await this.#repeat(PROBE_MS, async () => {
      try {
        await probe();
        silences = 0;
        this.#silent.delete(name);
      } catch (error) {
        silences++;
        this.#silent.add(name);
        if (silences > SILENCES_MOST && !this.#isOver)
          this.#fail(`${name} does not answer: ${(error as Error).message}, ${silences} times in a row`);
      }
    });
  }

  async #sample(): Promise<void> {
    for (const daemon of daemonsOf(this.#bench)) {
      if (!daemon.isRunning || daemon.pid === undefined) continue;
      // It may end at any moment, and then its file is gone; that it ended is told elsewhere.
      const bytes = await residentBytes(daemon.pid).catch(() => undefined);
      if (bytes) this.memory.get(daemon.name)?.add(this.#clock.now() - this.#startedAt, bytes);
    }
    this.#readLines();
  }

  #readLines(): void {
    for (const daemon of daemonsOf(this.#bench)) {
      const seen = this.#linesSeen.get(daemon) ?? 0;
      const bad = daemon.lines.slice(seen).find(({ text }) => TROUBLE.some((pattern) => pattern.test(text)));
      this.#linesSeen.set(daemon, daemon.lines.length);
      if (bad) this.#fail(`${daemon.name} printed: ${bad.text}\n  log: ${daemon.logFile}`);
    }
  }

  #fail(what: string): void {
    this.#failure ??= what;
  }

  async #repeat(everyMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.#isOver) {
      await act();
      await sleep(this.#clock, everyMs);
    }
  }
}
