import type { Clock } from "@cachetorrent/clock";
import { type Endpoint, LIMITS, type PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { segmentsOf } from "../disk/segments.ts";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { HttpClient } from "../outbound/http-client.ts";
import { Soonest } from "../rates/soonest.ts";
import type { WebSeedStatus } from "../status.ts";
import type { Transport } from "../wire/transport.ts";
import { BlockQueue } from "./block-queue.ts";
import type { BlockRun } from "./block-run.ts";
import { faultOf, WebSeedFault } from "./fault.ts";
import { getRange } from "./ranged-get.ts";
import { WebSeedStream } from "./web-seed-stream.ts";
import { endpointOf, fileUrl, shownWebSeed } from "./web-seed-url.ts";

const { blockMs, requestsAtOnce, restMostMs, restMs, runBytes } = LIMITS.webSeeds;

export interface WebSeedParts {
  readonly url: string;
  /** The operator named it: it may be at a loopback, private or link-local address. */
  readonly mayBeLocal: boolean;
  readonly metainfo: Metainfo;
  readonly peerId: PeerId;
  readonly http: HttpClient;
  readonly clock: Clock;
  readonly log: Logger;
}

/** What is under way: blocks of a run, by one HTTP request after the other. */
interface Fetching {
  readonly run: BlockRun;
  readonly abort: AbortController;
  /** When a block last became whole, or it began. */
  progressAt: number;
}

/** One web seed of a torrent (BEP 19): which blocks are asked of it, and when it is left alone. */
export class WebSeed {
  readonly endpoint: Endpoint;
  /** As messages name it. */
  readonly name: string;
  readonly #parts: WebSeedParts;
  readonly #queue: BlockQueue;
  readonly #fetching = new Set<Fetching>();
  readonly #asking: Soonest;
  #stream: WebSeedStream | undefined;
  /** In a row, without a run that came whole in between. */
  #failures = 0;
  #restsUntil = Number.NEGATIVE_INFINITY;
  #isDropped = false;
  /** What it did wrong last. */
  #fault: string | undefined;
  #receivedBytes = 0;

  constructor(parts: WebSeedParts) {
    this.#parts = parts;
    this.endpoint = endpointOf(parts.url);
    this.name = shownWebSeed(parts.url);
    this.#queue = new BlockQueue(parts.metainfo.pieceLength);
    // All that is asked for in a tick: a request for the first block alone would leave its neighbours to others.
    this.#asking = new Soonest(parts.clock, () => this.#askMore());
  }

  /** It is of no use any more, for as long as the torrent runs. */
  get isDropped(): boolean {
    return this.#isDropped;
  }

  rests(now: number): boolean {
    return now < this.#restsUntil;
  }

  status(now: number): WebSeedStatus {
    const bytes = { url: this.name, receivedBytes: this.#receivedBytes };
    const fault = this.#fault === undefined ? {} : { reason: this.#fault };
    if (this.#isDropped) return { ...bytes, state: "dropped", ...fault };
    if (this.rests(now)) {
      return { ...bytes, state: "resting", restsUntil: Math.round(this.#restsUntil), ...fault };
    }
    return { ...bytes, state: this.#fetching.size > 0 ? "asking" : "idle" };
  }

  /** A connection with it; there is one at a time. */
  open(): Transport {
    const stream = new WebSeedStream({
      infoHash: this.#parts.metainfo.infoHash,
      peerId: this.#parts.peerId,
      asked: (block) => {
        this.#queue.add(block);
        this.#asking.in(0);
      },
      cancelled: (block) => {
        if (!this.#queue.remove(block)) this.#drop(block);
        stream.reject(block);
      },
      ended: () => {
        if (this.#stream === stream) this.#giveUp();
      },
    });
    this.#stream = stream;
    return stream;
  }

  keepAlive(): void {
    this.#stream?.keepAlive();
  }

  sweep(now: number): void {
    for (const { abort, progressAt } of this.#fetching) {
      const why = `gave no block in ${blockMs / 1000} s`;
      if (now - progressAt > blockMs) abort.abort(new WebSeedFault("failing", why));
    }
    if (!this.rests(now)) this.#stream?.unchoke();
  }

  /** It is not asked again. */
  end(why: string): void {
    if (this.#isDropped) return;
    this.#isDropped = true;
    this.#fault = why;
    this.#parts.log.warn(
      { event: "web seed", url: this.name },
      `web seed ${this.name} ${why}: it is left out`,
    );
    this.#stream?.destroy();
  }

  /** The torrent stops: what is under way is broken off, by no fault of its. */
  stop(): void {
    this.#stream?.destroy();
  }

  #askMore(): void {
    while (this.#stream && this.#fetching.size < requestsAtOnce) {
      const run = this.#queue.takeRun(runBytes);
      if (!run) return;
      void this.#fetch(run);
    }
  }

  /** Never rejects. */
  async #fetch(run: BlockRun): Promise<void> {
    const abort = new AbortController();
    const fetching: Fetching = { run, abort, progressAt: this.#parts.clock.now() };
    this.#fetching.add(fetching);
    try {
      await this.#get(fetching);
      this.#failures = 0;
    } catch (error) {
      // Whoever aborted it said why, and `undefined` where it is nobody's fault.
      const cause: unknown = abort.signal.aborted ? abort.signal.reason : error;
      if (cause !== NOT_WANTED) this.#failed(run, faultOf(cause));
    } finally {
      this.#fetching.delete(fetching);
      this.#asking.in(0);
    }
  }

  async #get(fetching: Fetching): Promise<void> {
    const { abort, run } = fetching;
    const { clock, http, mayBeLocal, metainfo, url } = this.#parts;
    const received = (bytes: Uint8Array) => {
      const before = run.doneCount;
      run.push(bytes, (block, whole) => {
        this.#receivedBytes += whole.length;
        this.#stream?.send(block, whole);
      });
      if (run.doneCount > before) fetching.progressAt = clock.now();
    };
    for (const { file, fileOffset: from, length } of segmentsOf(metainfo, run.start, run.length)) {
      const { length: fileLength = 0, pad = false } = metainfo.files[file] ?? {};
      if (pad) received(Buffer.alloc(length));
      else {
        const at = fileUrl(url, metainfo, file);
        await getRange({
          http,
          url: at,
          mayBeLocal,
          from,
          length,
          fileLength,
          signal: abort.signal,
          received,
        });
      }
    }
  }

  #drop(block: { readonly piece: number; readonly begin: number; readonly length: number }): void {
    for (const { abort, run } of this.#fetching) {
      if (run.drop(block) && !run.isWanted) abort.abort(NOT_WANTED);
    }
  }

  #failed(run: BlockRun, fault: WebSeedFault): void {
    // What hung or broke off beside it, and is told of only now, is one failure with it.
    if (!this.#stream || this.#isDropped || this.rests(this.#parts.clock.now())) return;
    if (fault.kind === "wrong") {
      this.end(fault.message);
      return;
    }
    this.#failures++;
    // A connection that broke off in the middle is no trouble as long as it is the only one.
    if (fault.kind === "failing" && this.#failures === 1 && run.doneCount > 0) {
      for (const block of run.missing()) this.#queue.add(block);
      return;
    }
    this.#rest(fault);
  }

  /** It chokes us for a while, which gives back what was claimed here: others may fetch it elsewhere. */
  #rest({ kind, message, retryAfterMs }: WebSeedFault): void {
    const { clock, log } = this.#parts;
    const doubled =
      kind === "refused" ? restMostMs : Math.min(restMostMs, restMs * 2 ** (this.#failures - 1));
    const waitMs = Math.max(doubled, retryAfterMs ?? 0);
    this.#fault = message;
    this.#restsUntil = clock.now() + waitMs;
    log.warn(
      { event: "web seed", url: this.name, retryInMs: waitMs },
      `web seed ${this.name} ${message}; next try in ${Math.round(waitMs / 1000)} s`,
    );
    this.#clear();
    this.#stream?.choke();
  }

  #giveUp(): void {
    this.#stream = undefined;
    this.#clear();
  }

  #clear(): void {
    this.#queue.clear();
    for (const { abort } of this.#fetching) abort.abort(NOT_WANTED);
  }
}

/** Why a request is broken off that did nothing wrong. */
const NOT_WANTED = new Error("not wanted any more");
