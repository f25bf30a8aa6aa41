import type { Socket } from "node:net";
import type { Timer } from "@cachetorrent/clock";
import { type CtError, type Endpoint, LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { TorrentLedger } from "./accounts/ledger.ts";
import { Announcer } from "./announcing/announcer.ts";
import { Content } from "./disk/content.ts";
import { Exchange, type ExchangeWatcher } from "./exchange/exchange.ts";
import { uploadingOf } from "./exchange/uploading.ts";
import { type Metainfo, pieceSize } from "./metainfo/metainfo.ts";
import { type Met, Neighbours } from "./neighbours/neighbours.ts";
import { Duties } from "./roles/duties.ts";
import type { Role } from "./roles/role.ts";
import type { TorrentState, TorrentStatus } from "./status.ts";
import type { SessionServices, TorrentOptions } from "./torrent-options.ts";
import { Connection } from "./wire/connection.ts";
import type { TorrentShape } from "./wire/frame-guard.ts";

const SWEEP_MS = 250;
/** With nobody to download from, the tracker is asked again this often (as its min interval allows). */
const LONELY_ANNOUNCE_MS = 15_000;

/**
 * One torrent's life: checked on disk, announced, exchanged, stopped. `Content` has its files, `Neighbours` its
 * connections, `Exchange` moves the pieces, `Announcer` talks with the tracker; here they meet.
 */
export class Torrent {
  readonly metainfo: Metainfo;
  readonly #services: SessionServices;
  readonly #options: TorrentOptions;
  readonly #ledger: TorrentLedger;
  readonly #log: Logger;
  readonly #shape: TorrentShape;
  readonly #content: Content;
  readonly #announcer: Announcer;
  readonly #neighbours: Neighbours;
  #duties: Duties | undefined;
  #exchange: Exchange | undefined;
  #state: TorrentState = "checking";
  #error: CtError | undefined;
  #sweeper: Timer | undefined;
  #lonelySince = 0;
  #isInitialSeed = false;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;
  #allClosed: PromiseWithResolvers<void> | undefined;

  constructor(metainfo: Metainfo, ledger: TorrentLedger, services: SessionServices, options: TorrentOptions) {
    this.metainfo = metainfo;
    this.#services = services;
    this.#options = options;
    this.#ledger = ledger;
    this.#log = services.log.child({ infoHash: metainfo.infoHash });
    this.#shape = { pieceCount: metainfo.pieceCount, pieceSize: (piece) => pieceSize(metainfo, piece) };
    this.#content = new Content(metainfo, options.dir, services.cache, this.#log, options.openStorage);
    this.#announcer = this.#makeAnnouncer();
    this.#neighbours = this.#makeNeighbours();
  }

  /** Open connections, and those being opened. */
  get connectionCount(): number {
    return this.#neighbours.count;
  }

  /** Checks what is on disk, then joins the swarm. What fails is told by `onError`; never rejects. */
  start(): Promise<void> {
    this.#starting ??= this.#content.open().then(
      () => this.#join(),
      (error: unknown) => this.#fail(error as CtError),
    );
    return this.#starting;
  }

  /** Leaves the swarm, flushes the files. Idempotent; never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends without a word to anybody, as if the process were killed; only the files are closed. Never rejects. */
  kill(): Promise<void> {
    this.#exchange?.kill();
    this.#announcer.kill();
    return this.stop();
  }

  /** A connection that came in for this torrent. */
  accept(socket: Socket, remote: Endpoint): void {
    if (this.#exchange) void this.#neighbours.accept(socket, remote);
    else socket.destroy();
  }

  status(): TorrentStatus {
    const { rateIn, rateOut } = this.#rates();
    const { left } = this.#content;
    const { leaders, policy } = this.#announcer;
    return {
      infoHash: this.metainfo.infoHash,
      name: this.metainfo.name,
      state: this.#state,
      length: this.metainfo.length,
      verifiedBytes: this.metainfo.length - left,
      checkedFraction: this.#content.checkedFraction,
      rateIn,
      rateOut,
      internalBytes: this.#ledger.internalBytes,
      externalBytes: this.#ledger.externalBytes,
      sentBytes: this.#ledger.sentBytes,
      peers: [...(this.#exchange?.connections ?? [])].filter((one) => one.isHandshaken).length,
      role: this.#ledger.role,
      asn: this.#announcer.asn,
      leads: leaders?.leaders.some((leader) => leader.peerId === this.#services.peerId) ?? false,
      ...(leaders ? { term: leaders.term } : {}),
      ...(policy ? { policy: policy.name === "unknown" ? policy.said : policy.name } : {}),
      ...(this.#state === "downloading" && rateIn >= 1 ? { etaMs: (left / rateIn) * 1000 } : {}),
      ...(this.#duties && policy?.name === "coordinated" ? { claims: this.#duties.claims } : {}),
      ...(this.#error ? { error: this.#error.message } : {}),
    };
  }

  /** Once stopped they are 0 at once: a meter would remember the last seconds. */
  #rates(): { readonly rateIn: number; readonly rateOut: number } {
    const isOver = this.#state === "stopped" || this.#state === "failed";
    if (!this.#exchange || isOver) return { rateIn: 0, rateOut: 0 };
    const now = this.#services.clock.now();
    return { rateIn: this.#exchange.inRate.rate(now), rateOut: this.#exchange.outRate.rate(now) };
  }

  #join(): void {
    if (this.#stopping) return;
    const { clock } = this.#services;
    const { have } = this.#content;
    this.#log.info(
      { event: "checked", pieces: have.size, of: have.pieceCount },
      `${this.metainfo.name}: ${have.size} of ${have.pieceCount} pieces are on disk`,
    );
    this.#duties = this.#makeDuties();
    this.#exchange = this.#duties.exchange;
    this.#isInitialSeed = have.isFull;
    this.#state = have.isFull ? "seeding" : "downloading";
    this.#announcer.start();
    if (!this.#announcer.hasTracker) this.#duties.heardNothing();
    this.#lonelySince = clock.now();
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
    if (!have.isFull) return;
    this.#ledger.completed(clock.now());
    this.#options.onComplete(false);
  }

  async #stop(): Promise<void> {
    this.#sweeper?.cancel();
    this.#duties?.leave();
    this.#neighbours.stop();
    const closed = this.#connectionsClosed();
    this.#exchange?.stop();
    this.#content.abortCheck();
    await Promise.all([this.#announcer.stop(), closed, this.#starting]);
    // Last: pieces that came in until now are still written.
    await this.#content.close();
    if (this.#state !== "failed") this.#state = "stopped";
  }

  /** Connections end within their grace: see `Link.end`. */
  #connectionsClosed(): Promise<void> {
    if (!this.#exchange || this.#exchange.connections.size === 0) return Promise.resolve();
    this.#allClosed = Promise.withResolvers();
    return this.#allClosed.promise;
  }

  #fail(error: CtError): void {
    if (this.#state === "failed" || this.#stopping) return;
    this.#state = "failed";
    this.#error = error;
    this.#log.error({ err: error, event: "failed" }, error.message);
    this.#options.onError(error);
    void this.stop();
  }

  async #completed(): Promise<void> {
    try {
      await this.#content.finish();
    } catch (error) {
      this.#fail(error as CtError);
      return;
    }
    this.#ledger.completed(this.#services.clock.now());
    if (this.#stopping) return;
    this.#state = "seeding";
    this.#announcer.completed();
    this.#log.info({ event: "complete", asn: this.#announcer.asn }, `${this.metainfo.name} is complete`);
    this.#options.onComplete(true);
  }

  #sweep(): void {
    const now = this.#services.clock.now();
    this.#exchange?.sweep(now);
    this.#duties?.sweep(now);
    this.#neighbours.dialMore();
    if (this.#content.have.isFull || this.#neighbours.count > 0) this.#lonelySince = now;
    if (now - this.#lonelySince < LONELY_ANNOUNCE_MS) return;
    this.#lonelySince = now;
    this.#announcer.announceNow();
  }

  #connect(socket: Socket, met: Met): Connection {
    const { clock, listening, peerId, trace } = this.#services;
    const exchange = this.#exchange as Exchange;
    const connection = new Connection({
      socket,
      ...met,
      infoHash: this.metainfo.infoHash,
      peerId,
      shape: this.#shape,
      owner: exchange,
      clock,
      log: this.#log,
      trace,
      extendedHandshake: {
        ct: {
          role: exchange.role.name,
          ...(this.#isInitialSeed ? { seed: 1 } : {}),
          term: this.#duties?.term ?? 0,
          v: 1,
        },
        p: listening.port,
        reqq: LIMITS.peer.requestsQueuedPerConnection,
        v: "CacheTorrent 0.1",
      },
    });
    exchange.add(connection);
    return connection;
  }

  #onClosed(connection: Connection, reason: string): void {
    this.#neighbours.closed(connection, reason);
    if (this.#exchange?.connections.size === 0) this.#allClosed?.resolve();
  }

  #makeAnnouncer(): Announcer {
    const { clock, listening, peerId, random } = this.#services;
    const { capacity, local, numwant } = this.#options;
    return new Announcer({
      tiers: this.metainfo.trackers,
      infoHash: this.metainfo.infoHash,
      peerId,
      port: () => listening.port,
      localAddress: listening.address,
      clock,
      random,
      log: this.#log,
      progress: () => ({
        uploaded: this.#ledger.sentBytes,
        downloaded: this.#ledger.internalBytes + this.#ledger.externalBytes,
        left: this.#content.left,
        externalBytes: this.#ledger.externalBytes,
        internalBytes: this.#ledger.internalBytes,
      }),
      numwant: () => numwant,
      ...(capacity ? { capacity } : {}),
      ...(local ? { local } : {}),
      onAnswer: ({ peers }) => {
        this.#ledger.announced(clock.now());
        this.#log.debug({ event: "announced", peers: peers.length }, "the tracker answered");
        this.#duties?.heardNothing();
        this.#duties?.learn(peers);
        this.#neighbours.learn(peers);
      },
      onCt: (ct) => {
        const { asn, leaders } = this.#announcer;
        this.#ledger.asn = asn;
        this.#neighbours.place(leaders?.leaders.map(({ endpoint }) => endpoint) ?? [], asn);
        // First: a role that reveals everything is not to be the first that is heard of.
        this.#exchange?.uploadBy(uploadingOf(ct, this.#exchange.connections));
        this.#duties?.heard(ct);
      },
      onFailure: (error, retryInMs) =>
        this.#log.warn(
          { event: "tracker", retryInMs: Math.round(retryInMs) },
          `${error.message}; next try in ${Math.round(retryInMs / 1000)} s`,
        ),
    });
  }

  #makeNeighbours(): Neighbours {
    const { maxConnections } = this.#options;
    return new Neighbours({
      ...this.#services,
      log: this.#log,
      ours: this.#ours,
      maxConnections,
      connections: () => this.#exchange?.connections ?? new Set(),
      locate: (endpoints) => this.#announcer.locate(endpoints),
      connected: (socket, met) => this.#connect(socket, met),
      asn: () => this.#ledger.asn,
      isAlwaysLetIn: (asn) => this.#duties?.isAlwaysLetIn(asn) ?? false,
      becameDirect: (connection) => this.#exchange?.becomeDirect(connection),
    });
  }

  /** Where we can be reached. */
  get #ours(): Endpoint[] {
    const { listening } = this.#services;
    return this.#options.local ? [listening, this.#options.local] : [listening];
  }

  #makeDuties(): Duties {
    const { clock, peerId, random } = this.#services;
    return new Duties(
      {
        peerId,
        clock,
        random,
        log: this.#log,
        ledger: this.#ledger,
        have: this.#content.have,
        ours: this.#ours,
        uploadSlots: this.#options.uploadSlots,
        up: this.#options.capacity?.up ?? LIMITS.peer.defaultCapacity,
        pieceLength: this.metainfo.pieceLength,
        neighbours: this.#neighbours,
        report: (leader) => this.#announcer.reportStalled(leader),
        refresh: () => this.#announcer.refresh(),
      },
      (role, watcher) => this.#makeExchange(role, watcher),
    );
  }

  #makeExchange(role: Role, watcher: ExchangeWatcher): Exchange {
    const { budget, clock, downBucket, pump, random } = this.#services;
    const content = this.#content;
    return new Exchange({
      shape: this.#shape,
      have: content.have,
      role,
      watcher,
      clock,
      random,
      choker: this.#options.choker,
      uploading: "undecided",
      budget,
      downBucket,
      pump,
      ledger: this.#ledger,
      content,
      refuse: (connection) => this.#neighbours.refuse(connection),
      ban: (connection) => this.#neighbours.ban(connection),
      closed: (connection, reason) => this.#onClosed(connection, reason),
      completed: () => void this.#completed(),
      failed: (error) => this.#fail(error),
    });
  }
}
