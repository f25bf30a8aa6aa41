import { lookup } from "node:dns/promises";
import type { Clock, Timer } from "@cachetorrent/clock";
import {
  type Address,
  CtError,
  type Endpoint,
  encodeCompact,
  formatEndpoint,
  type InfoHash,
  infoHashFromBytes,
  isIPv6,
  LIMITS,
  parseAddress,
  sameEndpoint,
} from "@cachetorrent/protocol";
import DHT from "bittorrent-dht";
import type { Logger } from "pino";
import type { Discoverable } from "./discoverable.ts";
import type { KrpcDialect } from "./krpc-dialect.ts";
import { KrpcSocket } from "./krpc-socket.ts";
import type { Twin } from "./krpc-want.ts";
import { usableEndpoints } from "./scope.ts";

export interface DhtNodeParts {
  readonly dialect: KrpcDialect;
  /** Of the dialect's family: where to bind. */
  readonly address: Address;
  /** Where we listen for peers: the DHT has the same port, of UDP. */
  readonly listening: Endpoint;
  /** Nodes to begin with, `HOST:PORT`. */
  readonly bootstrap: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly torrents: () => Iterable<Discoverable>;
}

const CHECK_MS = 1000;
const { dhtAnnounceMs, dhtLonelyLeastMs, dhtLonelyMs, dhtNodesTold, dhtRetryMs, dhtPeers, dhtTables } =
  LIMITS.discovery;
/** What others tell of themselves is forgotten after this time: they announce again within it. */
const KEPT_MS = 2 * dhtAnnounceMs;

/** A node of the DHT (BEP 5) of one family: finds peers of our torrents there, private ones left out, and says that we have them. */
export class DhtNode implements Twin {
  readonly #parts: DhtNodeParts;
  readonly #dht: DHT;
  readonly #dueAt = new Map<InfoHash, number>();
  /** Of which somebody else was found in the latest search. */
  readonly #found = new Set<InfoHash>();
  /** Of which nobody was: how long it then waited. */
  readonly #lonelyMs = new Map<InfoHash, number>();
  /** For nodes to begin with. */
  #isLooking = false;
  #lookedAt = Number.NEGATIVE_INFINITY;
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(parts: DhtNodeParts) {
    this.#parts = parts;
    this.#dht = new DHT({
      // Names it would look up in either family, and addresses of IPv6 it cannot read.
      bootstrap: false,
      socket: new KrpcSocket(parts.dialect, parts.clock, parts.log),
      maxTables: dhtTables,
      maxValues: 1,
      maxPeers: dhtPeers,
      maxAge: KEPT_MS,
    });
    this.#dht.on("warning", (error) => parts.log.trace({ err: error, event: "dht" }, error.message));
    this.#dht.on("peer", ({ host, port }, infoHash) => this.#onPeer(host, port, infoHash));
    this.#dht.on("node", ({ id }) => {
      // Who names us among the nodes to begin with has us answer ourselves.
      if (this.#dht.nodeId.equals(id)) this.#dht.removeNode(id);
    });
  }

  /** Resolves when it listens. Rejects with CT_ERR_PORT_TAKEN where it cannot. */
  async start(): Promise<void> {
    const { address, clock, listening, log } = this.#parts;
    await new Promise<void>((resolve, reject) => {
      this.#dht.once("listening", resolve);
      this.#dht.once("error", reject);
      this.#dht.listen(listening.port, address);
    }).catch((error: Error) => {
      const where = formatEndpoint({ address, port: listening.port });
      throw new CtError("CT_ERR_PORT_TAKEN", `cannot listen on UDP ${where} for the DHT: ${error.message}`, {
        cause: error,
      });
    });
    this.#dht.removeAllListeners("error");
    this.#dht.on("error", (error) => log.warn({ err: error, event: "dht" }, error.message));
    this.#timer = clock.every(CHECK_MS, () => this.#sweep());
    void this.#lookForNodes();
  }

  get isLost(): boolean {
    return this.#dht.nodes.count() < dhtNodesTold;
  }

  closest(id: Uint8Array): Uint8Array {
    const nodes = this.#dht.nodes.closest(id, dhtNodesTold).flatMap(({ host, id: own, port }) => {
      const address = this.#parts.dialect.addressOf(host);
      return address ? [own, encodeCompact([{ address, port }])] : [];
    });
    return Buffer.concat(nodes);
  }

  /** There is one. */
  hearOf({ address, port }: Endpoint): void {
    if (!this.#isStopped) this.#dht.addNode({ host: this.#parts.dialect.hostFor(address), port });
  }

  /** Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#dht.destroy();
  }

  #sweep(): void {
    if (this.#dht.nodes.count() === 0) {
      void this.#lookForNodes();
      return;
    }
    const now = this.#parts.clock.now();
    for (const { infoHash, isDiscoverable } of this.#parts.torrents()) {
      if (!isDiscoverable || now < (this.#dueAt.get(infoHash) ?? 0)) continue;
      this.#dueAt.set(infoHash, now + dhtAnnounceMs);
      this.#announce(infoHash);
    }
  }

  /** Asks those to begin with, unless it was done a moment ago. One name at a time: a resolver that is silent holds up a thread that disks need. */
  async #lookForNodes(): Promise<void> {
    const { bootstrap, clock } = this.#parts;
    if (this.#isLooking || clock.now() - this.#lookedAt < dhtRetryMs) return;
    this.#isLooking = true;
    for (const node of bootstrap) await this.#find(node);
    this.#isLooking = false;
    this.#lookedAt = clock.now();
  }

  async #find(node: string): Promise<void> {
    const { dialect, log } = this.#parts;
    const at = node.lastIndexOf(":");
    const host = node.slice(0, at).replace(/^\[(.*)\]$/, "$1");
    const port = Number(node.slice(at + 1));
    const written = parseAddress(host);
    try {
      const address = written ?? parseAddress((await lookup(host, { family: dialect.family })).address);
      if (address && isIPv6(address) === (dialect.family === 6)) this.hearOf({ address, port });
    } catch (error) {
      // Of the other family, perhaps.
      log.debug({ err: error, event: "dht" }, `the DHT: ${(error as Error).message}`);
    }
  }

  #announce(infoHash: InfoHash): void {
    const { clock, listening, log } = this.#parts;
    this.#found.delete(infoHash);
    const done = (error?: Error | null): void => {
      if (this.#isStopped) return;
      log.debug({ infoHash, event: "dht" }, error ? `the DHT: ${error.message}` : "announced to the DHT");
      const waitMs = error ? dhtRetryMs : this.#waitMs(infoHash);
      this.#dueAt.set(infoHash, clock.now() + waitMs);
    };
    // To announce alone is to search no more for five minutes.
    this.#dht.lookup(infoHash, (error) => {
      if (error || this.#isStopped) done(error);
      else this.#dht.announce(infoHash, listening.port, done);
    });
  }

  /** After a search: whoever has it may not have said so yet, and two who began at once have missed each other. */
  #waitMs(infoHash: InfoHash): number {
    if (this.#found.has(infoHash)) {
      this.#lonelyMs.delete(infoHash);
      return dhtAnnounceMs;
    }
    const before = this.#lonelyMs.get(infoHash);
    const waitMs = before === undefined ? dhtLonelyLeastMs : Math.min(2 * before, dhtLonelyMs);
    this.#lonelyMs.set(infoHash, waitMs);
    return waitMs;
  }

  #onPeer(host: string, port: number, infoHashBytes: Uint8Array): void {
    const { dialect, listening, torrents } = this.#parts;
    const address = dialect.addressOf(host);
    if (!address) return;
    const infoHash = infoHashFromBytes(infoHashBytes);
    if (!sameEndpoint({ address, port }, listening)) this.#found.add(infoHash);
    for (const torrent of torrents()) {
      if (torrent.infoHash !== infoHash || !torrent.isDiscoverable) continue;
      torrent.hearOf(usableEndpoints([{ address, port }], this.#parts.address));
    }
  }
}
