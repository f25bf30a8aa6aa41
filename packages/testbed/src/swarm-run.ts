import { rm } from "node:fs/promises";
import { join } from "node:path";
import { makeDirectory } from "@cachetorrent/files";
import { type Asn, CtError, type InfoHash, type PolicyName } from "@cachetorrent/protocol";
import { type Accounts, accountsOf, externalBytes, type PeerRecord } from "./accounts.ts";
import { findDifference } from "./content.ts";
import { type Content, createTorrent } from "./create-torrent.ts";
import { type DaemonProcess, describeExit } from "./daemon-process.ts";
import type { Launcher } from "./launcher.ts";
import { type PeerProcess, startPeerProcess } from "./peer-process.ts";
import { hostAddress } from "./site-address.ts";
import { startTrackerProcess, type TrackerProcess } from "./tracker-process.ts";

export interface Site {
  readonly asn: Asn;
  /** How many peers it has, seeds included. */
  readonly peers: number;
  /** How many of them have the content already: the first ones. */
  readonly seeds?: number;
}

export interface SwarmOptions {
  readonly launcher: Launcher;
  /** Everything the run writes is below; it should be new. */
  readonly dir: string;
  readonly content: Content;
  readonly sites: readonly Site[];
  readonly policy: PolicyName;
  /** Default 127.0.0.1:0. */
  readonly trackerListen?: string;
  readonly trackerArgs?: readonly string[];
  readonly peerArgs?: readonly string[];
  /** Every peer keeps a trace. */
  readonly trace?: boolean;
}

/** A peer of a run: its place in it beside its process. */
export interface SwarmPeer extends PeerProcess {
  readonly asn: Asn;
  readonly initialSeed: boolean;
  /** Where its trace is, if it keeps one. */
  readonly traceFile: string;
}

/** How far a run is, as its peers last wrote down. */
export interface SwarmProgress {
  /** Of those that began without the content. */
  readonly completeLeechers: number;
  readonly leechers: number;
  /** Bytes that crossed the border of an AS so far, counted by their receivers. */
  readonly externalBytes: number;
}

/** A tracker and the peers of several sites, each a process of its own. */
export class SwarmRun {
  readonly options: SwarmOptions;
  readonly tracker: TrackerProcess;
  readonly torrentFile: string;
  readonly infoHash: InfoHash;
  readonly #peers: SwarmPeer[] = [];

  /**
   * Starts the tracker, then the seeds, then all others at once; resolves when all listen. Rejects with CT_ERR_TESTBED, after which
   * the launcher's group may still hold running processes.
   */
  static async start(options: SwarmOptions): Promise<SwarmRun> {
    await makeDirectory(options.dir);
    const tracker = await startTrackerProcess(options.launcher, {
      ases: options.sites.map((site) => site.asn),
      policy: options.policy,
      ...(options.trackerListen === undefined ? {} : { listen: options.trackerListen }),
      ...(options.trackerArgs ? { args: options.trackerArgs } : {}),
    });
    const torrentFile = join(options.dir, `${options.content.name}.torrent`);
    const infoHash = await createTorrent(options.content, tracker.announceUrl, torrentFile);
    const run = new SwarmRun(options, tracker, torrentFile, infoHash);
    const places = options.sites.flatMap(placesOf);
    for (const initialSeed of [true, false]) {
      await Promise.all(
        places.filter((place) => place.initialSeed === initialSeed).map((place) => run.addPeer(place)),
      );
    }
    return run;
  }

  private constructor(
    options: SwarmOptions,
    tracker: TrackerProcess,
    torrentFile: string,
    infoHash: InfoHash,
  ) {
    this.options = options;
    this.tracker = tracker;
    this.torrentFile = torrentFile;
    this.infoHash = infoHash;
  }

  get peers(): readonly SwarmPeer[] {
    return this.#peers;
  }

  get leechers(): readonly SwarmPeer[] {
    return this.#peers.filter((peer) => !peer.initialSeed);
  }

  /** Starts one more peer, the site's `host`th. */
  async addPeer(place: {
    readonly asn: Asn;
    readonly host: number;
    readonly initialSeed?: boolean;
  }): Promise<SwarmPeer> {
    const { launcher, dir, content, peerArgs = [], trace } = this.options;
    const initialSeed = place.initialSeed ?? false;
    const id = `${place.asn}.${place.host}`;
    const traceFile = join(dir, `trace-${id}.jsonl`);
    const process = await startPeerProcess(launcher, {
      name: `peer ${id}`,
      torrentFiles: [this.torrentFile],
      dir: initialSeed ? content.parent : join(dir, `peer-${id}`),
      listen: `${hostAddress(place.asn, place.host)}:0`,
      ledgerFile: join(dir, `ledger-${id}.json`),
      args: trace ? [...peerArgs, "--trace", traceFile] : peerArgs,
    });
    const peer: SwarmPeer = { ...process, asn: place.asn, initialSeed, traceFile };
    this.#peers.push(peer);
    return peer;
  }

  /**
   * Resolves when every peer has said that it is complete. Rejects with CT_ERR_TESTBED, naming the process, when
   * the time is up, or when the tracker or a peer ends before.
   */
  async complete(timeoutMs: number): Promise<void> {
    const completions = this.leechers.map((peer) => peer.complete({ infoHash: this.infoHash, timeoutMs }));
    const needed = [this.tracker.daemon, ...this.#peers.map((peer) => peer.daemon)];
    const earlyEnds = needed.map(async (daemon) => {
      const exit = await daemon.exited;
      throw daemon.failure(`${describeExit(exit)} while others still needed it`);
    });
    // Those that end after the run are no concern of this promise any more: `race` has settled and takes note of them.
    await Promise.race([Promise.all(completions), ...earlyEnds]);
  }

  async progress(): Promise<SwarmProgress> {
    const records = await this.records();
    const leechers = records.filter(({ initialSeed }) => !initialSeed);
    return {
      // Of the same ledgers as the bytes: what peers have said meanwhile is of another moment.
      completeLeechers: leechers.filter(({ ledger }) => ledger.completedAt !== null).length,
      leechers: leechers.length,
      externalBytes: records.reduce((total, record) => total + externalBytes(record), 0),
    };
  }

  /** What the peers have written down so far; all of it once they have stopped. */
  records(): Promise<PeerRecord[]> {
    return Promise.all(
      this.#peers.map(async (peer) => ({
        asn: peer.asn,
        initialSeed: peer.initialSeed,
        ledger: await peer.ledger(this.infoHash),
      })),
    );
  }

  async accounts(): Promise<Accounts> {
    const { files, pieceLength } = this.options.content;
    const bytes = files.reduce((total, file) => total + file.bytes, 0);
    return accountsOf(await this.records(), { bytes, pieceLength });
  }

  /** The most memory that any peer took so far, in bytes. */
  async peakMemory(): Promise<number> {
    const peaks = await Promise.all(this.#peers.map((peer) => peer.daemon.peakMemory()));
    return Math.max(0, ...peaks.filter((peak) => peak !== undefined));
  }

  /** Reads every peer's files again. Throws CT_ERR_TESTBED with the peer and the first byte that is not as it should be. */
  async verifyContent(): Promise<void> {
    const { content } = this.options;
    const expected = join(content.parent, content.name);
    for (const peer of this.#peers) {
      const difference = await findDifference(expected, join(peer.dir, content.name), content.files);
      if (difference !== undefined) throw new CtError("CT_ERR_TESTBED", `${peer.name}: ${difference}`);
    }
  }

  /** Deletes the leechers' copies: ledgers and logs stay. */
  async removeContent(): Promise<void> {
    await Promise.all(this.leechers.map((peer) => rm(peer.dir, { recursive: true })));
  }

  /** Ends the peers one after another, so that every connection is closed by one side while the other still counts. */
  async stopPeers(): Promise<void> {
    for (const peer of this.#peers) await stopCleanly(peer.daemon);
  }

  /** Ends the peers all at once, then the tracker. Rejects with CT_ERR_TESTBED when one does not end as it should. */
  async stop(): Promise<void> {
    await Promise.all(this.#peers.map((peer) => stopCleanly(peer.daemon)));
    await stopCleanly(this.tracker.daemon);
  }
}

/** 128 + SIGTERM's number: what a daemon exits with that took its leave properly. */
const TOLD_TO_END = 143;

async function stopCleanly(daemon: DaemonProcess): Promise<void> {
  const exit = await daemon.stop();
  if (exit.code !== TOLD_TO_END) throw daemon.failure(`told to end by SIGTERM, it ${describeExit(exit)}`);
}

function placesOf(site: Site): { asn: Asn; host: number; initialSeed: boolean }[] {
  return Array.from({ length: site.peers }, (_, i) => ({
    asn: site.asn,
    host: i + 1,
    initialSeed: i < (site.seeds ?? 0),
  }));
}
