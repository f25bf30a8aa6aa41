import type { Clock, Timer } from "@cachetorrent/clock";
import {
  type Address,
  CtError,
  type Endpoint,
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
import { KrpcSocket } from "./krpc-socket.ts";
import { usableEndpoints } from "./scope.ts";

export interface DhtParts {
  /** Where we listen for peers: the DHT has the same port, of UDP. */
  readonly listening: Endpoint;
  /** Nodes to begin with, `HOST:PORT`. */
  readonly bootstrap: readonly string[];
  readonly clock: Clock;
  readonly log: Logger;
  readonly torrents: () => Iterable<Discoverable>;
}

const CHECK_MS = 1000;
const { dhtAnnounceMs, dhtLonelyMs, dhtRetryMs, dhtPeers, dhtTables } = LIMITS.discovery;
/** What others tell of themselves is forgotten after this time: they announce again within it. */
const KEPT_MS = 2 * dhtAnnounceMs;

/** A node of the DHT (BEP 5), of IPv4: finds peers of our torrents there, private ones left out, and says that we have them. */
export class Dht {
  readonly #parts: DhtParts;
  readonly #address: Address;
  readonly #dht: DHT;
  readonly #dueAt = new Map<InfoHash, number>();
  /** Of which somebody else was found in the latest search. */
  readonly #found = new Set<InfoHash>();
  #timer: Timer | undefined;
  #isStopped = false;

  /** Undefined where we listen on an address of IPv6: there is nothing to bind to. */
  static on(parts: DhtParts): Dht | undefined {
    const { address } = parts.listening;
    if (address === "::") return new Dht(parts, "0.0.0.0" as Address);
    if (!isIPv6(address)) return new Dht(parts, address);
    parts.log.warn({ event: "dht" }, `no DHT: it is of IPv4, and ${address} is not`);
    return undefined;
  }

  private constructor(parts: DhtParts, address: Address) {
    this.#parts = parts;
    this.#address = address;
    this.#dht = new DHT({
      bootstrap: parts.bootstrap.length > 0 ? parts.bootstrap : false,
      socket: new KrpcSocket(parts.clock, parts.log),
      maxTables: dhtTables,
      maxValues: 1,
      maxPeers: dhtPeers,
      maxAge: KEPT_MS,
    });
    this.#dht.on("warning", (error) => parts.log.trace({ err: error, event: "dht" }, error.message));
    this.#dht.on("peer", ({ host, port }, infoHash) => this.#onPeer(host, port, infoHash));
  }

  /** Of UDP. */
  get port(): number {
    return this.#parts.listening.port;
  }

  /** Resolves when it listens. Rejects with CT_ERR_PORT_TAKEN where it cannot. */
  async start(): Promise<void> {
    const { clock, log } = this.#parts;
    await new Promise<void>((resolve, reject) => {
      this.#dht.once("listening", resolve);
      this.#dht.once("error", reject);
      this.#dht.listen(this.port, this.#address);
    }).catch((error: Error) => {
      const where = formatEndpoint({ address: this.#address, port: this.port });
      throw new CtError("CT_ERR_PORT_TAKEN", `cannot listen on UDP ${where} for the DHT: ${error.message}`, {
        cause: error,
      });
    });
    this.#dht.removeAllListeners("error");
    this.#dht.on("error", (error) => log.warn({ err: error, event: "dht" }, error.message));
    this.#timer = clock.every(CHECK_MS, () => this.#sweep());
  }

  /** A peer says that it has a node there (BEP 5, `port`). */
  hearOfNode({ address, port }: Endpoint): void {
    if (!this.#isStopped && port > 0 && !isIPv6(address)) this.#dht.addNode({ host: address, port });
  }

  /** Idempotent. */
  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    this.#timer?.cancel();
    this.#dht.destroy();
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    for (const { infoHash, isDiscoverable } of this.#parts.torrents()) {
      if (!isDiscoverable || now < (this.#dueAt.get(infoHash) ?? 0)) continue;
      this.#dueAt.set(infoHash, now + dhtAnnounceMs);
      this.#announce(infoHash);
    }
  }

  #announce(infoHash: InfoHash): void {
    const { clock, listening, log } = this.#parts;
    this.#found.delete(infoHash);
    this.#dht.announce(infoHash, listening.port, (error) => {
      if (this.#isStopped) return;
      log.debug({ infoHash, event: "dht" }, error ? `the DHT: ${error.message}` : "announced to the DHT");
      // No node is known yet, or none answered; or whoever has it has not said so yet.
      if (error) this.#dueAt.set(infoHash, clock.now() + dhtRetryMs);
      else if (!this.#found.has(infoHash)) this.#dueAt.set(infoHash, clock.now() + dhtLonelyMs);
    });
  }

  #onPeer(host: string, port: number, infoHashBytes: Uint8Array): void {
    const address = parseAddress(host);
    if (!address) return;
    const infoHash = infoHashFromBytes(infoHashBytes);
    if (!sameEndpoint({ address, port }, this.#parts.listening)) this.#found.add(infoHash);
    for (const torrent of this.#parts.torrents()) {
      if (torrent.infoHash !== infoHash || !torrent.isDiscoverable) continue;
      torrent.hearOf(usableEndpoints([{ address, port }], this.#address));
    }
  }
}
