import { EventEmitter } from "node:events";
import type { Clock, Random } from "@cachetorrent/clock";
import {
  CtError,
  type Endpoint,
  type InfoHash,
  LIMITS,
  type PeerId,
  parseEndpoint,
  unwrap,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { Ledger } from "./accounts/ledger.ts";
import { LedgerWriter } from "./accounts/ledger-writer.ts";
import { openTrace } from "./accounts/trace.ts";
import type { PeerConfig } from "./config.ts";
import { loadMetainfo, type Metainfo } from "./metainfo/metainfo.ts";
import { makePeerId, Session } from "./session.ts";
import type { PeerStatus } from "./status.ts";
import type { TorrentOptions } from "./torrent-options.ts";

export interface PeerEvents {
  /** `downloaded` is false when everything was on disk at the start. */
  complete: [{ readonly infoHash: InfoHash; readonly name: string; readonly downloaded: boolean }];
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
  status(): PeerStatus;
  /** Announces `stopped`, flushes data and ledger, closes every socket. Idempotent; under 5 s. */
  stop(): Promise<void>;
}

/**
 * Starts a peer for these .torrent files. Rejects with a CtError, having started nothing, when one of them or the
 * configuration cannot be used; what goes wrong later is told by `events` and `failed`.
 */
export async function startPeer(
  config: PeerConfig,
  torrentFiles: readonly string[],
  parts: { clock: Clock; random: Random; log: Logger },
): Promise<PeerDaemon> {
  const metainfos = await loadAll(torrentFiles);
  const listen = unwrap(parseEndpoint(config.listen, { allowPortZero: true }));
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
    limitUp: config["limit-up"] ?? Number.POSITIVE_INFINITY,
    limitDown: config["limit-down"] ?? Number.POSITIVE_INFINITY,
  });
  const endpoint = await session.listen(listen).catch(async (error: unknown) => {
    await trace.close();
    throw error;
  });
  const events = new EventEmitter<PeerEvents>();
  const failed = Promise.withResolvers<CtError>();
  const alive = new Set(metainfos.map((metainfo) => metainfo.infoHash));
  // Somebody must listen to `error`, or a failing torrent would throw.
  events.on("error", () => undefined);

  for (const metainfo of metainfos) {
    const { infoHash, name } = metainfo;
    session.add(metainfo, {
      ...torrentOptions(config),
      onComplete: (downloaded) => {
        events.emit("complete", { infoHash, name, downloaded });
      },
      onError: (error) => {
        events.emit("error", { infoHash, error });
        alive.delete(infoHash);
        if (alive.size === 0) failed.resolve(error);
      },
    });
  }

  let stopping: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await session.stop();
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
  for (const torrent of session.torrents) void torrent.start();

  return {
    peerId,
    endpoint,
    events,
    failed: failed.promise,
    status: () => ({
      connections: session.connectionCount,
      torrents: [...session.torrents].map((torrent) => torrent.status()),
    }),
    stop: () => {
      stopping ??= stop();
      return stopping;
    },
  };
}

/** All or none: a typing error in the third name must not leave two torrents half started. */
async function loadAll(torrentFiles: readonly string[]): Promise<Metainfo[]> {
  const byHash = new Map<InfoHash, string>();
  const metainfos: Metainfo[] = [];
  for (const file of torrentFiles) {
    const metainfo = await loadMetainfo(file);
    const other = byHash.get(metainfo.infoHash);
    if (other !== undefined) {
      throw new CtError("CT_ERR_TORRENT", `${file} and ${other} are the same torrent (${metainfo.infoHash})`);
    }
    byHash.set(metainfo.infoHash, file);
    metainfos.push(metainfo);
  }
  return metainfos;
}

function torrentOptions(config: PeerConfig): Omit<TorrentOptions, "onComplete" | "onError"> {
  const up = config["capacity-up"] ?? config["limit-up"] ?? LIMITS.peer.defaultCapacity;
  const down = config["capacity-down"] ?? config["limit-down"] ?? LIMITS.peer.defaultCapacity;
  return {
    dir: config.dir,
    numwant: config.numwant,
    uploadSlots: config["upload-slots"],
    choker: config.choker,
    maxConnections: Math.min(LIMITS.peer.connectionsPerTorrent, config["max-connections"]),
    ...(config["no-candidate"] ? {} : { capacity: { up, down } }),
    ...(config.local ? { local: unwrap(parseEndpoint(config.local)) } : {}),
  };
}
