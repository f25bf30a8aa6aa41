import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, ManualClock, seededRandom, systemClock } from "@cachetorrent/clock";
import {
  type CtError,
  type Endpoint,
  type PeerId,
  parseEndpoint,
  peerIdFromBytes,
  unwrap,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { expect, onTestFinished } from "vitest";
import { Ledger, type TorrentAccounts } from "../../src/accounts/ledger.ts";
import { noTrace, type Trace } from "../../src/accounts/trace.ts";
import type { OpenedStorage } from "../../src/disk/storage.ts";
import type { EncryptionMode } from "../../src/encryption/encryption-mode.ts";
import type { ChokerKind } from "../../src/exchange/choker.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type { LimitChanges } from "../../src/rates/rate-limits.ts";
import type { SharedLinks } from "../../src/rates/shared-links.ts";
import type { FilePriority } from "../../src/selection/selection.ts";
import { Session } from "../../src/session.ts";
import type { StopRule } from "../../src/stop-rule.ts";
import type { SwarmTorrent } from "../../src/swarm-torrent.ts";
import { silent } from "./samples.ts";
import { type GivenTorrent, temporaryDirectory } from "./torrents.ts";
import { until } from "./until.ts";

export interface TestPeerOptions {
  /** `127.AS.y.z`, or with a port, of which 0 picks one. */
  readonly at: string;
  /** Without one it knows nobody and waits to be dialled. */
  readonly tracker?: { readonly announceUrl: string };
  /** Begins with the content on disk. */
  readonly seeds?: boolean;
  readonly dir?: string;
  readonly clock?: Clock;
  readonly limitUp?: number;
  readonly limitDown?: number;
  /** Besides these two. */
  readonly limits?: LimitChanges;
  readonly maxConnections?: number;
  /** Of the process; unless said, as many as of a torrent. */
  readonly connectionsInAll?: number;
  readonly uploadSlots?: number;
  readonly choker?: ChokerKind;
  readonly trace?: Trace;
  readonly log?: Logger;
  readonly encryption?: EncryptionMode;
  readonly peerId?: PeerId;
  /** Whether it starts no sooner than its tracker has answered; unless said, it does. */
  readonly awaitsTracker?: boolean;
  readonly links?: SharedLinks;
  readonly exchangesPeers?: boolean;
  readonly localDiscovery?: boolean;
  /** Takes part in the DHT, and begins with these nodes. */
  readonly dht?: { readonly bootstrap: readonly string[] };
  /** Knows the info-hash only, and these peers. */
  readonly byMagnet?: { readonly peers?: readonly Endpoint[] };
  /** By index in the metainfo's files. */
  readonly files?: ReadonlyMap<number, FilePriority>;
  readonly isSequential?: boolean;
  /** Named by the operator. */
  readonly webSeeds?: readonly string[];
  readonly stopRule?: StopRule;
  /** Unless said, it does. */
  readonly flushesAtOnce?: boolean;
  /** Instead of files in `dir`. */
  readonly openStorage?: () => Promise<OpenedStorage>;
}

let peersMade = 0;
let madeIn: string | undefined;

/** Counts the peers of a file of tests, so that their ids and random numbers are the same whatever file ran before it. */
function numberOfPeer(): number {
  const { testPath } = expect.getState();
  if (testPath !== madeIn) peersMade = 0;
  madeIn = testPath;
  return ++peersMade;
}

/** A session with its torrents, real from the sockets to the files. */
export class TestPeer {
  readonly session: Session;
  readonly peerId: PeerId;
  readonly dir: string;
  readonly endpoint: Endpoint;
  readonly errors: CtError[] = [];
  readonly completed = new Set<Metainfo>();
  readonly flushed = new Set<Metainfo>();
  /** Why torrents were stopped by their rules. */
  readonly shared: string[] = [];
  readonly #ledger: Ledger;

  private constructor(parts: {
    session: Session;
    peerId: PeerId;
    dir: string;
    endpoint: Endpoint;
    ledger: Ledger;
  }) {
    this.session = parts.session;
    this.peerId = parts.peerId;
    this.dir = parts.dir;
    this.endpoint = parts.endpoint;
    this.#ledger = parts.ledger;
  }

  /** Starts with all these torrents; resolves once it was checked on disk and the tracker has answered. */
  static async start(
    given: GivenTorrent | readonly GivenTorrent[],
    options: TestPeerOptions,
  ): Promise<TestPeer> {
    const torrents = "metainfo" in given ? [given] : given;
    const dir = options.dir ?? (await temporaryDirectory());
    if (options.seeds) for (const torrent of torrents) await writeContent(torrent, dir);
    const clock = options.clock ?? systemClock;
    const number = numberOfPeer();
    const peerId = options.peerId ?? numberedPeerId(number);
    const ledger = new Ledger(peerId);
    const session = new Session({
      peerId,
      clock,
      random: seededRandom(number),
      log: options.log ?? silent,
      trace: options.trace ?? noTrace,
      ledger,
      ...(options.dht ? { dht: options.dht } : {}),
      localDiscovery: options.localDiscovery ?? false,
      maxConnections: options.connectionsInAll ?? options.maxConnections ?? 500,
      limits: {
        up: options.limitUp ?? Number.POSITIVE_INFINITY,
        down: options.limitDown ?? Number.POSITIVE_INFINITY,
        ...options.limits,
      },
      ...(options.encryption ? { encryption: options.encryption } : {}),
      ...(options.links ? { links: options.links } : {}),
    });
    onTestFinished(() => session.stop());
    const at = options.at.includes(":") ? options.at : `${options.at}:0`;
    const listening = await session.listen(unwrap(parseEndpoint(at, { allowPortZero: true })));
    const peer = new TestPeer({ session, peerId, dir, endpoint: listening, ledger });
    for (const { metainfo } of torrents) {
      const trackers = options.tracker ? [[options.tracker.announceUrl]] : [];
      const torrentOptions = {
        dir,
        numwant: 50,
        uploadSlots: options.uploadSlots ?? 4,
        choker: options.choker ?? "tit-for-tat",
        maxConnections: options.maxConnections ?? 80,
        exchangesPeers: options.exchangesPeers ?? false,
        ...(options.files ? { files: options.files } : {}),
        ...(options.webSeeds ? { webSeeds: options.webSeeds } : {}),
        ...(options.stopRule ? { stopRule: options.stopRule } : {}),
        isSequential: options.isSequential ?? false,
        onShared: (reason: string) => void peer.shared.push(reason),
        ...(options.openStorage ? { openStorage: options.openStorage } : {}),
        flushesAtOnce: options.flushesAtOnce ?? true,
        onComplete: () => void peer.completed.add(metainfo),
        onFlushed: () => void peer.flushed.add(metainfo),
        onError: (error: CtError) => void peer.errors.push(error),
      };
      const { byMagnet } = options;
      const torrent = byMagnet
        ? session.addMagnet(
            {
              infoHash: metainfo.infoHash,
              trackers: trackers.flat(),
              peers: byMagnet.peers ?? [],
              webSeeds: [],
              unusable: [],
            },
            torrentOptions,
          )
        : session.add({ ...metainfo, trackers }, torrentOptions);
      await torrent.start();
      const awaitsTracker = options.tracker && options.awaitsTracker !== false && !byMagnet;
      if (awaitsTracker) await until("the tracker has answered", () => hasAnnounced(torrent, clock));
    }
    return peer;
  }

  get torrent(): SwarmTorrent {
    const [first] = this.session.torrents;
    if (!first) throw new Error("a peer without torrents");
    return first;
  }

  get accounts(): TorrentAccounts {
    const [first] = this.#ledger.toJSON().torrents;
    if (!first) throw new Error("a peer without torrents");
    return first;
  }

  get sentBytes(): number {
    return this.torrent.status().sentBytes;
  }

  get receivedBytes(): number {
    const { externalBytes, internalBytes } = this.torrent.status();
    return externalBytes + internalBytes;
  }

  /** Peers that have shaken hands. */
  get peers(): number {
    return this.torrent.status().peers;
  }

  async complete(given?: GivenTorrent): Promise<void> {
    await until("the download is complete", () => {
      if (this.errors[0]) throw this.errors[0];
      return given ? this.completed.has(given.metainfo) : this.completed.size > 0;
    });
  }

  stop(): Promise<void> {
    return this.session.stop();
  }
}

export function numberedPeerId(n: number): PeerId {
  return peerIdFromBytes(Buffer.from(`-CT0100-${String(n).padStart(12, "0")}`));
}

/** Moves a clock that stands still by as little as an announce needs to leave. */
function hasAnnounced(torrent: SwarmTorrent, clock: Clock): boolean {
  if (clock instanceof ManualClock) clock.advance(1);
  const { asn, role, state } = torrent.status();
  // Whom the tracker tells of no AS is independent at once.
  return asn !== 0 || role === "independent" || state === "failed";
}

/** All files of a torrent, padding left out. */
export async function writeContent({ metainfo, content }: GivenTorrent, dir: string): Promise<void> {
  for (const { path, offset, length, pad } of metainfo.files) {
    if (pad) continue;
    const file = join(dir, ...path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content.subarray(offset, offset + length));
  }
}

/** The torrent's files as they stand in the directory, in one row; padding is zeros. */
export async function readContent({ metainfo }: GivenTorrent, dir: string): Promise<Buffer> {
  const parts = metainfo.files.map(({ path, length, pad }) =>
    pad ? Buffer.alloc(length) : readFile(join(dir, ...path)),
  );
  return Buffer.concat(await Promise.all(parts));
}
