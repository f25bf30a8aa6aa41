import type { Socket } from "node:net";
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
import { PieceCache } from "./disk/piece-cache.ts";
import { BufferBudget } from "./exchange/buffer-budget.ts";
import { UploadPump } from "./exchange/upload-pump.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import { Dialer } from "./neighbours/dialer.ts";
import { Listener } from "./neighbours/listener.ts";
import type { SharedLinks } from "./rates/shared-links.ts";
import { TokenBucket } from "./rates/token-bucket.ts";
import { Torrent } from "./torrent.ts";
import type { SessionServices, TorrentOptions } from "./torrent-options.ts";

export interface SessionOptions {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly trace: Trace;
  readonly ledger: Ledger;
  readonly maxConnections: number;
  /** Bytes/s; Infinity for none. */
  readonly limitUp: number;
  readonly limitDown: number;
  /** For many peers in one process: links that they share, and memory. */
  readonly links?: SharedLinks;
  readonly cache?: PieceCache;
}

/** Pieces read for uploads, and pieces being downloaded: half of the piece buffers each. */
const HALF_OF_BUFFERS = LIMITS.peer.pieceBufferBytes / 2;

/** Many torrents on one listener, with one set of limits. */
export class Session {
  readonly #options: SessionOptions;
  readonly #torrents = new Map<InfoHash, Torrent>();
  readonly #listener: Listener;
  #services: SessionServices | undefined;

  constructor(options: SessionOptions) {
    this.#options = options;
    this.#listener = new Listener(options.clock, options.log, (socket, remote, infoHash) =>
      this.#accept(socket, remote, infoHash),
    );
  }

  get torrents(): Iterable<Torrent> {
    return this.#torrents.values();
  }

  get connectionCount(): number {
    let count = 0;
    for (const torrent of this.#torrents.values()) count += torrent.connectionCount;
    return count;
  }

  /** Starts to listen; resolves with the endpoint that was bound. */
  async listen(endpoint: Endpoint): Promise<Endpoint> {
    const { cache, clock, limitDown, limitUp, links, maxConnections, ...rest } = this.#options;
    const listening = await this.#listener.listen(endpoint);
    const now = clock.now();
    this.#services = {
      ...rest,
      clock,
      listening,
      dialer: new Dialer(clock, endpoint.address),
      pump: new UploadPump(clock, new TokenBucket(limitUp, now), links),
      cache: cache ?? new PieceCache(HALF_OF_BUFFERS),
      budget: new BufferBudget(HALF_OF_BUFFERS),
      downBucket: new TokenBucket(limitDown, now),
      hasRoom: () => this.connectionCount < maxConnections,
    };
    return listening;
  }

  /** After `listen`. The torrent is not started yet. */
  add(metainfo: Metainfo, options: TorrentOptions): Torrent {
    if (!this.#services) throw new Error("a session listens before it has torrents");
    const ledger = this.#options.ledger.torrent(metainfo.infoHash, this.#options.clock.now());
    const torrent = new Torrent(metainfo, ledger, this.#services, options);
    this.#torrents.set(metainfo.infoHash, torrent);
    return torrent;
  }

  /** Stops all torrents and the listener. Idempotent; never rejects. */
  async stop(): Promise<void> {
    this.#listener.stop();
    this.#services?.dialer.stop();
    await Promise.all([...this.#torrents.values()].map((torrent) => torrent.stop()));
  }

  /**
   * Ends as a process does that is killed: every socket is cut off, nobody is told, nothing is flushed. For testbeds;
   * resolves when the files are closed.
   */
  async kill(): Promise<void> {
    this.#listener.stop();
    this.#services?.dialer.stop();
    await Promise.all([...this.#torrents.values()].map((torrent) => torrent.kill()));
  }

  #accept(socket: Socket, remote: Endpoint, infoHash: InfoHash): void {
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
