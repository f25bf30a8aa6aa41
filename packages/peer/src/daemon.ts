import { EventEmitter } from "node:events";
import type { Clock, Random } from "@cachetorrent/clock";
import {
  CtError,
  type Endpoint,
  type InfoHash,
  type PeerId,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { Ledger, type LedgerAccounts, type TorrentTraffic } from "./accounts/ledger.ts";
import { LedgerWriter } from "./accounts/ledger-writer.ts";
import { openTrace } from "./accounts/trace.ts";
import type { PeerConfig } from "./config.ts";
import { openStateDirectory } from "./disk/state-directory.ts";
import { isMagnet, type Magnet, parseMagnet } from "./metainfo/magnet.ts";
import { loadMetainfo, type Metainfo } from "./metainfo/metainfo.ts";
import { scheduleOf, sessionLimits, torrentLimits, torrentOptions } from "./peer-options.ts";
import { PeerTorrent } from "./peer-torrent.ts";
import type { LimitChanges, RateLimits } from "./rates/rate-limits.ts";
import { parseSchedule } from "./rates/schedule.ts";
import { type FilePatterns, fileChooser } from "./selection/patterns.ts";
import { makePeerId, Session } from "./session.ts";
import type { PeerStatus } from "./status.ts";
import type { TorrentWishes } from "./torrent-wishes.ts";

export interface PeerEvents {
  /** `downloaded` is false when everything was on disk at the start. */
  complete: [{ readonly infoHash: InfoHash; readonly name: string; readonly downloaded: boolean }];
  /** As `complete`, after it: now that survives a power cut, too. */
  flushed: [{ readonly infoHash: InfoHash; readonly name: string; readonly downloaded: boolean }];
  /** This torrent has been shared enough, and was stopped by its rule; others go on. */
  shared: [{ readonly infoHash: InfoHash; readonly name: string; readonly reason: string }];
  /** This torrent failed; others go on. */
  error: [{ readonly infoHash: InfoHash; readonly error: CtError }];
}

/** A running peer: its listener and all its torrents. */
export interface PeerDaemon {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  readonly events: EventEmitter<PeerEvents>;
  /** Nothing is left to do, because of this error. */
  readonly failed: Promise<CtError>;
  /** Of those torrents that are asked about: unless it is said, of all. */
  status(isAsked?: (torrent: PeerTorrent) => boolean): PeerStatus;
  /** The torrent with this info-hash, if it is here. */
  torrent(infoHash: InfoHash): PeerTorrent | undefined;
  /** All of them, in the order in which they came. */
  readonly torrents: Iterable<PeerTorrent>;
  /** Starts the torrents that were held back; from then on each starts when it is added. */
  startAll(): void;
  /** Takes one more torrent, and starts it unless it is to be paused. Throws CT_ERR_TORRENT_KNOWN for one that is here. */
  add(source: Metainfo | Magnet, wishes: TorrentWishes): PeerTorrent;
  /** The torrent leaves its swarm and is forgotten, its content stays. Resolves when that is done; never rejects. */
  remove(infoHash: InfoHash): Promise<void>;
  /** What was received and sent in this run, also of torrents that are gone. */
  readonly accounts: LedgerAccounts;
  /** Of each torrent, the same in short. */
  readonly traffic: readonly TorrentTraffic[];
  /** The limits over all torrents as they are now, by the schedule too; bytes/s. */
  readonly limits: RateLimits;
  /** The schedule of these limits as it holds now, each entry as people write it. */
  readonly schedule: readonly string[];
  /** Limits, those of each torrent and the schedule become what this configuration says; all else in it is left alone. */
  setLimits(config: PeerConfig): void;
  /** Changes limits over all torrents; of the others and of the schedule nothing. Throws a RangeError for what is no rate. */
  changeLimits(changes: LimitChanges): void;
  /** Replaces the schedule, and nothing else. Throws CT_ERR_QUANTITY that quotes the entry which is none, having changed nothing. */
  changeSchedule(entries: readonly string[]): void;
  /** Announces `stopped`, flushes data and ledger, closes every socket. Idempotent; under 5 s. */
  stop(): Promise<void>;
}

export interface PeerParts {
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly stateDir?: string | undefined;
  /** No torrent starts before `startAll`: whoever adds some has time to listen to what becomes of them. */
  readonly holdsBack?: boolean;
}

/**
 * Starts a peer for these .torrent files and magnet links. `stateDir` is where resume files go unless the configuration names a
 * folder; with neither there are none. Rejects with a CtError, having started nothing, when one of them or the
 * configuration cannot be used; what goes wrong later is told by `events` and `failed`.
 */
export async function startPeer(
  config: PeerConfig,
  given: readonly string[],
  { stateDir: usual, ...parts }: PeerParts,
): Promise<PeerDaemon> {
  const torrents = await loadAll(given);
  const patterns = { files: config.files, skip: config["skip-files"] };
  const chooseFiles = chooserFor(torrents, patterns);
  const listen = unwrap(parseEndpoint(config.listen, { allowPortZero: true }));
  const stateDir = await openStateDirectory({ given: config.state, usual }, parts.log);
  const peerId = makePeerId(parts.random);
  const ledger = new Ledger(peerId);
  const trace = await openTrace(config.trace, parts);
  const writer = config.ledger ? new LedgerWriter({ ledger, path: config.ledger, ...parts }) : undefined;
  const session = new Session({
    ...parts,
    peerId,
    trace,
    ledger,
    maxConnections: config["max-connections"],
    encryption: config.encryption,
    ...(config.dht ? { dht: { bootstrap: config["dht-bootstrap"] } } : {}),
    localDiscovery: config["local-discovery"],
    limits: sessionLimits(config),
    schedule: scheduleOf(config),
  });
  const endpoint = await session.listen(listen).catch(async (error: unknown) => {
    await trace.close();
    throw error;
  });
  const events = new EventEmitter<PeerEvents>();
  const failed = Promise.withResolvers<CtError>();
  /** Of each torrent; all else holds for those that come later as it was at the start. */
  let usualLimits = torrentLimits(config);
  let schedule: readonly string[] = config["limit-schedule"];
  const alive = new Set<InfoHash>();
  const here = new Map<InfoHash, PeerTorrent>();
  // Somebody must listen to `error`, or a failing torrent would throw.
  events.on("error", () => undefined);

  const put = (source: Metainfo | Magnet, wishes: TorrentWishes): PeerTorrent => {
    const { infoHash } = source;
    if (here.has(infoHash))
      throw new CtError("CT_ERR_TORRENT_KNOWN", `the torrent ${infoHash} is here already`);
    // To who looks at it, and to its tracker, which hears of a start, it is a new one.
    ledger.beginAnew(infoHash);
    const about = () => ({ infoHash, name: torrent.status().name });
    const torrent = new PeerTorrent(source, wishes, {
      session,
      log: parts.log,
      options: {
        ...torrentOptions(config),
        limits: usualLimits,
        ...(stateDir === undefined ? {} : { stateDir }),
      },
      onComplete: (downloaded) => events.emit("complete", { ...about(), downloaded }),
      onFlushed: (downloaded) => events.emit("flushed", { ...about(), downloaded }),
      onShared: (reason) => events.emit("shared", { ...about(), reason }),
      onError: (error) => {
        events.emit("error", { infoHash, error });
        alive.delete(infoHash);
        if (alive.size === 0) failed.resolve(error);
      },
    });
    here.set(infoHash, torrent);
    alive.add(infoHash);
    return torrent;
  };
  for (const one of torrents) put(one, { chooseFiles });

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    // Those that are being paused have left the session already.
    await Promise.all([session.stop(), ...[...here.values()].map((torrent) => torrent.settled())]);
    await writer?.stop();
    await trace.close();
  };
  try {
    await writer?.start();
  } catch (error) {
    await session.stop();
    await trace.close();
    throw error;
  }
  let isHolding = parts.holdsBack ?? false;
  const startAll = (): void => {
    isHolding = false;
    for (const torrent of here.values()) torrent.start();
  };
  if (!isHolding) startAll();

  return {
    peerId,
    endpoint,
    events,
    failed: failed.promise,
    status: (isAsked = () => true) => ({
      connections: session.connectionCount,
      torrents: [...here.values()].filter(isAsked).map((torrent) => torrent.status()),
    }),
    torrent: (infoHash) => here.get(infoHash),
    get torrents() {
      return here.values();
    },
    startAll,
    add: (source, wishes) => {
      const torrent = put(source, wishes);
      if (!isHolding) torrent.start();
      return torrent;
    },
    remove: async (infoHash) => {
      await here.get(infoHash)?.end();
      // Only now: the same torrent, come anew, must not meet the old one at its files.
      here.delete(infoHash);
      alive.delete(infoHash);
    },
    get accounts() {
      return ledger.toJSON();
    },
    get traffic() {
      return ledger.traffic;
    },
    get limits() {
      return session.limits;
    },
    get schedule() {
      return schedule;
    },
    setLimits: (changed) => {
      usualLimits = torrentLimits(changed);
      schedule = changed["limit-schedule"];
      session.setLimits(sessionLimits(changed), scheduleOf(changed));
      for (const torrent of here.values()) torrent.setUsualLimits(usualLimits);
    },
    changeLimits: (changes) => session.setLimits(changes),
    changeSchedule: (entries) => {
      session.setLimits({}, unwrap(parseSchedule(entries)));
      schedule = [...entries];
    },
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** All or none: a typing error in the third name must not leave two torrents half started. */
async function loadAll(given: readonly string[]): Promise<(Metainfo | Magnet)[]> {
  const byHash = new Map<InfoHash, string>();
  const torrents: (Metainfo | Magnet)[] = [];
  for (const text of given) {
    const torrent = isMagnet(text) ? parseMagnet(text) : await loadMetainfo(text);
    const { infoHash } = torrent;
    const name = isMagnet(text) ? "the magnet link" : text;
    const other = byHash.get(infoHash);
    if (other !== undefined) {
      throw new CtError("CT_ERR_TORRENT", `${name} and ${other} are the same torrent (${infoHash})`);
    }
    byHash.set(infoHash, name);
    torrents.push(torrent);
  }
  return torrents;
}

/** What `--files` and `--skip-files` choose. */
function chooserFor(
  torrents: readonly (Metainfo | Magnet)[],
  patterns: FilePatterns,
): NonNullable<TorrentWishes["chooseFiles"]> {
  if (torrents.length === 0) return () => new Map();
  const metainfos = torrents.filter((one) => "pieceCount" in one);
  return fileChooser(metainfos, torrents.length - metainfos.length, patterns);
}
