import type { Socket } from "node:net";
import type { Clock, Random, Timer } from "@cachetorrent/clock";
import {
  type AnnounceAnswer,
  type Asn,
  CtError,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  type PeerId,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { Announcer } from "./announcer.ts";
import { AsDirectory } from "./as-directory.ts";
import type { BufferBudget } from "./buffer-budget.ts";
import type { ChokerKind } from "./choker.ts";
import { Connection } from "./connection.ts";
import type { Dialer } from "./dialer.ts";
import { Exchange } from "./exchange.ts";
import { refuseForeignFiles } from "./foreign-files.ts";
import type { TorrentLedger } from "./ledger.ts";
import { type Metainfo, pieceSize } from "./metainfo.ts";
import { isConnectedTo, PeerTable } from "./peer-table.ts";
import type { PieceCache } from "./piece-cache.ts";
import { PieceSet } from "./piece-set.ts";
import { IndependentRole } from "./roles/independent.ts";
import type { TorrentState, TorrentStatus } from "./status.ts";
import { FileStorage } from "./storage.ts";
import type { TokenBucket } from "./token-bucket.ts";
import type { Trace } from "./trace.ts";
import type { UploadPump } from "./upload-pump.ts";
import { isPieceValid, verifyOnDisk } from "./verifier.ts";

/** What all torrents of a process share. */
export interface SessionServices {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trace: Trace;
  readonly dialer: Dialer;
  readonly pump: UploadPump;
  readonly cache: PieceCache;
  readonly budget: BufferBudget;
  readonly downBucket: TokenBucket;
  /** Where we listen; known before any torrent starts. */
  readonly listening: Endpoint;
  /** Is there room for one more connection in the process? */
  hasRoom(): boolean;
}

export interface TorrentOptions {
  readonly dir: string;
  readonly numwant: number;
  readonly uploadSlots: number;
  readonly choker: ChokerKind;
  readonly maxConnections: number;
  readonly capacity?: { readonly up: number; readonly down: number };
  readonly local?: Endpoint;
  onComplete(): void;
  onError(error: CtError): void;
}

const SWEEP_MS = 250;
/** With nobody to download from, the tracker is asked again this often (as its min interval allows). */
const LONELY_ANNOUNCE_MS = 15_000;

/** One torrent from its files on disk to its swarm: it finds peers and keeps the accounts; `Exchange` moves the pieces. */
export class Torrent {
  readonly metainfo: Metainfo;
  readonly #services: SessionServices;
  readonly #options: TorrentOptions;
  readonly #ledger: TorrentLedger;
  readonly #log: Logger;
  readonly #announcer: Announcer;
  readonly #directory: AsDirectory;
  readonly #table: PeerTable;
  readonly #abort = new AbortController();
  #state: TorrentState = "checking";
  #checked = 0;
  #validWhileChecking = 0;
  #have: PieceSet;
  #storage: FileStorage | undefined;
  #exchange: Exchange | undefined;
  #sweeper: Timer | undefined;
  #dialling = 0;
  #lonelySince = 0;
  #error: CtError | undefined;
  #starting: Promise<void> | undefined;
  #stopping: Promise<void> | undefined;

  constructor(metainfo: Metainfo, ledger: TorrentLedger, services: SessionServices, options: TorrentOptions) {
    this.metainfo = metainfo;
    this.#services = services;
    this.#options = options;
    this.#ledger = ledger;
    this.#log = services.log.child({ infoHash: metainfo.infoHash, peerId: services.peerId });
    this.#have = new PieceSet(metainfo.pieceCount);
    this.#announcer = this.#makeAnnouncer();
    this.#directory = new AsDirectory({
      locate: (endpoints) => this.#announcer.locate(endpoints),
      clock: services.clock,
      log: this.#log,
    });
    this.#table = new PeerTable(services.random, (endpoint) => this.#isOurs(endpoint));
  }

  get connectionCount(): number {
    return (this.#exchange?.connections.size ?? 0) + this.#dialling;
  }

  get isComplete(): boolean {
    return this.#exchange !== undefined && this.#have.isFull;
  }

  /** Checks what is on disk, then joins the swarm. Rejects with a CtError if the files cannot be used. */
  start(): Promise<void> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#fail(error as CtError);
      throw error;
    });
    return this.#starting;
  }

  /** Leaves the swarm, flushes the files. Idempotent; never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** A connection that came in for this torrent. It is answered once its AS is known. */
  async accept(socket: Socket, remote: Endpoint): Promise<void> {
    const refusal = this.#refuseRemote(remote);
    if (refusal) {
      this.#log.debug({ endpoint: formatEndpoint(remote), event: "refused" }, refusal);
      socket.destroy();
      return;
    }
    const asn = this.#directory.asnOf(remote.address) ?? (await this.#directory.locate(remote)).asn;
    if (socket.destroyed || !this.#exchange || this.#stopping) socket.destroy();
    else this.#connect(socket, "in", remote, asn);
  }

  status(): TorrentStatus {
    const { clock, peerId } = this.#services;
    const now = clock.now();
    const rateIn = this.#exchange?.inRate.rate(now) ?? 0;
    const verifiedBytes =
      this.#state === "checking" ? this.#checkedBytes() : this.metainfo.length - this.#left();
    const { leaders, policy } = this.#announcer;
    return {
      infoHash: this.metainfo.infoHash,
      name: this.metainfo.name,
      state: this.#state,
      length: this.metainfo.length,
      verifiedBytes,
      checkedFraction: this.metainfo.pieceCount === 0 ? 1 : this.#checked / this.metainfo.pieceCount,
      rateIn,
      rateOut: this.#exchange?.outRate.rate(now) ?? 0,
      internalBytes: this.#ledger.internalBytes,
      externalBytes: this.#ledger.externalBytes,
      sentBytes: this.#ledger.sentBytes,
      peers: [...(this.#exchange?.connections ?? [])].filter((one) => one.isHandshaken).length,
      role: this.#exchange?.role.name ?? "pending",
      asn: this.#announcer.asn,
      leads: leaders?.leaders.some((leader) => leader.peerId === peerId) ?? false,
      ...(leaders ? { term: leaders.term } : {}),
      ...(policy ? { policy: policy.name === "unknown" ? policy.said : policy.name } : {}),
      ...(this.#state === "downloading" && rateIn >= 1 ? { etaMs: (this.#left() / rateIn) * 1000 } : {}),
      ...(this.#error ? { error: this.#error.message } : {}),
    };
  }

  async #start(): Promise<void> {
    const { metainfo } = this;
    this.#storage = await FileStorage.open(metainfo, this.#options.dir);
    const have = await verifyOnDisk(metainfo, this.#storage, {
      signal: this.#abort.signal,
      onProgress: (checked, valid) => {
        this.#checked = checked;
        this.#validWhileChecking = valid;
      },
    });
    if (this.#stopping) return;
    this.#checked = metainfo.pieceCount;
    if (have.isFull) await this.#finishFiles();
    else await refuseForeignFiles(metainfo, this.#storage, have);
    if (this.#stopping) return;
    this.#have = have;
    this.#log.info(
      { event: "checked", pieces: have.size, of: metainfo.pieceCount },
      `${metainfo.name}: ${have.size} of ${metainfo.pieceCount} pieces are on disk`,
    );
    this.#join();
  }

  #join(): void {
    const { clock } = this.#services;
    this.#exchange = this.#makeExchange();
    this.#ledger.roleChanged(this.#exchange.role.name, clock.now());
    this.#state = this.#have.isFull ? "seeding" : "downloading";
    this.#updateFeeding();
    this.#announcer.start();
    this.#sweeper = clock.every(SWEEP_MS, () => this.#sweep());
    if (!this.#have.isFull) return;
    this.#ledger.completed(clock.now());
    this.#options.onComplete();
  }

  async #stop(): Promise<void> {
    this.#abort.abort();
    this.#sweeper?.cancel();
    this.#exchange?.stop();
    // A failure has been told by `start` already.
    await this.#starting?.catch(() => undefined);
    const closed = this.#connectionsClosed();
    await Promise.all([this.#announcer.stop(), closed]);
    try {
      await this.#storage?.close();
    } catch (error) {
      this.#log.error({ err: error, event: "storage" }, "closing the files failed");
    }
    if (this.#state !== "failed") this.#state = "stopped";
  }

  /** Connections end within their grace: see `Connection.close`. */
  #connectionsClosed(): Promise<void> {
    const open = this.#exchange?.connections;
    if (!open || open.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onAllClosed = resolve;
    });
  }

  #onAllClosed: (() => void) | undefined;

  #fail(error: CtError): void {
    if (this.#state === "failed" || this.#stopping) return;
    this.#state = "failed";
    this.#error = error;
    this.#log.error({ err: error, event: "failed" }, error.message);
    this.#options.onError(error);
    void this.stop();
  }

  async #finishFiles(): Promise<void> {
    try {
      await this.#storage?.finish();
    } catch (error) {
      // Complete content on a read-only disk is a fine seed.
      if (!(error instanceof CtError && error.code === "CT_ERR_PERMISSION")) throw error;
      this.#log.warn({ event: "storage" }, error.message);
    }
  }

  async #completed(): Promise<void> {
    try {
      await this.#storage?.finish();
    } catch (error) {
      this.#fail(error as CtError);
      return;
    }
    this.#ledger.completed(this.#services.clock.now());
    if (this.#stopping) return;
    this.#state = "seeding";
    this.#announcer.completed();
    this.#updateFeeding();
    this.#log.info({ event: "complete", asn: this.#announcer.asn }, `${this.metainfo.name} is complete`);
    this.#options.onComplete();
  }

  #makeAnnouncer(): Announcer {
    const { clock, listening, log, peerId, random } = this.#services;
    const { capacity, local, numwant } = this.#options;
    return new Announcer({
      tiers: this.metainfo.trackers,
      infoHash: this.metainfo.infoHash,
      peerId,
      port: () => listening.port,
      localAddress: listening.address,
      clock,
      random,
      log: log.child({ infoHash: this.metainfo.infoHash }),
      progress: () => ({
        uploaded: this.#ledger.sentBytes,
        downloaded: this.#ledger.internalBytes + this.#ledger.externalBytes,
        left: this.#left(),
        externalBytes: this.#ledger.externalBytes,
        internalBytes: this.#ledger.internalBytes,
      }),
      numwant: () => numwant,
      ...(capacity ? { capacity } : {}),
      ...(local ? { local } : {}),
      onAnswer: (answer) => this.#onAnswer(answer),
      onCt: () => this.#onCt(),
      onFailure: (error, retryInMs) =>
        this.#log.warn(
          { event: "tracker", retryInMs: Math.round(retryInMs) },
          `${error.message}; next try in ${Math.round(retryInMs / 1000)} s`,
        ),
    });
  }

  #onAnswer(answer: AnnounceAnswer): void {
    this.#ledger.announced(this.#services.clock.now());
    this.#directory.learn(answer.peers);
    this.#table.learn(
      answer.peers
        .map((peer) => peer.endpoint)
        .filter(({ address }) => this.#services.dialer.reaches(address)),
    );
    this.#log.debug({ event: "announced", peers: answer.peers.length }, "the tracker answered");
    this.#dialMore();
  }

  #onCt(): void {
    this.#ledger.asn = this.#announcer.asn;
    this.#updateFeeding();
  }

  /** A complete peer that leads nothing has nothing to learn from the feed. */
  #updateFeeding(): void {
    const { leaders } = this.#announcer;
    const leads = leaders?.leaders.some((leader) => leader.peerId === this.#services.peerId) ?? false;
    this.#announcer.setFeeding(!this.#have.isFull || leads);
  }

  #makeExchange(): Exchange {
    const { budget, cache, clock, downBucket, pump, random } = this.#services;
    const { metainfo } = this;
    const key = (piece: number): string => `${metainfo.infoHash}:${piece}`;
    const storage = this.#storage as FileStorage;
    return new Exchange({
      shape: { pieceCount: metainfo.pieceCount, pieceSize: (piece) => pieceSize(metainfo, piece) },
      have: this.#have,
      role: new IndependentRole(this.#options.uploadSlots),
      clock,
      random,
      choker: this.#options.choker,
      budget,
      downBucket,
      pump,
      ledger: this.#ledger,
      pieces: {
        cached: (piece) => cache.get(key(piece)),
        load: async (piece) => {
          try {
            await cache.load(key(piece), () => storage.read(piece, 0, pieceSize(metainfo, piece)));
          } catch (error) {
            this.#fail(error as CtError);
            throw error;
          }
        },
      },
      isValid: (piece, bytes) => isPieceValid(metainfo, piece, bytes),
      store: async (piece, bytes) => {
        await storage.writePiece(piece, bytes);
        cache.put(key(piece), bytes);
      },
      refuse: (connection) => this.#refuse(connection),
      ban: (connection) => this.#ban(connection),
      closed: (connection, reason) => this.#onClosed(connection, reason),
      completed: () => void this.#completed(),
      failed: (error) => this.#fail(error),
    });
  }

  #sweep(): void {
    const now = this.#services.clock.now();
    this.#exchange?.sweep(now);
    this.#dialMore();
    if (this.#have.isFull || this.connectionCount > 0) this.#lonelySince = now;
    if (now - this.#lonelySince < LONELY_ANNOUNCE_MS) return;
    this.#lonelySince = now;
    this.#announcer.announceNow();
  }

  #dialMore(): void {
    const { clock, dialer } = this.#services;
    while (this.#exchange && !this.#stopping && this.#hasRoom() && dialer.hasRoom) {
      const connections = this.#exchange.connections;
      const endpoint = this.#table.next(clock.now(), (one) => isConnectedTo(one, connections));
      if (!endpoint) return;
      void this.#dial(endpoint);
    }
  }

  async #dial(endpoint: Endpoint): Promise<void> {
    this.#dialling++;
    const asn = this.#directory.asnOf(endpoint.address) ?? (await this.#directory.locate(endpoint)).asn;
    const socket = await this.#services.dialer.dial(endpoint);
    this.#dialling--;
    if (!socket) this.#table.ended(endpoint, false, this.#services.clock.now());
    else if (this.#stopping) socket.destroy();
    else this.#connect(socket, "out", endpoint, asn);
  }

  #connect(socket: Socket, direction: "in" | "out", remote: Endpoint, asn: Asn): void {
    const { clock, listening, peerId, trace } = this.#services;
    const exchange = this.#exchange as Exchange;
    const connection = new Connection({
      socket,
      direction,
      remote,
      asn,
      infoHash: this.metainfo.infoHash,
      peerId,
      shape: { pieceCount: this.metainfo.pieceCount, pieceSize: (piece) => pieceSize(this.metainfo, piece) },
      owner: exchange,
      clock,
      trace,
      extendedHandshake: {
        ct: { role: exchange.role.name, term: this.#announcer.leaders?.term ?? 0, v: 1 },
        p: listening.port,
        reqq: LIMITS.peer.requestsQueuedPerConnection,
        v: "CacheTorrent 0.1",
      },
    });
    exchange.add(connection);
  }

  #onClosed(connection: Connection, reason: string): void {
    const now = this.#services.clock.now();
    this.#log.debug(
      { endpoint: formatEndpoint(connection.remote), asn: connection.asn, event: "disconnected" },
      reason,
    );
    if (connection.direction === "out") {
      const useless = reason === "both complete" || reason === SELF || reason === DUPLICATE;
      if (useless) this.#table.rest(connection.remote, now);
      else this.#table.ended(connection.remote, connection.isHandshaken, now);
    }
    if (this.#exchange?.connections.size === 0) this.#onAllClosed?.();
  }

  /** Before a byte is read of it. */
  #refuseRemote(remote: Endpoint): string | undefined {
    if (!this.#exchange || this.#stopping) return "not ready";
    if (this.#table.isBanned(remote.address)) return "banned";
    return this.#hasRoom() ? undefined : "too many connections";
  }

  /** Once it has said who it is. */
  #refuse(connection: Connection): string | undefined {
    const id = connection.peerId;
    if (id === this.#services.peerId) return SELF;
    if (this.#table.isBanned(connection.remote.address)) return "banned";
    for (const other of this.#exchange?.connections ?? []) {
      if (other === connection || other.peerId !== id || !other.isOpen) continue;
      if (!this.#isBetter(connection, other)) return DUPLICATE;
      other.close(DUPLICATE);
    }
    return undefined;
  }

  /** Two peers that dial each other at once must both keep the same connection: that of the smaller peer id. */
  #isBetter(connection: Connection, other: Connection): boolean {
    if (connection.direction === other.direction) return false;
    const oursIsSmaller = this.#services.peerId < (other.peerId ?? "");
    return (connection.direction === "out") === oursIsSmaller;
  }

  #ban(liar: Connection): void {
    this.#log.warn(
      { endpoint: formatEndpoint(liar.remote), asn: liar.asn, event: "banned" },
      `${formatEndpoint(liar.remote)} sent bad data and is banned`,
    );
    this.#table.ban(liar.remote.address);
    for (const connection of this.#exchange?.connections ?? []) {
      if (connection.remote.address === liar.remote.address) connection.abort("sent bad data");
    }
  }

  #hasRoom(): boolean {
    return this.connectionCount < this.#options.maxConnections && this.#services.hasRoom();
  }

  #isOurs(endpoint: Endpoint): boolean {
    const { listening } = this.#services;
    const { local } = this.#options;
    const same = (one: Endpoint): boolean => one.address === endpoint.address && one.port === endpoint.port;
    return same(listening) || (local !== undefined && same(local));
  }

  #left(): number {
    let left = 0;
    const { metainfo } = this;
    const last = metainfo.pieceCount - 1;
    left = (metainfo.pieceCount - this.#have.size) * metainfo.pieceLength;
    if (last >= 0 && !this.#have.has(last)) left -= metainfo.pieceLength - pieceSize(metainfo, last);
    return left;
  }

  #checkedBytes(): number {
    return Math.min(this.metainfo.length, this.#validWhileChecking * this.metainfo.pieceLength);
  }
}

const SELF = "ourselves";
const DUPLICATE = "connected twice";
