import { rm } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import type { CtError, InfoHash } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { realFolder, realPathOf } from "./disk/real-path.ts";
import { removeContent } from "./disk/remove-content.ts";
import { resumePath } from "./disk/resume-file.ts";
import { KeptMetadata } from "./metadata/kept-metadata.ts";
import type { Magnet } from "./metainfo/magnet.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import { type LimitChanges, NO_LIMITS, type RateLimits, withChanges } from "./rates/rate-limits.ts";
import { type FilePriority, Selection } from "./selection/selection.ts";
import type { Session } from "./session.ts";
import type { TorrentState, TorrentStatus } from "./status.ts";
import { metPart, NOTHING_SHARED, type Shared, type StopRule } from "./stop-rule.ts";
import type { SwarmTorrent } from "./swarm-torrent.ts";
import type { TorrentOptions } from "./torrent-options.ts";
import type { TorrentWishes } from "./torrent-wishes.ts";

export interface PeerTorrentParts {
  readonly session: Session;
  readonly options: Omit<TorrentOptions, "onComplete" | "onError" | "onFlushed" | "onShared">;
  readonly log: Logger;
  onComplete(downloaded: boolean): void;
  onFlushed(downloaded: boolean): void;
  onShared(reason: string): void;
  onError(error: CtError): void;
}

/** Why a torrent is paused that somebody paused. */
const BY_REQUEST = "by request";

/**
 * A torrent of a peer that runs, for as long as the peer has it: paused and gone on with, it is one `SwarmTorrent` of the
 * session after the other. One that is paused has left its swarm.
 */
export class PeerTorrent {
  readonly source: Metainfo | Magnet;
  readonly #parts: PeerTorrentParts;
  readonly #wishes: TorrentWishes;
  /** The one in the session, or the last that was. */
  #torrent: SwarmTorrent;
  #files: ReadonlyMap<number, FilePriority> | undefined;
  #usualLimits: RateLimits;
  #ownLimits: LimitChanges;
  #stopRule: StopRule;
  /** Before the present `#torrent`. */
  #shared: Shared;
  /** It was stopped by its rule. */
  #wasEnough = false;
  /** Of a magnet link, what an earlier run had kept: while it is paused, nobody else reads it. */
  #keptMetainfo: Metainfo | undefined;
  #isPaused: boolean;
  #hasEnded = false;
  /** Pausing and going on take their time, and are done one after the other. */
  #changing: Promise<void> = Promise.resolve();

  constructor(source: Metainfo | Magnet, wishes: TorrentWishes, parts: PeerTorrentParts) {
    this.source = source;
    this.#parts = parts;
    this.#wishes = wishes;
    this.#files = wishes.files;
    this.#usualLimits = withChanges(NO_LIMITS, parts.options.limits ?? {});
    this.#ownLimits = wishes.limits ?? {};
    this.#stopRule = wishes.stopRule ?? parts.options.stopRule ?? {};
    this.#shared = wishes.shared ?? NOTHING_SHARED;
    this.#isPaused = wishes.isPaused ?? false;
    this.#torrent = this.#make(wishes.isRestored ?? false);
    if (this.#isPaused) void this.#change(() => this.#beginPaused());
  }

  get infoHash(): InfoHash {
    return this.source.infoHash;
  }

  /** Absolute. */
  get dir(): string {
    return resolve(this.#wishes.dir ?? this.#parts.options.dir);
  }

  get isSequential(): boolean {
    return this.#wishes.isSequential ?? this.#parts.options.isSequential ?? false;
  }

  /** Did somebody pause it? */
  get isPaused(): boolean {
    return this.#isPaused;
  }

  get stopRule(): StopRule {
    return this.#stopRule;
  }

  /** How much it has been shared, in earlier runs too, as far as they were told of. */
  get shared(): Shared {
    return this.#torrent.shared;
  }

  /** The torrent in its swarm, or, while it is paused, as it left it. */
  get inSwarm(): SwarmTorrent {
    return this.#torrent;
  }

  /** Undefined until the metadata of a magnet link has come. */
  get metainfo(): Metainfo | undefined {
    return "pieceCount" in this.source ? this.source : (this.#torrent.metainfo ?? this.#keptMetainfo);
  }

  /** Bytes/s, of this torrent alone. */
  get limits(): RateLimits {
    return { ...this.#usualLimits, ...this.#ownLimits };
  }

  /** Those limits that were set for this torrent, and not for all. */
  get ownLimits(): LimitChanges {
    return this.#ownLimits;
  }

  /** Throws a RangeError for what is no rate. */
  setLimits(changes: LimitChanges): void {
    const limits = withChanges(this.limits, changes);
    this.#ownLimits = { ...this.#ownLimits, ...changes };
    this.#torrent.setLimits(limits);
  }

  /** What the configuration says of every torrent has changed; what was set for this one stays. */
  setUsualLimits(limits: RateLimits): void {
    this.#usualLimits = limits;
    this.#torrent.setLimits(this.limits);
  }

  setStopRule(rule: StopRule): void {
    this.#stopRule = rule;
    this.#torrent.setStopRule(rule);
  }

  /** Those that are not `normal`, by index in the metainfo's files; undefined as long as nothing is known of them. */
  get files(): ReadonlyMap<number, FilePriority> | undefined {
    const { files } = this.#torrent;
    if (this.#isPaused || files.length === 0) return this.#files;
    return new Map([...files.entries()].filter(([, priority]) => priority !== "normal"));
  }

  /** As `SwarmTorrent.setFiles`, also while it is paused. */
  async setFiles(priorities: ReadonlyMap<number, FilePriority>): Promise<void> {
    const { metainfo } = this;
    if (!metainfo) throw new RangeError("no file is known before the metadata");
    // Throws for what is no file or priority.
    new Selection(metainfo, this.files).with(priorities);
    if (!this.#isPaused) await this.#torrent.setFiles(priorities);
    // Also where it was paused meanwhile, with the choice as it had been.
    if (this.#isPaused) {
      this.#files = new Map(new Selection(metainfo, this.#files).with(priorities).files.entries());
    }
  }

  /** That of `status`, which is more to make. */
  get state(): TorrentState {
    const { state } = this.#torrent;
    return this.#isPaused && state !== "failed" ? "paused" : state;
  }

  status(): TorrentStatus {
    const status = this.#torrent.status();
    if (!this.#isPaused || status.state === "failed") return status;
    const { etaMs: _, metadata, ...rest } = status;
    const { metainfo } = this;
    const verifiedBytes = this.#torrent.have ? rest.verifiedBytes : (this.#wishes.verifiedBytes ?? 0);
    return {
      ...rest,
      ...(metainfo ? { name: metainfo.name, length: metainfo.length } : {}),
      ...(metadata && !metainfo ? { metadata } : {}),
      verifiedBytes,
      state: "paused",
      paused: BY_REQUEST,
      rateIn: 0,
      rateOut: 0,
      peers: 0,
    };
  }

  /** Checks what is on disk and joins the swarm, unless it is paused. */
  start(): void {
    if (!this.#isPaused) void this.#torrent.start();
  }

  /** Leaves the swarm; resolves when it has. Never rejects. */
  pause(): Promise<void> {
    return this.#change(async () => {
      this.#files = this.files;
      this.#isPaused = true;
      await this.#parts.session.remove(this.infoHash);
    });
  }

  /**
   * Goes on if it is paused, was stopped by its rule, or failed. Resolves when it has begun to. What was enough by its rule, and still is,
   * counts no more: it would stop at once.
   */
  resume(): Promise<void> {
    return this.#change(async () => {
      const { state } = this.#torrent;
      if (this.#hasEnded || (!this.#isPaused && state !== "failed" && state !== "stopped")) return;
      await this.#parts.session.remove(this.infoHash);
      this.#files = this.files;
      this.#isPaused = false;
      this.#shared = this.#isEnough ? NOTHING_SHARED : this.shared;
      this.#wasEnough = false;
      this.#torrent = this.#make(true);
      void this.#torrent.start();
    });
  }

  /** Leaves the swarm for good. Nothing is to be asked of it afterwards but `deleteContent`. Never rejects. */
  end(): Promise<void> {
    return this.#change(async () => {
      this.#hasEnded = true;
      await this.#parts.session.remove(this.infoHash);
    });
  }

  /**
   * After `end`: removes the torrent's own files, and the folders that are empty then. Files that hold other data stay, as do those
   * for which `isInUse`. Resolves with the paths that stayed; rejects with a CtError of the disk.
   */
  async deleteContent(isInUse: (path: string) => Promise<boolean>): Promise<string[]> {
    const { dir, infoHash } = this;
    const metainfo = await this.#known();
    const { stateDir } = this.#parts.options;
    if (stateDir !== undefined) await rm(resumePath(stateDir, infoHash, dir), { force: true });
    return removeContent({ dir, infoHash, metainfo, have: this.#torrent.have, isInUse });
  }

  /** Is this, a file's real path, that of a file of its? Rejects with the CtError of metadata that cannot be read. */
  async hasFile(real: string): Promise<boolean> {
    const { dir } = this;
    if (!this.metainfo && !real.startsWith(join(await realFolder(dir), "/"))) return false;
    const name = basename(real);
    for (const { pad, path } of (await this.#known())?.files ?? []) {
      if (!pad && path.at(-1) === name && (await realPathOf(join(dir, ...path))) === real) return true;
    }
    return false;
  }

  /** Resolves when what was asked of it is done. */
  async settled(): Promise<void> {
    await this.#changing;
  }

  /** Was it stopped by its rule, and would be again? */
  get #isEnough(): boolean {
    if (!this.#wasEnough) return false;
    const { length, wanted } = this.#torrent.status();
    return metPart(this.#stopRule, this.shared, wanted?.length ?? length) !== undefined;
  }

  async #beginPaused(): Promise<void> {
    await this.#parts.session.remove(this.infoHash);
    // Who cannot do without it hears why it is not there.
    await this.#known().catch(() => undefined);
  }

  /** `metainfo`, also where it was kept and is not in use. Rejects with the CtError of a file that cannot be used. */
  async #known(): Promise<Metainfo | undefined> {
    if (!this.metainfo) {
      this.#keptMetainfo = await new KeptMetadata(this.dir, this.infoHash, this.#parts.log).load();
    }
    return this.metainfo;
  }

  #change(change: () => Promise<void>): Promise<void> {
    this.#changing = this.#changing.then(change);
    return this.#changing;
  }

  #make(holdsIfGone: boolean): SwarmTorrent {
    const { session, ...parts } = this.#parts;
    const options = {
      ...parts.options,
      ...(this.#wishes.webSeeds ? { webSeeds: this.#wishes.webSeeds } : {}),
      holdsIfGone,
      dir: this.dir,
      isSequential: this.isSequential,
      limits: this.limits,
      stopRule: this.#stopRule,
      shared: this.#shared,
      onComplete: parts.onComplete,
      onFlushed: parts.onFlushed,
      onShared: (reason: string) => {
        this.#wasEnough = true;
        parts.onShared(reason);
      },
      onError: parts.onError,
    };
    const chooseFiles = (metainfo: Metainfo) => {
      this.#files ??= this.#wishes.chooseFiles?.(metainfo) ?? new Map<number, FilePriority>();
      return this.#files;
    };
    return "pieceCount" in this.source
      ? session.add(this.source, { ...options, files: chooseFiles(this.source) })
      : session.addMagnet(this.source, { ...options, chooseFiles });
  }
}
