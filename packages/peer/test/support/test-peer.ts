import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type Clock, ManualClock, seededRandom, systemClock } from "@cachetorrent/clock";
import { type CtError, type Endpoint, type PeerId, peerIdFromBytes } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { onTestFinished } from "vitest";
import { Ledger, type TorrentAccounts } from "../../src/accounts/ledger.ts";
import { noTrace, type Trace } from "../../src/accounts/trace.ts";
import type { OpenedStorage } from "../../src/disk/storage.ts";
import type { ChokerKind } from "../../src/exchange/choker.ts";
import type { Metainfo } from "../../src/metainfo/metainfo.ts";
import type { SharedLinks } from "../../src/rates/shared-links.ts";
import { Session } from "../../src/session.ts";
import type { Torrent } from "../../src/torrent.ts";
import { endpoint, silent } from "./samples.ts";
import { type GivenTorrent, temporaryDirectory } from "./torrents.ts";
import { until } from "./until.ts";

export interface TestPeerOptions {
  /** `127.AS.y.z` or with a port. */
  readonly at: string;
  /** Without one it knows nobody and waits to be dialled. */
  readonly tracker?: { readonly announceUrl: string };
  /** Begins with the content on disk. */
  readonly seeds?: boolean;
  readonly dir?: string;
  readonly clock?: Clock;
  readonly limitUp?: number;
  readonly limitDown?: number;
  readonly maxConnections?: number;
  /** Of the process; unless said, as many as of a torrent. */
  readonly connectionsInAll?: number;
  readonly uploadSlots?: number;
  readonly choker?: ChokerKind;
  readonly trace?: Trace;
  readonly log?: Logger;
  readonly peerId?: PeerId;
  /** Whether it starts no sooner than its tracker has answered; unless said, it does. */
  readonly awaitsTracker?: boolean;
  readonly links?: SharedLinks;
  /** Instead of files in `dir`. */
  readonly openStorage?: () => Promise<OpenedStorage>;
}

let peersMade = 0;

/** A session with its torrents, real from the sockets to the files. */
export class TestPeer {
  readonly session: Session;
  readonly peerId: PeerId;
  readonly dir: string;
  readonly endpoint: Endpoint;
  readonly errors: CtError[] = [];
  readonly completed = new Set<Metainfo>();
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
    peersMade++;
    const peerId = options.peerId ?? numberedPeerId(peersMade);
    const ledger = new Ledger(peerId);
    const session = new Session({
      peerId,
      clock,
      random: seededRandom(peersMade),
      log: options.log ?? silent,
      trace: options.trace ?? noTrace,
      ledger,
      maxConnections: options.connectionsInAll ?? options.maxConnections ?? 500,
      limitUp: options.limitUp ?? Number.POSITIVE_INFINITY,
      limitDown: options.limitDown ?? Number.POSITIVE_INFINITY,
      ...(options.links ? { links: options.links } : {}),
    });
    onTestFinished(() => session.stop());
    const listening = await session.listen(
      options.at.includes(":") ? endpoint(options.at) : { ...endpoint(`${options.at}:1`), port: 0 },
    );
    const peer = new TestPeer({ session, peerId, dir, endpoint: listening, ledger });
    for (const { metainfo } of torrents) {
      const trackers = options.tracker ? [[options.tracker.announceUrl]] : [];
      const torrent = session.add(
        { ...metainfo, trackers },
        {
          dir,
          numwant: 50,
          uploadSlots: options.uploadSlots ?? 4,
          choker: options.choker ?? "tit-for-tat",
          maxConnections: options.maxConnections ?? 80,
          ...(options.openStorage ? { openStorage: options.openStorage } : {}),
          onComplete: () => void peer.completed.add(metainfo),
          onError: (error) => void peer.errors.push(error),
        },
      );
      await torrent.start();
      const awaitsTracker = options.tracker && options.awaitsTracker !== false;
      if (awaitsTracker) await until("the tracker has answered", () => hasAnnounced(torrent, clock));
    }
    return peer;
  }

  get torrent(): Torrent {
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
function hasAnnounced(torrent: Torrent, clock: Clock): boolean {
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
