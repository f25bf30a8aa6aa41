import type { Clock, Random } from "@cachetorrent/clock";
import {
  type Endpoint,
  formatEndpoint,
  hostOf,
  LIMITS,
  type PeerId,
  sameEndpoint,
} from "@cachetorrent/protocol";
import { Approach, type ApproachParts } from "../neighbours/approach.ts";
import { PeerTable } from "../neighbours/peer-table.ts";
import type { MetadataAnswer } from "../wire/metadata-message.ts";
import type { Transport } from "../wire/transport.ts";
import { MetadataDownload } from "./metadata-download.ts";
import { MetadataPeer, OURSELVES } from "./metadata-peer.ts";

export interface MetadataFetchParts extends ApproachParts {
  readonly peerId: PeerId;
  readonly listening: Endpoint;
  readonly clock: Clock;
  readonly random: Random;
  /** Are peers exchanged with other peers (BEP 11)? */
  readonly exchangesPeers: boolean;
  /** Is there room for one more connection in the process? */
  hasRoom(): boolean;
  /** Called once, with the info dictionary: its SHA-1 is the info-hash. */
  found(info: Uint8Array): void;
}

const { connections, downloadsAtOnce, silenceMs } = LIMITS.metadata;
/** Some are left to those who dial us. */
const DIALLED_MOST = (connections * 3) / 4;
/** While others wait, whoever is slower than this is left for one of them, bytes/s: so slow a liar holds us up for long. */
const SLOW = 16 * 1024;

/** Gets the metadata of one torrent from its peers, from a few at a time, and from each as a whole. */
export class MetadataFetch {
  readonly #parts: MetadataFetchParts;
  readonly #table: PeerTable;
  readonly #approach: Approach;
  readonly #peers = new Set<MetadataPeer>();
  #dialling = 0;
  #isOver = false;

  constructor(parts: MetadataFetchParts) {
    this.#parts = parts;
    this.#approach = new Approach(parts);
    this.#table = new PeerTable(parts.random, (endpoint) => sameEndpoint(endpoint, parts.listening));
  }

  /** Open connections, and those being opened. */
  get connectionCount(): number {
    return this.#peers.size + this.#dialling;
  }

  /** Whoever was told of, but for those that sent bad metadata. */
  get known(): Endpoint[] {
    return this.#table.endpoints;
  }

  /** Of the download that has come furthest, in bytes; of 0 while there is none. */
  get progress(): { readonly received: number; readonly size: number } {
    const downloads = [...this.#peers].flatMap(({ download }) => download ?? []);
    const [best] = downloads.sort((a, b) => b.receivedBytes - a.receivedBytes);
    return { received: best?.receivedBytes ?? 0, size: best?.size ?? 0 };
  }

  learn(endpoints: readonly Endpoint[]): void {
    this.#table.learn(endpoints.filter(({ address }) => this.#parts.dialer.reaches(address)));
    this.#dialMore();
  }

  /** As `learn`, of those that no tracker told of. */
  hearOf(endpoints: readonly Endpoint[]): void {
    this.#table.hearOf(endpoints.filter(({ address }) => this.#parts.dialer.reaches(address)));
    this.#dialMore();
  }

  accept(socket: Transport, remote: Endpoint): void {
    const isFull = this.connectionCount >= connections || !this.#parts.hasRoom();
    if (this.#isOver || isFull || this.#table.isBanned(remote.address)) socket.destroy();
    else this.#add(socket, "in", remote);
  }

  /** Called a few times a second. */
  sweep(): void {
    const now = this.#parts.clock.now();
    for (const peer of [...this.#peers]) {
      const { download } = peer;
      if (download && now - download.lastAt > silenceMs) peer.abort("does not send its metadata");
      else if (download && this.#isTooSlow(download, now))
        peer.abort("sends its metadata slower than others may");
      else if (peer.offeredBytes === undefined && now - peer.openedAt > LIMITS.peer.handshakeTimeoutMs) {
        peer.abort("does not tell of metadata");
      } else peer.keepAlive(now);
    }
    this.#dialMore();
  }

  /** Closes all connections. Idempotent. */
  stop(): void {
    this.#isOver = true;
    this.#approach.stop();
    for (const peer of [...this.#peers]) peer.abort("stopping");
  }

  #isTooSlow({ receivedBytes, startedAt }: MetadataDownload, now: number): boolean {
    const ranMs = now - startedAt;
    return ranMs > silenceMs && (receivedBytes / ranMs) * 1000 < SLOW && this.#waiting().length > 0;
  }

  #dialMore(): void {
    const { clock, dialer, hasRoom } = this.#parts;
    while (!this.#isOver && this.connectionCount < DIALLED_MOST && dialer.hasRoom && hasRoom()) {
      const isHere = (one: Endpoint) => [...this.#peers].some(({ remote }) => sameEndpoint(remote, one));
      const endpoint = this.#table.next(clock.now(), isHere);
      if (!endpoint) return;
      void this.#dial(endpoint);
    }
  }

  async #dial(endpoint: Endpoint): Promise<void> {
    this.#dialling++;
    const socket = await this.#approach.dial(endpoint);
    this.#dialling--;
    if (socket && !this.#isOver) this.#add(socket, "out", endpoint);
    else {
      socket?.destroy();
      this.#table.ended(endpoint, false, this.#parts.clock.now());
    }
  }

  #add(socket: Transport, direction: "in" | "out", remote: Endpoint): void {
    const { clock, exchangesPeers, infoHash, listening, log, peerId } = this.#parts;
    const peer = new MetadataPeer({
      socket,
      direction,
      remote,
      infoHash,
      peerId,
      port: listening.port,
      clock,
      log,
      introduced: (one) => this.#introduced(one),
      answered: (one, answer) => this.#answered(one, answer),
      // Whether the torrent is private is not known yet; the torrent that this becomes knows none of these.
      toldOfPeers: exchangesPeers ? (endpoints) => this.hearOf(endpoints) : undefined,
      closed: (one, reason) => this.#closed(one, reason),
    });
    this.#peers.add(peer);
  }

  #introduced(peer: MetadataPeer): void {
    const { offeredBytes: size } = peer;
    // It may be fetching too, and have it when it is dialled again.
    if (size === undefined) peer.abort("has no metadata to give");
    else if (size > LIMITS.metadata.bytes) {
      const endpoint = formatEndpoint(peer.remote);
      this.#parts.log.warn(
        { endpoint, event: "metadata" },
        `${endpoint} says that the metadata has ${size} bytes; at most ${LIMITS.metadata.bytes} are taken`,
      );
      peer.abort("its metadata is too large");
    } else this.#startMore();
  }

  /** Those that have it, and are not asked now: of a host one at a time. */
  #waiting(): MetadataPeer[] {
    const open = [...this.#peers].filter((peer) => peer.isOpen && peer.offeredBytes !== undefined);
    const busy = new Set(open.filter(({ download }) => download).map(({ remote }) => hostOf(remote.address)));
    return open.filter(({ remote }) => !busy.has(hostOf(remote.address)));
  }

  #startMore(): void {
    for (;;) {
      const running = [...this.#peers].filter(({ download }) => download).length;
      const [peer] = this.#waiting();
      if (this.#isOver || running >= downloadsAtOnce || peer?.offeredBytes === undefined) return;
      peer.download = new MetadataDownload(this.#parts.infoHash, peer.offeredBytes, this.#parts.clock.now());
      peer.ask();
    }
  }

  #answered(peer: MetadataPeer, answer: MetadataAnswer): void {
    const { download } = peer;
    if (!download || this.#isOver) return;
    if (answer.m === "reject") peer.abort("rejects requests for its metadata");
    else if (!download.take(answer, this.#parts.clock.now()))
      peer.abort("sends metadata that nobody asked for");
    else if (!download.isWhole) peer.ask();
    else this.#check(peer, download);
  }

  #check(peer: MetadataPeer, download: MetadataDownload): void {
    const endpoint = formatEndpoint(peer.remote);
    const info = download.verified();
    if (!info) {
      this.#parts.log.warn(
        { endpoint, event: "banned" },
        `${endpoint} sent metadata of another torrent and is banned`,
      );
      this.#table.ban(peer.remote.address);
      peer.abort("sent bad metadata");
      return;
    }
    this.#parts.log.info(
      { endpoint, event: "metadata" },
      `metadata of ${info.length} bytes came from ${endpoint}`,
    );
    this.stop();
    this.#parts.found(info);
  }

  #closed(peer: MetadataPeer, reason: string): void {
    const now = this.#parts.clock.now();
    this.#peers.delete(peer);
    this.#parts.log.debug({ endpoint: formatEndpoint(peer.remote), event: "disconnected" }, reason);
    if (peer.direction === "out") {
      if (peer.isRebuff) this.#approach.rebuffed(peer.remote);
      if (reason === OURSELVES) this.#table.rest(peer.remote, now);
      else this.#table.ended(peer.remote, false, now);
    }
    if (!this.#isOver) this.#startMore();
  }
}
