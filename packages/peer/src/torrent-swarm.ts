import { type Endpoint, isInternal } from "@cachetorrent/protocol";
import type { ActiveTorrent } from "./active-torrent.ts";
import type { Announcer } from "./announcing/announcer.ts";
import { LonelyAnnounces } from "./announcing/lonely-announces.ts";
import { sessionAnnouncer } from "./announcing/session-announcer.ts";
import type { Content } from "./disk/content.ts";
import { uploadingOf } from "./exchange/uploading.ts";
import { Neighbours } from "./neighbours/neighbours.ts";
import { mayStand } from "./roles/candidacy.ts";
import { mayMeet } from "./roles/may-meet.ts";
import type { TorrentParts } from "./torrent-options.ts";

export interface TorrentSwarmParts extends TorrentParts {
  readonly content: Content;
  /** Once it is known what is on disk. */
  active(): ActiveTorrent | undefined;
  /** Somebody is connected, or the tracker has spoken: there may be something to do now. */
  changed(): void;
}

/** The others of a torrent's swarm: the trackers that tell of them, and the neighbours; what the one says goes to the other. */
export class TorrentSwarm {
  readonly announcer: Announcer;
  readonly neighbours: Neighbours;
  /** Where we can be reached. */
  readonly ours: readonly Endpoint[];
  readonly #parts: TorrentSwarmParts;
  #lonely: LonelyAnnounces | undefined;
  #wasCandidate = true;

  constructor(parts: TorrentSwarmParts) {
    const { listening } = parts.services;
    const { local } = parts.options;
    this.#parts = parts;
    this.ours = local ? [listening, local] : [listening];
    this.announcer = this.#makeAnnouncer();
    this.neighbours = this.#makeNeighbours();
  }

  /** Others may hear of us from now on. */
  enter({ duties }: ActiveTorrent): void {
    this.announcer.start();
    this.neighbours.begin();
    this.#lonely = new LonelyAnnounces(this.announcer, this.#parts.services.clock.now());
    if (this.announcer.hasTracker) return;
    duties.heardNothing();
    this.neighbours.expectNoTracker();
  }

  /** The tracker hears of it soon if we do not stand for election any more, or do again. */
  standOrNot(): void {
    const wasCandidate = this.#wasCandidate;
    this.#wasCandidate = this.#isCandidate;
    if (wasCandidate !== this.#wasCandidate) this.announcer.announceNow();
  }

  /** To be called a few times a second. */
  sweep(isDone: boolean, now: number): void {
    this.#lonely?.sweep(!isDone && this.neighbours.count === 0, now);
  }

  get #isCandidate(): boolean {
    return mayStand(this.announcer.policy, this.#parts.content.selection.isEverything);
  }

  #makeAnnouncer(): Announcer {
    const { content, ledger, log, metainfo, options, services } = this.#parts;
    const { capacity, local, numwant } = options;
    // A tracker is told what was moved since the start that it was told of (BEP 3): of what came before a pause it knows.
    const { externalBytes, internalBytes, sentBytes } = ledger;
    return sessionAnnouncer(services, {
      tiers: metainfo.trackers,
      infoHash: metainfo.infoHash,
      log,
      progress: () => ({
        uploaded: ledger.sentBytes - sentBytes,
        downloaded: ledger.internalBytes - internalBytes + ledger.externalBytes - externalBytes,
        left: content.left,
        externalBytes: ledger.externalBytes - externalBytes,
        internalBytes: ledger.internalBytes - internalBytes,
      }),
      numwant: () => numwant,
      ...(capacity ? { capacity } : {}),
      isCandidate: () => this.#isCandidate,
      ...(local ? { local } : {}),
      onAnswer: ({ peers }) => {
        ledger.announced(services.clock.now());
        log.debug({ event: "announced", peers: peers.length }, "the tracker answered");
        const duties = this.#parts.active()?.duties;
        duties?.heardNothing();
        duties?.learn(peers);
        this.neighbours.learn(peers);
      },
      onCt: (ct) => {
        const { asn, leaders } = this.announcer;
        const active = this.#parts.active();
        ledger.asn = asn;
        this.neighbours.place(leaders?.leaders.map(({ endpoint }) => endpoint) ?? [], asn);
        // First: a role that reveals everything is not to be the first that is heard of.
        active?.exchange.uploadBy(uploadingOf(ct, active.exchange.connections));
        active?.duties.heard(ct);
        this.standOrNot();
        this.#parts.changed();
      },
    });
  }

  #makeNeighbours(): Neighbours {
    const { active, ledger, log, metainfo, options, services } = this.#parts;
    return new Neighbours({
      ...services,
      infoHash: metainfo.infoHash,
      log,
      ours: this.ours,
      maxConnections: options.maxConnections,
      connections: () => active()?.exchange.connections ?? NO_CONNECTIONS,
      locate: (endpoints) => this.announcer.locate(endpoints),
      expectsTracker: () => this.announcer.expectsAnswer,
      connected: (socket, met) => {
        this.#parts.changed();
        return (active() as ActiveTorrent).connect(socket, met);
      },
      asn: () => ledger.asn,
      mayMeet: (asn) =>
        mayMeet(isInternal(asn, ledger.asn), active()?.exchange.role.name, this.announcer.policy),
      prefersInside: () => active()?.prefersInside ?? false,
      isAlwaysLetIn: (asn) => active()?.duties.isAlwaysLetIn(asn) ?? false,
      becameDirect: (connection) => active()?.exchange.becomeDirect(connection),
    });
  }
}

const NO_CONNECTIONS: ReadonlySet<never> = new Set();
