import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { type Clock, ScaledClock, systemClock } from "@cachetorrent/clock";
import { FileStorage, PieceCache } from "@cachetorrent/peer";
import { pino } from "pino";
import type { Escape } from "../../cell-records.ts";
import { asIndexOf } from "../../topology.ts";
import { AsLinks } from "../as-links.ts";
import { eventLoopLagP99Ms, LAG_RESOLUTION_MS } from "../event-loop-lag.ts";
import type { FromWorker, ToWorker, WorkerInput } from "../messages.ts";
import { HostedPeer } from "./hosted-peer.ts";
import { openShared } from "./shared-storage.ts";

const SEED_POLL_MS = 20;
/** The accounts of hundreds of peers take some milliseconds to tell: with every so manieth sample is enough. */
const SAMPLES_AN_ACCOUNT = 10;
const CACHE_BYTES = 256 * 1024 * 1024;
const WARNINGS_MOST = 200;
const PINO_WARN = 40;

export interface PeerHostOptions {
  readonly tell: (message: FromWorker) => void;
  /** Microseconds of CPU that the worker has used, if it is a process of its own; else always 0. */
  readonly cpuMicros: () => number;
}

/** All peers of one worker: what it is told goes to them, what they do is told. */
export class PeerHost {
  readonly #input: WorkerInput;
  readonly #tell: (message: FromWorker) => void;
  readonly #cpuMicros: () => number;
  readonly #peers = new Map<number, HostedPeer>();
  readonly #escapes: Escape[] = [];
  readonly #warnings: string[] = [];
  readonly #lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
  #clock: Clock = systemClock;
  #cpuFrom = 0;
  #hasFinished = false;

  constructor(input: WorkerInput, { cpuMicros, tell }: PeerHostOptions) {
    this.#input = input;
    this.#cpuMicros = cpuMicros;
    this.#tell = tell;
  }

  async receive(message: ToWorker): Promise<void> {
    switch (message.type) {
      case "host":
        break; // by which this host was made
      case "begin":
        await this.#begin(message.origin);
        break;
      case "join":
        this.#joinAll(message.startAt, message.sampleMs);
        break;
      case "kill":
        for (const id of message.ids) void this.#peers.get(id)?.kill();
        break;
      case "finish":
        this.#hasFinished = true;
        this.#tellAccounts(true);
        break;
    }
  }

  /** All listen; initial seeds join, and are known to the tracker before anybody else comes. */
  async #begin(origin: number): Promise<void> {
    const { contentDir, links, metainfo, peers, peersDir, timeScale } = this.#input;
    const clock = new ScaledClock(systemClock, timeScale, origin);
    this.#clock = clock;
    const asLinks = new AsLinks(links.rates, links.memory, origin);
    const original = await FileStorage.open(metainfo, contentDir, { longerFiles: "pass" });
    const cache = new PieceCache(CACHE_BYTES);
    for (const plan of peers) {
      const { id, isInitialSeed } = plan;
      const isShared = peersDir === undefined || isInitialSeed;
      this.#peers.set(
        id,
        new HostedPeer({
          ...this.#input,
          plan,
          clock,
          log: this.#logOf(id),
          links: asLinks.of(asIndexOf(plan.address)),
          cache,
          dir: peersDir === undefined ? contentDir : join(peersDir, String(id)),
          ...(isShared ? { openStorage: async () => openShared(original, metainfo, isInitialSeed) } : {}),
          onComplete: () => this.#completed(id),
          onError: (error) => this.#tell({ type: "failed", why: `peer ${plan.address}: ${error.message}` }),
        }),
      );
    }
    for (const peer of this.#peers.values()) await peer.listen();
    const seeds = [...this.#peers.values()].filter((peer) => peer.plan.isInitialSeed);
    for (const seed of seeds) seed.join();
    const polling = systemClock.every(SEED_POLL_MS, () => {
      if (!seeds.every((seed) => seed.hasAnnounced)) return;
      polling.cancel();
      // From now on there is something to say of each of them, whatever happens.
      this.#tellAccounts(false);
      this.#tell({ type: "seeded", peerIds: [...this.#peers].map(([id, peer]) => [id, peer.peerId]) });
    });
  }

  #joinAll(startAt: number, sampleMs: number): void {
    const clock = this.#clock;
    const at = (ms: number, act: () => void) => clock.after(Math.max(0, startAt + ms - clock.now()), act);
    this.#lag.enable();
    this.#cpuFrom = this.#cpuMicros();
    for (const peer of this.#peers.values()) {
      const { id, isInitialSeed, joinsAtMs, leaves } = peer.plan;
      if (isInitialSeed) continue;
      at(joinsAtMs, () => peer.join());
      if (typeof leaves === "object") at(leaves.atMs, () => this.#leave(id));
    }
    const sample = (n: number): void => {
      if (this.#hasFinished) return; // it has had its last word
      this.#sample(n);
      at((n + 1) * sampleMs, () => sample(n + 1));
    };
    at(0, () => sample(0));
  }

  #completed(id: number): void {
    const peer = this.#peers.get(id);
    if (!peer || peer.plan.isInitialSeed) return;
    this.#tell({ type: "complete", id });
    if (peer.plan.leaves === "complete") this.#leave(id);
  }

  #leave(id: number): void {
    this.#tell({ type: "left", id });
    void this.#peers.get(id)?.leave();
  }

  #sample(n: number): void {
    const externalByAs = this.#input.links.rates.map(() => 0);
    let verifiedBytes = 0;
    for (const peer of this.#peers.values()) {
      const as = asIndexOf(peer.plan.address);
      externalByAs[as] = (externalByAs[as] ?? 0) + peer.externalBytes;
      if (!peer.plan.isInitialSeed) verifiedBytes += peer.verifiedBytes;
    }
    this.#tell({ type: "sample", n, externalByAs, verifiedBytes });
    if (n % SAMPLES_AN_ACCOUNT === 0) this.#tellAccounts(false);
  }

  #tellAccounts(isLast: boolean): void {
    const heap = getHeapStatistics();
    this.#tell({
      type: "accounts",
      isLast,
      at: this.#clock.now(),
      peers: [...this.#peers.values()].map((peer) => peer.accounts()),
      escapes: this.#escapes,
      warnings: this.#warnings,
      lagP99Ms: eventLoopLagP99Ms(this.#lag),
      cpuMicros: this.#cpuMicros() - this.#cpuFrom,
      heapBytes: heap.used_heap_size,
      bufferBytes: heap.external_memory,
    });
  }

  /** Nobody reads hundreds of logs: escapes are accounted for, and some warnings kept. */
  #logOf(id: number) {
    const write = (line: string): void => {
      const { event, msg, level } = JSON.parse(line) as { event?: string; msg: string; level: number };
      if (event === "escape") this.#escapes.push({ id, at: this.#clock.now(), why: msg });
      if (level >= PINO_WARN && this.#warnings.length < WARNINGS_MOST)
        this.#warnings.push(`peer ${id}: ${line.trim()}`);
    };
    return pino({ level: "warn", base: null }, { write });
  }
}
