import type { Clock } from "@cachetorrent/clock";
import {
  type FilePriority,
  fileChooser,
  type LimitChanges,
  type Magnet,
  type Metainfo,
  type PeerDaemon,
  type PeerTorrent,
  type TorrentWishes,
} from "@cachetorrent/peer";
import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { AllowedFolders } from "./allowed-folders.ts";
import {
  changedRule,
  type GivenTorrent,
  type GivenWishes,
  type Kept,
  keptOf,
  savedOf,
  sourceOf,
  wishesOf,
} from "./kept-torrent.ts";
import { LatestOnly } from "./latest-only.ts";
import { type LostTorrent, type LostTorrents, notHere, unknownContent } from "./lost-torrents.ts";
import { OrderedLimits } from "./ordered-limits.ts";
import type { SavedState, SavedTorrent, StopRuleChanges } from "./saved-state.ts";
import type { StateStore } from "./state-store.ts";

export interface TorrentKeeperParts {
  readonly peer: PeerDaemon;
  readonly store: StateStore;
  readonly folders: AllowedFolders;
  readonly clock: Clock;
  readonly log: Logger;
  /** Something was done that watchers want to know of. */
  changed(event: TorrentChange, about: { readonly infoHash: InfoHash; readonly name: string }): void;
}

/** A torrent that was started, and how that is undone. */
interface EnteredTorrent {
  readonly torrent: PeerTorrent;
  undo(): Promise<void>;
}

export type TorrentChange = "added" | "removed" | "paused" | "resumed" | "changed";

/** The torrents of a daemon: takes orders, carries them out, and sees that they hold after a restart, too. */
export class TorrentKeeper {
  readonly #parts: TorrentKeeperParts;
  readonly #kept = new Map<InfoHash, Kept>();
  readonly #lost: LostTorrents = new Map();
  readonly #limits: OrderedLimits;
  readonly #saving = new LatestOnly(() => this.#parts.store.save(this.#state()));
  #adding: Promise<unknown> = Promise.resolve();
  /** The sum of all that is shared, as it was written down last. */
  #sharedSaved = 0;

  constructor(parts: TorrentKeeperParts) {
    this.#parts = parts;
    this.#limits = new OrderedLimits(parts.peer);
  }

  /** Those that are on their way out are left out. */
  get torrents(): PeerTorrent[] {
    return [...this.#parts.peer.torrents].filter(({ infoHash }) => this.#kept.has(infoHash));
  }

  /** Those that could not be started again. */
  get lost(): ReadonlyMap<InfoHash, LostTorrent> {
    return this.#lost;
  }

  /** Throws CT_ERR_NO_TORRENT, also for one that is lost. */
  get(infoHash: InfoHash): PeerTorrent {
    const torrent = this.#kept.has(infoHash) ? this.#parts.peer.torrent(infoHash) : undefined;
    if (torrent) return torrent;
    throw notHere(infoHash, this.#lost.get(infoHash));
  }

  /** Ms since the Unix epoch. */
  addedAt(infoHash: InfoHash): number {
    return this.#kept.get(infoHash)?.addedAt ?? 0;
  }

  /** Starts what an earlier run had. What cannot be used is told of, and left as it is. */
  async restore({ torrents, ...limits }: SavedState): Promise<void> {
    const { log, store } = this.#parts;
    this.#limits.restore(limits);
    for (const saved of torrents) {
      try {
        await this.#restore(saved);
      } catch (err) {
        this.#lost.set(saved.infoHash, { saved, error: err as CtError });
        log.error(
          { err, event: "not restored", infoHash: saved.infoHash },
          `${(err as Error).message}: not started again`,
        );
      }
    }
    await store.removeUnlisted(new Set(torrents.map(({ infoHash }) => infoHash)));
  }

  /**
   * Takes one more torrent. Resolves once it will be there after a restart, too. Rejects with CT_ERR_TORRENT_KNOWN for one that is here, and with
   * the CtError of one that cannot be used.
   */
  add(given: GivenTorrent, wishes: GivenWishes = {}): Promise<PeerTorrent> {
    // One after the other: of two that are the same the second is to find the first. The list is written once for all that come meanwhile.
    const entered = this.#adding.then(() => this.#enter(given, wishes));
    this.#adding = entered.catch(() => undefined);
    return entered.then(async ({ torrent, undo }) => {
      try {
        await this.#saving.run();
      } catch (error) {
        await undo();
        throw error;
      }
      this.#tell("added", torrent);
      return torrent;
    });
  }

  /**
   * Resolves with the paths of files that were to be deleted and were not, for they hold other data or are another torrent's. Rejects with
   * CT_ERR_USAGE, having done nothing, where the data are to be deleted of one that is lost.
   */
  async remove(infoHash: InfoHash, { deleteData }: { readonly deleteData: boolean }): Promise<string[]> {
    const lost = this.#lost.get(infoHash);
    if (lost) {
      if (deleteData) throw unknownContent(lost);
      await this.#removeLost(lost);
      return [];
    }
    const torrent = this.get(infoHash);
    const kept = this.#kept.get(infoHash) as Kept;
    const { name } = torrent.status();
    this.#kept.delete(infoHash);
    try {
      await this.#saving.run();
    } catch (error) {
      this.#kept.set(infoHash, kept);
      throw error;
    }
    await this.#parts.store.removeTorrent(infoHash);
    await this.#parts.peer.remove(infoHash);
    this.#parts.changed("removed", { infoHash, name });
    return deleteData ? torrent.deleteContent((path) => this.#isInUse(path)) : [];
  }

  /** One that is lost is paused once it can be used again. */
  async pause(infoHash: InfoHash): Promise<void> {
    const lost = this.#lost.get(infoHash);
    if (lost) {
      this.#lost.set(infoHash, { ...lost, saved: { ...lost.saved, isPaused: true } });
      return this.#saving.run();
    }
    const torrent = this.get(infoHash);
    await torrent.pause();
    await this.#changed("paused", torrent);
  }

  /** One that is lost is tried again. */
  async resume(infoHash: InfoHash): Promise<void> {
    const lost = this.#lost.get(infoHash);
    if (lost) {
      await this.#restore({ ...lost.saved, isPaused: false });
      this.#lost.delete(infoHash);
    }
    const torrent = this.get(infoHash);
    await torrent.resume();
    await this.#changed("resumed", torrent);
  }

  /** Bytes/s. Throws a RangeError for what is no rate. */
  async setLimits(infoHash: InfoHash, changes: LimitChanges): Promise<void> {
    const torrent = this.get(infoHash);
    torrent.setLimits(changes);
    await this.#changed("changed", torrent);
  }

  async setStopRule(infoHash: InfoHash, changes: StopRuleChanges): Promise<void> {
    const torrent = this.get(infoHash);
    this.#changeRule(torrent, changes);
    await this.#changed("changed", torrent);
  }

  /** Rejects with a RangeError for what is no file or priority. */
  async setFiles(infoHash: InfoHash, priorities: ReadonlyMap<number, FilePriority>): Promise<void> {
    const torrent = this.get(infoHash);
    await torrent.setFiles(priorities);
    await this.#changed("changed", torrent);
  }

  /** Changes limits over all torrents. */
  async changeLimits(changes: LimitChanges): Promise<void> {
    this.#limits.change(changes);
    await this.#saving.run();
  }

  /** Replaces the schedule of these. Rejects with CT_ERR_QUANTITY that quotes the entry which is none. */
  async changeSchedule(entries: readonly string[]): Promise<void> {
    this.#limits.changeSchedule(entries);
    await this.#saving.run();
  }

  /** The configuration was read again: its limits hold, and not those that were set since. */
  async forgetLimits(): Promise<void> {
    this.#limits.forget();
    await this.#saving.run();
  }

  /** Resolves when all that was done is written down. */
  async save(): Promise<void> {
    await this.#adding;
    await this.#saving.run();
  }

  /** Writes down what was shared since the last time, if anything was. Never rejects: the log tells. */
  async saveShared(): Promise<void> {
    const sum = this.torrents.reduce((total, { shared }) => total + shared.sentBytes + shared.seededMs, 0);
    if (sum === this.#sharedSaved) return;
    try {
      await this.#saving.run();
      this.#sharedSaved = sum;
    } catch (err) {
      this.#parts.log.warn({ err, event: "not saved" }, `${(err as Error).message}: tried again in a minute`);
    }
  }

  /** Starts one more torrent; the list of them is not written yet. */
  async #enter(given: GivenTorrent, wishes: GivenWishes): Promise<EnteredTorrent> {
    const { folders, store } = this.#parts;
    const source = await sourceOf(given, "the torrent");
    const { infoHash } = source;
    if (this.#parts.peer.torrent(infoHash))
      throw new CtError("CT_ERR_TORRENT_KNOWN", `the torrent ${infoHash} is here already`);
    const dir = wishes.dir === undefined ? undefined : await folders.check(wishes.dir);
    const { files = [], skipFiles: skip = [], stopRule, ...rest } = wishes;
    const choose = files.length + skip.length > 0 ? { files, skip } : undefined;
    const isFile = "bytes" in given;
    const lost = this.#lost.get(infoHash);
    const kept: Kept = {
      magnet: isFile ? undefined : given.magnet,
      addedAt: Math.round(this.#parts.clock.now()),
      isSequential: wishes.isSequential,
      choose,
      webSeeds: wishes.webSeeds,
      stopRule: undefined,
    };
    const undo = async (): Promise<void> => {
      this.#kept.delete(infoHash);
      await this.#parts.peer.remove(infoHash);
      if (lost) this.#lost.set(infoHash, lost);
      else await store.removeTorrent(infoHash);
    };
    try {
      this.#lost.delete(infoHash);
      if (isFile) await store.saveTorrent(infoHash, given.bytes);
      const torrent = this.#start(source, kept, { ...rest, ...(dir === undefined ? {} : { dir }) });
      if (stopRule) this.#changeRule(torrent, stopRule);
      // Meanwhile it may have been removed, and added anew.
      return { torrent, undo: async () => (this.#kept.get(infoHash) === kept ? undo() : undefined) };
    } catch (error) {
      await undo();
      throw error;
    }
  }

  async #removeLost(lost: LostTorrent): Promise<void> {
    const { infoHash } = lost.saved;
    this.#lost.delete(infoHash);
    try {
      await this.#saving.run();
    } catch (error) {
      this.#lost.set(infoHash, lost);
      throw error;
    }
    await this.#parts.store.removeTorrent(infoHash);
    this.#parts.changed("removed", { infoHash, name: infoHash });
  }

  #changeRule(torrent: PeerTorrent, changes: StopRuleChanges): void {
    const rule = changedRule(torrent.stopRule, changes);
    torrent.setStopRule(rule);
    (this.#kept.get(torrent.infoHash) as Kept).stopRule = rule;
  }

  async #restore(saved: SavedTorrent): Promise<void> {
    const { folders, store } = this.#parts;
    const { infoHash, magnet } = saved;
    const path = store.pathOf(infoHash);
    const bytes = magnet === undefined ? await store.loadTorrent(infoHash) : undefined;
    if (magnet === undefined && !bytes) throw new CtError("CT_ERR_STATE", `${path} is gone`);
    const source = await sourceOf(bytes ? { bytes } : { magnet: magnet ?? "" }, path);
    if (source.infoHash !== infoHash) throw new CtError("CT_ERR_STATE", `${path} is of another torrent`);
    // The operator may have taken the folder away since.
    await folders.check(saved.dir);
    await this.#start(source, keptOf(saved), wishesOf(saved)).settled();
  }

  /** Throws the CtError of patterns that choose nothing. */
  #start(source: Metainfo | Magnet, kept: Kept, wishes: TorrentWishes): PeerTorrent {
    const { choose } = kept;
    const isKnown = "pieceCount" in source;
    const chooseFiles =
      choose && !wishes.files ? fileChooser(isKnown ? [source] : [], isKnown ? 0 : 1, choose) : undefined;
    this.#kept.set(source.infoHash, kept);
    try {
      return this.#parts.peer.add(source, { ...wishes, ...(chooseFiles ? { chooseFiles } : {}) });
    } catch (error) {
      this.#kept.delete(source.infoHash);
      throw error;
    }
  }

  async #changed(change: TorrentChange, torrent: PeerTorrent): Promise<void> {
    await this.#saving.run();
    this.#tell(change, torrent);
  }

  #tell(change: TorrentChange, torrent: PeerTorrent): void {
    const { infoHash, name } = torrent.status();
    this.#parts.changed(change, { infoHash, name });
  }

  async #isInUse(path: string): Promise<boolean> {
    for (const torrent of this.torrents) if (await torrent.hasFile(path)) return true;
    return false;
  }

  #state(): SavedState {
    const torrents = [...this.#kept].flatMap(([infoHash, kept]): SavedTorrent[] => {
      const torrent = this.#parts.peer.torrent(infoHash);
      return torrent ? [savedOf(torrent, kept)] : [];
    });
    const lost = [...this.#lost.values()].flatMap(({ saved }) =>
      this.#kept.has(saved.infoHash) ? [] : saved,
    );
    return { version: 1, ...this.#limits.saved, torrents: [...torrents, ...lost] };
  }
}
