import type { Clock, Random } from "@cachetorrent/clock";
import {
  type Endpoint,
  formatEndpoint,
  type InfoHash,
  LIMITS,
  type PeerId,
  peerIdFromBytes,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Ledger } from "./accounts/ledger.ts";
import type { Trace } from "./accounts/trace.ts";
import type { Dht } from "./discovery/dht.ts";
import { LocalDiscovery } from "./discovery/local-discovery.ts";
import { PieceCache } from "./disk/piece-cache.ts";
import { DEFAULT_ENCRYPTION, type EncryptionMode } from "./encryption/encryption-mode.ts";
import { BufferBudget } from "./exchange/buffer-budget.ts";
import { UploadPump } from "./exchange/upload-pump.ts";
import { MagnetTorrent } from "./metadata/magnet-torrent.ts";
import type { Magnet } from "./metainfo/magnet.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import { Dialer } from "./neighbours/dialer.ts";
import { Listener } from "./neighbours/listener.ts";
import type { LimitChanges, RateLimits } from "./rates/rate-limits.ts";
import type { ScheduleEntry } from "./rates/schedule.ts";
import { SessionRates } from "./rates/session-rates.ts";
import type { SharedLinks } from "./rates/shared-links.ts";
import type { SwarmTorrent } from "./swarm-torrent.ts";
import { Torrent } from "./torrent.ts";
import type { MagnetOptions, SessionServices, TorrentOptions } from "./torrent-options.ts";
import type { Transport } from "./wire/transport.ts";

export interface SessionOptions {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly maxConnections: number;
  /** Of all torrents together; none unless said. */
  readonly limits?: LimitChanges;
  /** Changes them as time goes by. */
  readonly schedule?: readonly ScheduleEntry[];
  /** Unless said, `allow`. */
  readonly encryption?: EncryptionMode;
  /** Are peers of the same network looked for by multicast (BEP 14)? */
  readonly localDiscovery?: boolean;
  /** Nodes to begin with (`HOST:PORT`), where the DHT (BEP 5) is to be used. */
  readonly dht?: { readonly bootstrap: readonly string[] };
  /** For many peers in one process: links that they share, and memory. */
  readonly links?: SharedLinks;
  readonly cache?: PieceCache;
}

/** Of the piece buffers: what was read for uploads takes a third, pieces being downloaded the rest. */
const CACHE_BYTES = LIMITS.peer.pieceBufferBytes / 3;
const BUDGET_BYTES = LIMITS.peer.pieceBufferBytes - CACHE_BYTES;

/** Many torrents on one listener, with one set of limits. */
export class Session {
  readonly #options: SessionOptions;
  readonly #torrents = new Map<InfoHash, SwarmTorrent>();
  readonly #listener: Listener;
  readonly #rates: SessionRates;
  #services: SessionServices | undefined;
  #localDiscovery: LocalDiscovery | undefined;
  #dht: Dht | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#rates = new SessionRates(options.clock, options.log, options.limits, options.schedule);
    this.#listener = new Listener({
      clock: options.clock,
      log: options.log,
      encryption: this.#encryption,
      infoHashes: () => this.#torrents.keys(),
      accept: (transport, remote, infoHash) => this.#accept(transport, remote, infoHash),
    });
  }

  get #encryption(): EncryptionMode {
    return this.#options.encryption ?? DEFAULT_ENCRYPTION;
  }

  get torrents(): Iterable<SwarmTorrent> {
    return this.#torrents.values();
  }

  /** The limits over all torrents as they are now, by the schedule too; bytes/s. */
  get limits(): RateLimits {
    return this.#rates.limits;
  }

  /**
   * Changes limits over all torrents while they run. An entry of the schedule goes before what is set here, in its time; without
   * `schedule` the one that stands goes on. Throws a RangeError for what is no rate.
   */
  setLimits(changes: LimitChanges, schedule?: readonly ScheduleEntry[]): void {
    this.#rates.set(changes, schedule);
  }

  get connectionCount(): number {
    let count = 0;
    for (const torrent of this.#torrents.values()) count += torrent.connectionCount;
    return count;
  }

  /** Starts to listen; resolves with the endpoint that was bound. */
  async listen(endpoint: Endpoint): Promise<Endpoint> {
    const { cache, clock, dht: given, links, maxConnections, ...rest } = this.#options;
    // Loaded only by who takes part: others need not wait for its modules.
    const dht = given && (await import("./discovery/dht.ts"));
    const listening = await this.#listener.listen(endpoint);
    const pump = new UploadPump(clock, links);
    this.#rates.onChange(() => pump.limitsChanged());
    const torrents = () => this.torrents;
    this.#dht = given && dht && new dht.Dht({ ...given, clock, listening, log: rest.log, torrents });
    this.#services = {
      ...rest,
      clock,
      listening,
      dialer: new Dialer(clock, endpoint.address),
      encryption: this.#encryption,
      pump,
      cache: cache ?? new PieceCache(CACHE_BYTES),
      budget: new BufferBudget(BUDGET_BYTES),
      rates: this.#rates,
      ...(this.#dht ? { dht: this.#dht } : {}),
      hasRoom: () => this.connectionCount < maxConnections,
    };
    try {
      await this.#dht?.start();
    } catch (error) {
      await this.stop();
      throw error;
    }
    if (this.#options.localDiscovery) {
      this.#localDiscovery = new LocalDiscovery({ ...rest, clock, listening, torrents });
      await this.#localDiscovery.start();
    }
    return listening;
  }

  /** After `listen`. The torrent is not started yet. */
  add(metainfo: Metainfo, options: TorrentOptions): Torrent {
    const torrent = this.#make(metainfo, options);
    this.#torrents.set(metainfo.infoHash, torrent);
    return torrent;
  }

  /** As `add`, of a torrent whose metadata peers have to give. */
  addMagnet(magnet: Magnet, options: MagnetOptions): SwarmTorrent {
    const make = (metainfo: Metainfo) =>
      this.#make(metainfo, { ...options, files: options.chooseFiles?.(metainfo) ?? new Map() });
    const torrent = new MagnetTorrent(magnet, this.#running, options, make);
    this.#torrents.set(magnet.infoHash, torrent);
    return torrent;
  }

  /** Stops the torrent, if it is here, and knows it no more from here on; resolves when it has stopped. Never rejects. */
  async remove(infoHash: InfoHash): Promise<void> {
    const torrent = this.#torrents.get(infoHash);
    this.#torrents.delete(infoHash);
    await torrent?.stop();
  }

  /** Stops all torrents and the listener. Idempotent; never rejects. */
  async stop(): Promise<void> {
    this.#meetNobody();
    await Promise.all([...this.#torrents.values()].map((torrent) => torrent.stop()));
  }

  /**
   * Ends as a process does that is killed: every socket is cut off, nobody is told, nothing is flushed. For testbeds;
   * resolves when the files are closed.
   */
  async kill(): Promise<void> {
    this.#meetNobody();
    await Promise.all([...this.#torrents.values()].map((torrent) => torrent.kill()));
  }

  /** From here on no peer is met any more. */
  #meetNobody(): void {
    this.#listener.stop();
    this.#rates.stop();
    this.#services?.dialer.stop();
    this.#localDiscovery?.stop();
    this.#dht?.stop();
  }

  get #running(): SessionServices {
    if (!this.#services) throw new Error("a session listens before it has torrents");
    return this.#services;
  }

  #make(metainfo: Metainfo, options: TorrentOptions): Torrent {
    const ledger = this.#options.ledger.torrent(metainfo.infoHash, this.#options.clock.now());
    return new Torrent(metainfo, ledger, this.#running, options);
  }

  #accept(socket: Transport, remote: Endpoint, infoHash: InfoHash): void {
    const torrent = this.#torrents.get(infoHash);
    if (torrent) {
      torrent.accept(socket, remote);
      return;
    }
    const endpoint = formatEndpoint(remote);
    this.#options.log.debug({ endpoint, event: "refused" }, `torrent ${infoHash} is not here`);
    socket.destroy();
  }
}

/** `-CT0100-` and 12 random bytes (BEP 20). */
export function makePeerId(random: Random): PeerId {
  const bytes = new Uint8Array(20);
  bytes.set(Buffer.from("-CT0100-"));
  for (let i = 8; i < 20; i++) bytes[i] = Math.floor(random() * 256);
  return peerIdFromBytes(bytes);
}
