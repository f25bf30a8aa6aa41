import type { Clock } from "@cachetorrent/clock";
import { seededRandom } from "@cachetorrent/clock";
import {
  Ledger,
  type Metainfo,
  makePeerId,
  noTrace,
  type OpenedStorage,
  type PieceCache,
  Session,
  type SharedLinks,
  type Torrent,
  type TorrentLedger,
} from "@cachetorrent/peer";
import { LIMITS, type PeerId } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { PeerAccounts } from "../../cell-records.ts";
import type { PlannedPeer } from "../../topology.ts";

export interface HostedPeerOptions {
  readonly plan: PlannedPeer;
  readonly metainfo: Metainfo;
  readonly clock: Clock;
  readonly seed: number;
  readonly log: Logger;
  readonly links: SharedLinks;
  readonly cache: PieceCache;
  readonly numwant: number;
  readonly connections: number;
  /** Its own files, where it shares none. */
  readonly dir: string;
  readonly openStorage?: () => Promise<OpenedStorage>;
  onComplete(): void;
  onError(error: Error): void;
}

/** One full peer among many in a thread: the same session, torrent and sockets that the daemon has. */
export class HostedPeer {
  readonly plan: PlannedPeer;
  readonly peerId: PeerId;
  readonly #options: HostedPeerOptions;
  readonly #session: Session;
  readonly #ledger: TorrentLedger;
  #torrent: Torrent | undefined;
  #ledAtCompletion = false;
  #isGone = false;

  constructor(options: HostedPeerOptions) {
    const { cache, clock, links, log, metainfo, plan } = options;
    const random = seededRandom(options.seed * 100_003 + plan.id);
    this.#options = options;
    this.plan = plan;
    this.peerId = makePeerId(random);
    const ledger = new Ledger(this.peerId);
    this.#ledger = ledger.torrent(metainfo.infoHash, clock.now());
    this.#session = new Session({
      peerId: this.peerId,
      clock,
      random,
      log,
      trace: noTrace,
      ledger,
      // That of the process, as a daemon has it: a head lets all of its AS in.
      maxConnections: LIMITS.peer.connectionsInAll,
      limits: { up: plan.up, down: plan.down },
      links,
      cache,
    });
  }

  async listen(): Promise<void> {
    await this.#session.listen({ address: this.plan.address, port: 0 });
  }

  /** Enters the swarm, after `listen`. */
  join(): void {
    if (this.#isGone) return;
    const { connections, dir, metainfo, numwant, onComplete, onError, openStorage, plan } = this.#options;
    const capacity = (rate: number) => (Number.isFinite(rate) ? rate : LIMITS.peer.defaultCapacity);
    this.#torrent = this.#session.add(metainfo, {
      dir,
      numwant,
      uploadSlots: LIMITS.peer.uploadSlots,
      choker: "tit-for-tat",
      maxConnections: connections,
      capacity: { up: capacity(plan.up), down: capacity(plan.down) },
      ...(openStorage ? { openStorage } : {}),
      onComplete: () => {
        this.#ledAtCompletion = this.#leads();
        onComplete();
      },
      onError,
    });
    void this.#torrent.start();
  }

  /** Leaves as a program does that is ended: its tracker and peers are told. */
  leave(): Promise<void> {
    this.#isGone = true;
    return this.#session.stop();
  }

  kill(): Promise<void> {
    this.#isGone = true;
    return this.#session.kill();
  }

  get hasAnnounced(): boolean {
    return this.#ledger.hasAnnounced;
  }

  get externalBytes(): number {
    return this.#ledger.externalBytes;
  }

  get verifiedBytes(): number {
    return this.#torrent?.status().verifiedBytes ?? 0;
  }

  accounts(): PeerAccounts {
    return {
      id: this.plan.id,
      ledger: this.#ledger.toJSON(),
      ledAtCompletion: this.#ledAtCompletion,
      claims: this.#torrent?.status().claims,
    };
  }

  /** Under policies without roles somebody is elected too, but leads nothing. */
  #leads(): boolean {
    const status = this.#torrent?.status();
    return status !== undefined && status.role !== "independent" && status.leads;
  }
}
