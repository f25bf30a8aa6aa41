import { type CtError, LIMITS } from "@cachetorrent/protocol";
import { PeerExchange } from "./discovery/peer-exchange.ts";
import { usableEndpoints } from "./discovery/scope.ts";
import type { Content } from "./disk/content.ts";
import { Exchange } from "./exchange/exchange.ts";
import type { ExchangeWatcher } from "./exchange/exchange-parts.ts";
import { pieceSize } from "./metainfo/metainfo.ts";
import type { Met } from "./neighbours/neighbours.ts";
import type { TorrentRates } from "./rates/torrent-rates.ts";
import { Duties } from "./roles/duties.ts";
import type { Role } from "./roles/role.ts";
import { type Selection, SKIPPED } from "./selection/selection.ts";
import { Wanted } from "./selection/wanted.ts";
import type { TorrentParts } from "./torrent-options.ts";
import type { TorrentSwarm } from "./torrent-swarm.ts";
import { WebSeeds } from "./web-seeds/web-seeds.ts";
import { Connection } from "./wire/connection.ts";
import type { TorrentShape } from "./wire/frame-guard.ts";
import { ourHandshake } from "./wire/our-handshake.ts";
import type { Transport } from "./wire/transport.ts";

export interface ActiveTorrentParts extends TorrentParts {
  /** Open, and checked. */
  readonly content: Content;
  readonly rates: TorrentRates;
  readonly swarm: TorrentSwarm;
  /** Everything wanted is stored. */
  completed(): void;
  failed(error: CtError): void;
}

/** What of a torrent there is from the moment its files are checked: its pieces, traded over its connections, by its duties. */
export class ActiveTorrent {
  readonly wanted: Wanted;
  readonly duties: Duties;
  readonly exchange: Exchange;
  readonly webSeeds: WebSeeds;
  readonly #parts: ActiveTorrentParts;
  readonly #shape: TorrentShape;
  readonly #peerExchange: PeerExchange<Connection> | undefined;
  readonly #isInitialSeed: boolean;
  #allClosed: PromiseWithResolvers<void> | undefined;

  constructor(parts: ActiveTorrentParts) {
    const { content, metainfo, options, swarm } = parts;
    this.#parts = parts;
    this.#shape = { pieceCount: metainfo.pieceCount, pieceSize: (piece) => pieceSize(metainfo, piece) };
    this.#isInitialSeed = content.have.isFull;
    this.wanted = new Wanted(metainfo, content.have, content.selection);
    this.duties = this.#makeDuties();
    this.exchange = this.duties.exchange;
    this.webSeeds = new WebSeeds({
      ...parts,
      ...parts.services,
      log: parts.log,
      named: options.webSeeds ?? [],
      mayFetch: () => !this.isDone && this.duties.fetchesOutside && !this.exchange.downloads.isPaused,
      connect: (stream, met) => this.connect(stream, met),
    });
    // BEP 27: who is in a private swarm is for its tracker alone to tell.
    if (options.exchangesPeers && !metainfo.isPrivate) {
      this.#peerExchange = new PeerExchange(
        () => this.exchange.connections,
        () => (swarm.announcer.policy?.name ?? "bittorrent") !== "bittorrent",
      );
    }
  }

  /** Do members of our own AS come first? There spreads what we fetch; who is complete gives to whoever asks. */
  get prefersInside(): boolean {
    return !this.isDone && this.exchange.role.grants !== undefined;
  }

  /** Is everything there that is wanted? */
  get isDone(): boolean {
    return this.wanted.settled.isFull;
  }

  connect(socket: Transport, met: Met & { readonly isWebSeed?: boolean }): Connection {
    const { content, log, metainfo, services } = this.#parts;
    const { clock, dht, listening, peerId, trace } = services;
    const { info, infoHash, isPrivate } = metainfo;
    // What is larger no client of ours would take.
    const isGiven = info.length <= LIMITS.metadata.bytes;
    const connection = new Connection({
      socket,
      ...met,
      infoHash,
      peerId,
      shape: this.#shape,
      ...(dht && !isPrivate ? { dht } : {}),
      exchangesPeers: this.#peerExchange !== undefined,
      ...(isGiven ? { info } : {}),
      owner: this.exchange,
      clock,
      log,
      trace,
      extendedHandshake: ourHandshake({
        role: this.exchange.role.name,
        longestRequest: this.#parts.services.pump.longestRequest,
        isInitialSeed: this.#isInitialSeed,
        term: this.duties.term,
        metadataBytes: isGiven ? info.length : undefined,
        port: listening.port,
        isPartialSeed: this.isDone && !content.have.isFull,
      }),
    });
    this.exchange.add(connection);
    return connection;
  }

  select(selection: Selection): void {
    this.wanted.select(selection);
    this.duties.selectionChanged();
    this.exchange.selectionChanged();
    this.#parts.swarm.neighbours.reconsider();
  }

  /** Does nothing become due by the mere passing of time, but that somebody is dialled? */
  get isAtRest(): boolean {
    return this.exchange.connections.size === 0 && this.isDone && this.duties.areAtRest;
  }

  /** To be called a few times a second; at rest less often will do. */
  sweep(now: number): void {
    const { neighbours } = this.#parts.swarm;
    if (this.isAtRest) {
      this.exchange.sweepAtRest(now);
      neighbours.dialMore();
      return;
    }
    this.exchange.sweep(now);
    this.duties.sweep(now);
    neighbours.dialMore();
    this.webSeeds.sweep(now);
    this.#peerExchange?.sweep(now);
  }

  /** Resolves when every connection has ended, each within its grace: see `Link.end`. */
  async disconnect(): Promise<void> {
    this.webSeeds.stop();
    if (this.exchange.connections.size > 0) this.#allClosed = Promise.withResolvers();
    this.exchange.stop();
    await this.#allClosed?.promise;
  }

  #onClosed(connection: Connection, reason: string): void {
    if (connection.isWebSeed) this.webSeeds.closed(connection, reason);
    else this.#parts.swarm.neighbours.closed(connection, reason);
    if (this.exchange.connections.size === 0) this.#allClosed?.resolve();
  }

  #makeDuties(): Duties {
    const { content, ledger, log, metainfo, options, services, swarm } = this.#parts;
    const { announcer, neighbours, ours } = swarm;
    const { clock, peerId, random } = services;
    return new Duties(
      {
        peerId,
        clock,
        random,
        log,
        ledger,
        have: content.have,
        settled: this.wanted.settled,
        priorityOf: (piece) => this.wanted.selection.ranks[piece] ?? SKIPPED,
        ours,
        uploadSlots: options.uploadSlots,
        up: options.capacity?.up ?? LIMITS.peer.defaultCapacity,
        pieceLength: metainfo.pieceLength,
        neighbours,
        report: (leader) => announcer.reportStalled(leader),
        refresh: () => announcer.refresh(),
      },
      (role, watcher) => this.#makeExchange(role, watcher),
    );
  }

  #makeExchange(role: Role, watcher: ExchangeWatcher): Exchange {
    const { content, ledger, options, rates, services, swarm } = this.#parts;
    const { neighbours } = swarm;
    const { budget, clock, pump, random } = services;
    return new Exchange({
      shape: this.#shape,
      have: content.have,
      wanted: this.wanted,
      isSequential: options.isSequential ?? false,
      role,
      watcher,
      clock,
      random,
      choker: options.choker,
      uploading: "undecided",
      budget,
      rates,
      pump,
      ledger,
      content,
      refuse: (connection) => (connection.isWebSeed ? undefined : neighbours.refuse(connection)),
      ban: (connection) => (connection.isWebSeed ? this.webSeeds : neighbours).ban(connection),
      toldOfPeers: ({ remote }, endpoints) => neighbours.hearOf(usableEndpoints(endpoints, remote.address)),
      closed: (connection, reason) => this.#onClosed(connection, reason),
      completed: () => this.#parts.completed(),
      failed: (error) => this.#parts.failed(error),
    });
  }
}
