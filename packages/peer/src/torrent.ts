import {
  type CtError,
  type Endpoint,
  type InfoHash,
  type Leaders,
  LIMITS,
  type PieceSet,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { TorrentLedger } from "./accounts/ledger.ts";
import { ActiveTorrent } from "./active-torrent.ts";
import type { TrackerDetails } from "./announcing/tracker-details.ts";
import { Content } from "./disk/content.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import { type PeerDetails, peerDetails } from "./peer-details.ts";
import type { LimitChanges, RateLimits } from "./rates/rate-limits.ts";
import { TorrentRates } from "./rates/torrent-rates.ts";
import { type FilePriority, Selection } from "./selection/selection.ts";
import type { TorrentState, TorrentStatus } from "./status.ts";
import { type Shared, Sharing, type StopRule } from "./stop-rule.ts";
import type { SwarmTorrent } from "./swarm-torrent.ts";
import { Sweeper } from "./sweeper.ts";
import { TorrentLife } from "./torrent-life.ts";
import type { SessionServices, TorrentOptions } from "./torrent-options.ts";
import { torrentState, torrentStatus } from "./torrent-status.ts";
import { TorrentSwarm } from "./torrent-swarm.ts";
import type { Transport } from "./wire/transport.ts";

/**
 * One torrent's life: checked on disk, announced, exchanged, stopped. `Content` has its files, `TorrentSwarm` its trackers
 * and neighbours, `ActiveTorrent` trades the pieces; here they meet.
 */
export class Torrent implements SwarmTorrent {
  readonly metainfo: Metainfo;
  readonly #services: SessionServices;
  readonly #options: TorrentOptions;
  readonly #ledger: TorrentLedger;
  readonly #log: Logger;
  readonly #life: TorrentLife;
  readonly #content: Content;
  readonly #swarm: TorrentSwarm;
  readonly #rates: TorrentRates;
  /** Once it is known what is on disk. */
  #active: ActiveTorrent | undefined;
  #selecting: Promise<void> = Promise.resolve();
  /** Chosen after it had left, when its files stay as they are: for the one that comes after it. */
  #chosenSince: Selection | undefined;
  readonly #sharing: Sharing;
  readonly #sweeper: Sweeper;
  #starting: Promise<void> | undefined;
  /** Never rejects. */
  #flushed = Promise.resolve();
  /** Has the flush begin that waits for its time. */
  #flushNow: () => void = () => undefined;

  constructor(metainfo: Metainfo, ledger: TorrentLedger, services: SessionServices, options: TorrentOptions) {
    this.metainfo = metainfo;
    this.#services = services;
    this.#options = options;
    this.#ledger = ledger;
    this.#log = services.log.child({ infoHash: metainfo.infoHash });
    this.#life = new TorrentLife("checking", {
      log: this.#log,
      onError: (error) => options.onError(error),
      stop: () => void this.stop(),
    });
    this.#sharing = new Sharing(() => ledger.sentBytes, options.stopRule, options.shared);
    this.#content = new Content({
      metainfo,
      dir: options.dir,
      selection: new Selection(metainfo, options.files),
      cache: services.cache,
      clock: services.clock,
      log: this.#log,
      stateDir: options.stateDir,
      holdsIfGone: options.holdsIfGone,
      elsewhere: options.openStorage,
      roomChanged: () => this.#active?.exchange.downloads.pause(this.#content.lack !== undefined),
    });
    this.#rates = new TorrentRates(services.rates, services.clock, options.limits);
    this.#swarm = new TorrentSwarm({
      metainfo,
      services,
      options,
      ledger,
      log: this.#log,
      content: this.#content,
      active: () => this.#active,
      changed: () => this.#sweeper.wake(),
    });
    this.#sweeper = new Sweeper(
      services.clock,
      () => this.#sweep(),
      () => this.#active?.isAtRest === true,
    );
  }

  /** Open connections, and those being opened. */
  get connectionCount(): number {
    return this.#swarm.neighbours.count;
  }

  get have(): PieceSet | undefined {
    return this.#active && this.#content.have;
  }

  get leaders(): Leaders | undefined {
    return this.#swarm.announcer.leaders;
  }

  peers(): PeerDetails[] {
    const connections = this.#active?.exchange.connections ?? [];
    return peerDetails(connections, this.#ledger.asn, this.#services.clock.now());
  }

  trackers(): TrackerDetails[] {
    return this.#swarm.announcer.trackers;
  }

  get limits(): RateLimits {
    return this.#rates.limits;
  }

  setLimits(changes: LimitChanges): void {
    this.#rates.set(changes);
  }

  get files(): readonly FilePriority[] {
    return this.#selection.files;
  }

  setFiles(priorities: ReadonlyMap<number, FilePriority>): Promise<void> {
    const selected = this.#selecting.then(() => this.#select(priorities));
    this.#selecting = selected.catch((error: unknown) => {
      this.#log.warn({ err: error, event: "selection" }, "the selection of files has not changed");
    });
    return selected;
  }

  get shared(): Shared {
    return this.#sharing.shared(this.#services.clock.now());
  }

  setStopRule(rule: StopRule): void {
    this.#sharing.rule = rule;
  }

  /** Checks what is on disk, then joins the swarm. What fails is told by `onError`; never rejects. */
  start(): Promise<void> {
    this.#starting ??= this.#content.open().then(
      () => this.#join(),
      (error: unknown) => this.#life.fail(error as CtError),
    );
    return this.#starting;
  }

  /** Leaves the swarm, flushes the files. Idempotent; never rejects. */
  stop(): Promise<void> {
    return this.#life.stop(() => this.#leave());
  }

  /** Ends without a word to anybody, as if the process were killed; only the files are closed. Never rejects. */
  kill(): Promise<void> {
    this.#active?.exchange.kill();
    this.#swarm.announcer.kill();
    this.#content.abandon();
    return this.stop();
  }

  /** A connection that came in for this torrent. */
  accept(socket: Transport, remote: Endpoint): void {
    if (this.#active) void this.#swarm.neighbours.accept(socket, remote);
    else socket.destroy();
  }

  get infoHash(): InfoHash {
    return this.metainfo.infoHash;
  }

  get isDiscoverable(): boolean {
    const { state } = this.#life;
    return (state === "downloading" || state === "seeding") && !this.metainfo.isPrivate;
  }

  hearOf(endpoints: readonly Endpoint[]): void {
    this.#swarm.neighbours.hearOf(endpoints);
  }

  get state(): TorrentState {
    return torrentState({ content: this.#content, life: this.#life });
  }

  status(): TorrentStatus {
    const parts = {
      metainfo: this.metainfo,
      life: this.#life,
      content: this.#content,
      ledger: this.#ledger,
      announcer: this.#swarm.announcer,
      peerId: this.#services.peerId,
      active: this.#active,
    };
    return torrentStatus(parts, this.#services.clock.now());
  }

  #join(): void {
    if (this.#life.isEnding) return;
    const { clock } = this.#services;
    const { have } = this.#content;
    this.#log.info(
      { event: "checked", pieces: have.size, of: have.pieceCount },
      `${this.metainfo.name}: ${have.size} of ${have.pieceCount} pieces are on disk`,
    );
    const active = this.#activate();
    this.#active = active;
    const isDone = this.#isDone;
    active.exchange.downloads.pause(this.#content.lack !== undefined);
    this.#life.state = isDone ? "seeding" : "downloading";
    if (isDone) this.#sharing.began(clock.now());
    else this.#sharing.ended();
    // What earlier runs have shared may be enough: then nobody need hear of it.
    if (!this.#stopIfShared(active.wanted.length, clock.now())) this.#meetOthers(active);
    this.#awaitPlaces(active.isDone);
    if (!isDone) return;
    if (have.isFull) this.#ledger.completed(clock.now());
    this.#options.onComplete(false);
    this.#options.onFlushed?.(false);
  }

  #meetOthers(active: ActiveTorrent): void {
    this.#swarm.enter(active);
    this.#sweeper.start();
  }

  async #leave(): Promise<void> {
    this.#sharing.left(this.#services.clock.now());
    this.#sweeper.stop();
    this.#active?.duties.leave();
    this.#swarm.neighbours.stop();
    const closed = this.#active?.disconnect();
    this.#content.abortCheck();
    this.#content.giveUpWaiting();
    this.#flushNow();
    await Promise.all([this.#swarm.announcer.stop(), closed, this.#starting]);
    await this.#flushed;
    // Last: pieces that came in until now are still written.
    await this.#content.close();
  }

  async #completed(): Promise<void> {
    try {
      await this.#content.makeWhole();
    } catch (error) {
      this.#life.fail(error as CtError);
      return;
    }
    const isTold = this.#tellComplete();
    this.#flushed = this.#flushed.then(() => this.#flush(isTold));
  }

  /** Who is complete has the most to give: what the disk needs for what came last waits, unless somebody waits for that. */
  async #restBeforeFlush(): Promise<void> {
    if (this.#life.isEnding || this.#options.flushesAtOnce) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = this.#services.clock.after(LIMITS.peer.flushRestMs, resolve);
    this.#flushNow = () => {
      timer.cancel();
      resolve();
    };
    await promise;
  }

  async #flush(isTold: boolean): Promise<void> {
    await this.#restBeforeFlush();
    // More may be wanted by now: all is flushed when that is there, too.
    if (!this.#isDone) return;
    try {
      await this.#content.finish();
    } catch (error) {
      // Of one that is leaving nothing else tells it.
      if (this.#life.isEnding) this.#log.error({ err: error, event: "storage" }, (error as CtError).message);
      this.#life.fail(error as CtError);
      return;
    }
    if (isTold) this.#options.onFlushed?.(true);
  }

  /** False where there is nothing to tell. */
  #tellComplete(): boolean {
    const now = this.#services.clock.now();
    const isWhole = this.#content.have.isFull;
    if (isWhole) this.#ledger.completed(now);
    // Meanwhile more may be wanted, or it was told already.
    if (this.#life.isEnding || !this.#isDone || this.#life.state === "seeding") return false;
    this.#life.state = "seeding";
    this.#sharing.began(now);
    // BEP 21: a partial seed has not completed the download.
    if (isWhole) this.#swarm.announcer.completed();
    const what = isWhole
      ? `${this.metainfo.name} is complete`
      : `all that is wanted of ${this.metainfo.name} is there`;
    this.#log.info({ event: "complete", asn: this.#swarm.announcer.asn }, what);
    this.#options.onComplete(true);
    return true;
  }

  async #select(priorities: ReadonlyMap<number, FilePriority>): Promise<void> {
    const selection = this.#selection.with(priorities);
    await this.#starting;
    if (this.#life.isEnding) {
      this.#chosenSince = selection;
      return;
    }
    try {
      await this.#content.select(selection);
    } catch (error) {
      if ((error as CtError).code !== "CT_ERR_FILE_IN_THE_WAY") this.#life.fail(error as CtError);
      throw error;
    }
    if (!this.#active || this.#life.isEnding) return;
    const wasDone = this.#active.isDone;
    this.#active.select(selection);
    this.#sweeper.wake();
    if (!this.#isDone) {
      this.#life.state = "downloading";
      this.#sharing.ended();
    }
    // Where pieces were missing the exchange tells that none is any more.
    this.#awaitPlaces(wasDone && this.#active.isDone);
    this.#swarm.standOrNot();
  }

  get #selection(): Selection {
    return this.#chosenSince ?? this.#content.selection;
  }

  /** Is everything that is wanted there, and in its place? */
  get #isDone(): boolean {
    return this.#active?.isDone === true && this.#content.isPlaced;
  }

  /** What is wanted and stands elsewhere may find room later, or another fault. `isAllThere`: then it is complete. */
  #awaitPlaces(isAllThere: boolean): void {
    if (this.#content.isPlaced) return;
    if (isAllThere) void this.#completed();
    else this.#content.placed().catch((error: unknown) => this.#life.fail(error as CtError));
  }

  /** Ends sharing if there has been enough of it; has there been? */
  #stopIfShared(wantedBytes: number, now: number): boolean {
    if (this.#life.isEnding || this.#life.state !== "seeding") return false;
    const reason = this.#sharing.reasonToStop(wantedBytes, now);
    if (reason === undefined) return false;
    this.#log.info(
      { event: "shared", asn: this.#swarm.announcer.asn },
      `${this.metainfo.name} stops: ${reason}`,
    );
    void this.stop().then(() => this.#options.onShared?.(reason));
    return true;
  }

  #sweep(): void {
    const active = this.#active;
    if (!active) return;
    const now = this.#services.clock.now();
    active.sweep(now);
    this.#swarm.sweep(active.isDone, now);
    this.#stopIfShared(active.wanted.length, now);
  }

  #activate(): ActiveTorrent {
    return new ActiveTorrent({
      metainfo: this.metainfo,
      services: this.#services,
      options: this.#options,
      ledger: this.#ledger,
      log: this.#log,
      content: this.#content,
      rates: this.#rates,
      swarm: this.#swarm,
      completed: () => void this.#completed(),
      failed: (error) => this.#life.fail(error),
    });
  }
}
