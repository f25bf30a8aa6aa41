import { resolve } from "node:path";
import type { Timer } from "@cachetorrent/clock";
import {
  type CtError,
  type Endpoint,
  type InfoHash,
  type Leaders,
  type PieceSet,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Announcer } from "../announcing/announcer.ts";
import { LonelyAnnounces } from "../announcing/lonely-announces.ts";
import { sessionAnnouncer } from "../announcing/session-announcer.ts";
import type { TrackerDetails } from "../announcing/tracker-details.ts";
import { DiskSpace } from "../disk/disk-space.ts";
import { requireWritable } from "../disk/writable.ts";
import type { Magnet } from "../metainfo/magnet.ts";
import { type Metainfo, parseMetainfo } from "../metainfo/metainfo.ts";
import type { PeerDetails } from "../peer-details.ts";
import { type LimitChanges, NO_LIMITS, type RateLimits, withChanges } from "../rates/rate-limits.ts";
import type { FilePriority } from "../selection/selection.ts";
import type { TorrentState, TorrentStatus } from "../status.ts";
import { NOTHING_SHARED, type Shared, type StopRule } from "../stop-rule.ts";
import type { SwarmTorrent } from "../swarm-torrent.ts";
import type { Torrent } from "../torrent.ts";
import { TorrentLife } from "../torrent-life.ts";
import type { SessionServices, TorrentOptions } from "../torrent-options.ts";
import type { Transport } from "../wire/transport.ts";
import { KeptMetadata, torrentOf } from "./kept-metadata.ts";
import { MetadataFetch } from "./metadata-fetch.ts";

const SWEEP_MS = 250;
/**
 * How much is left to download is not known, and must not be 0, which a seed would say. BEP 9 names no figure; it is
 * what libtorrent says.
 */
const LEFT_UNKNOWN = 16 * 1024;

/**
 * A torrent of which a magnet link tells the info-hash (BEP 9). It fetches the metadata from peers, and is from then on the
 * torrent that `make` makes of it. Until then it announces as a stock client does, without `ct`: who knows no pieces can
 * neither lead nor follow.
 */
export class MagnetTorrent implements SwarmTorrent {
  readonly #magnet: Magnet;
  readonly #services: SessionServices;
  readonly #options: TorrentOptions;
  readonly #make: (metainfo: Metainfo) => Torrent;
  readonly #log: Logger;
  readonly #life: TorrentLife;
  readonly #kept: KeptMetadata;
  readonly #space: DiskSpace;
  /** What is to be written of the metadata. */
  #keptBytes = 0;
  readonly #announcer: Announcer;
  readonly #fetch: MetadataFetch;
  /** Of the torrent that it becomes: metadata is no payload. */
  #limits: RateLimits;
  #stopRule: StopRule;
  #torrent: Torrent | undefined;
  #sweeper: Timer | undefined;
  #starting: Promise<void> | undefined;

  constructor(
    magnet: Magnet,
    services: SessionServices,
    options: TorrentOptions,
    make: (metainfo: Metainfo) => Torrent,
  ) {
    this.#magnet = magnet;
    this.#services = services;
    this.#options = options;
    this.#make = make;
    this.#log = services.log.child({ infoHash: magnet.infoHash });
    this.#life = new TorrentLife("metadata", {
      log: this.#log,
      onError: (error) => options.onError(error),
      stop: () => void this.stop(),
    });
    this.#kept = new KeptMetadata(options.dir, magnet.infoHash, this.#log);
    this.#space = new DiskSpace({
      dir: resolve(options.dir),
      clock: services.clock,
      log: this.#log,
      needed: () => this.#keptBytes,
      changed: () => undefined,
    });
    this.#limits = withChanges(NO_LIMITS, options.limits ?? {});
    this.#stopRule = options.stopRule ?? {};
    this.#fetch = new MetadataFetch({
      ...services,
      infoHash: magnet.infoHash,
      log: this.#log,
      exchangesPeers: options.exchangesPeers ?? false,
      found: (info) => void this.#found(info),
    });
    this.#announcer = this.#makeAnnouncer();
  }

  get connectionCount(): number {
    return this.#torrent?.connectionCount ?? this.#fetch.connectionCount;
  }

  get metainfo(): Metainfo | undefined {
    return this.#torrent?.metainfo;
  }

  get have(): PieceSet | undefined {
    return this.#torrent?.have;
  }

  get leaders(): Leaders | undefined {
    return this.#torrent?.leaders;
  }

  peers(): PeerDetails[] {
    return this.#torrent?.peers() ?? [];
  }

  trackers(): TrackerDetails[] {
    return this.#torrent?.trackers() ?? this.#announcer.trackers;
  }

  get limits(): RateLimits {
    return this.#torrent?.limits ?? this.#limits;
  }

  setLimits(changes: LimitChanges): void {
    this.#limits = withChanges(this.limits, changes);
    this.#torrent?.setLimits(changes);
  }

  get files(): readonly FilePriority[] {
    return this.#torrent?.files ?? [];
  }

  async setFiles(priorities: ReadonlyMap<number, FilePriority>): Promise<void> {
    if (!this.#torrent) throw new RangeError("no file is known before the metadata");
    await this.#torrent.setFiles(priorities);
  }

  get shared(): Shared {
    return this.#torrent?.shared ?? this.#options.shared ?? NOTHING_SHARED;
  }

  setStopRule(rule: StopRule): void {
    this.#stopRule = rule;
    this.#torrent?.setStopRule(rule);
  }

  /** Does it want the metadata, and has neither a peer nor anybody to ask for one? */
  get #hasNobody(): boolean {
    const knowsAnyone =
      this.#magnet.trackers.length > 0 || this.#services.dht || this.#fetch.connectionCount > 0;
    return !knowsAnyone && this.#keptBytes === 0;
  }

  get infoHash(): InfoHash {
    return this.#magnet.infoHash;
  }

  get isDiscoverable(): boolean {
    return this.#torrent?.isDiscoverable ?? (this.#life.state === "metadata" && !this.#life.isEnding);
  }

  hearOf(endpoints: readonly Endpoint[]): void {
    if (this.#torrent) this.#torrent.hearOf(endpoints);
    else this.#fetch.hearOf(endpoints);
  }

  start(): Promise<void> {
    this.#starting ??= this.#start();
    return this.#starting;
  }

  stop(): Promise<void> {
    return this.#life.stop(() => this.#leave(() => this.#announcer.stop()));
  }

  kill(): Promise<void> {
    this.#announcer.kill();
    return this.#life.stop(() => this.#leave(() => this.#torrent?.kill()));
  }

  accept(socket: Transport, remote: Endpoint): void {
    if (this.#torrent) this.#torrent.accept(socket, remote);
    else this.#fetch.accept(socket, remote);
  }

  get state(): TorrentState {
    if (this.#torrent) return this.#torrent.state;
    return this.#space.lack !== undefined && !this.#life.isOver ? "paused" : this.#life.state;
  }

  status(): TorrentStatus {
    if (this.#torrent) return this.#torrent.status();
    const { infoHash, name } = this.#magnet;
    const { state } = this;
    const { lack } = this.#space;
    const tracker = this.#announcer.trouble ?? (this.#hasNobody ? "none" : undefined);
    return {
      infoHash,
      name: name ?? infoHash,
      state,
      length: 0,
      verifiedBytes: 0,
      checkedFraction: 0,
      metadata: this.#fetch.progress,
      rateIn: 0,
      rateOut: 0,
      internalBytes: 0,
      externalBytes: 0,
      sentBytes: 0,
      peers: this.#fetch.connectionCount,
      role: "pending",
      asn: UNKNOWN_ASN,
      leads: false,
      ...(tracker && !this.#life.isOver ? { tracker } : {}),
      ...(state === "paused" && lack !== undefined ? { paused: lack } : {}),
      ...(this.#life.error ? { error: this.#life.error.message } : {}),
    };
  }

  async #start(): Promise<void> {
    const { peers, unusable } = this.#magnet;
    try {
      const kept = await this.#kept.loadWhole();
      if (kept) return await this.#become(kept.info);
      await requireWritable(this.#options.dir);
    } catch (error) {
      return this.#life.fail(error as CtError);
    }
    if (this.#life.isEnding) return;
    for (const text of unusable) {
      this.#log.warn(
        { event: "metadata" },
        `the link's peer ${JSON.stringify(text)} is no address and port: left out`,
      );
    }
    if (this.#hasNobody && peers.length === 0) {
      this.#log.warn(
        { event: "metadata" },
        "the link names no tracker, and the DHT is off: --dht finds peers, --local-discovery those of this network; or name some in the link, as x.pe=ADDRESS:PORT",
      );
    }
    this.#fetch.learn(peers);
    this.#announcer.start();
    const { clock } = this.#services;
    const lonely = new LonelyAnnounces(this.#announcer, clock.now());
    this.#sweeper = clock.every(SWEEP_MS, () => {
      this.#fetch.sweep();
      lonely.sweep(this.#fetch.connectionCount === 0, clock.now());
    });
  }

  async #leave(end: () => Promise<void> | undefined): Promise<void> {
    this.#endFetching();
    this.#space.stop();
    await Promise.all([end(), this.#starting]);
    await this.#torrent?.stop();
  }

  #endFetching(): void {
    this.#sweeper?.cancel();
    this.#fetch.stop();
  }

  async #found(info: Uint8Array): Promise<void> {
    this.#endFetching();
    try {
      const torrent = torrentOf(this.#magnet, info);
      this.#keptBytes = torrent.length;
      await this.#space.whenThereIsRoom(torrent.length, () => this.#kept.save(torrent));
      if (!this.#life.isEnding) await this.#become(info);
    } catch (error) {
      this.#life.fail(error as CtError);
    }
  }

  /** The tracker is not told that anybody left: the torrent goes on under the same peer id. */
  async #become(info: Uint8Array): Promise<void> {
    const { infoHash, name } = this.#magnet;
    const metainfo = await parseMetainfo(torrentOf(this.#magnet, info), name ?? infoHash);
    if (this.#life.isEnding) return;
    this.#announcer.kill();
    const torrent = this.#make(metainfo);
    torrent.setLimits(this.#limits);
    torrent.setStopRule(this.#stopRule);
    this.#torrent = torrent;
    // Whom it dials it is ready for only then.
    await torrent.start();
    // Of a private torrent only the tracker tells peers (BEP 27), and it is asked anew.
    if (torrent.isDiscoverable) torrent.hearOf([...this.#magnet.peers, ...this.#fetch.known]);
  }

  #makeAnnouncer(): Announcer {
    const { infoHash, trackers } = this.#magnet;
    return sessionAnnouncer(this.#services, {
      tiers: trackers.map((tracker) => [tracker]),
      infoHash,
      log: this.#log,
      progress: () => ({
        uploaded: 0,
        downloaded: 0,
        left: LEFT_UNKNOWN,
        externalBytes: 0,
        internalBytes: 0,
      }),
      numwant: () => this.#options.numwant,
      isMember: false,
      onAnswer: ({ peers }) => this.#fetch.learn(peers.map(({ endpoint }) => endpoint)),
      onCt: () => undefined,
    });
  }
}
