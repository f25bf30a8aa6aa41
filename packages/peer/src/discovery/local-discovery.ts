import { createSocket, type Socket } from "node:dgram";
import type { Clock, Random, Timer } from "@cachetorrent/clock";
import {
  type Endpoint,
  type InfoHash,
  isIPv6,
  isWildcard,
  LIMITS,
  parseAddress,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { FloodMeter } from "../wire/flood-meter.ts";
import type { Discoverable } from "./discoverable.ts";
import { decodeLsd, encodeLsd, INFO_HASHES_MOST } from "./lsd-message.ts";

export interface LocalDiscoveryParts {
  /** Where we listen for peers: says which families and which interface are ours. */
  readonly listening: Endpoint;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly torrents: () => Iterable<Discoverable>;
}

/** The multicast groups of BEP 14: they reach the machines of one network, not beyond. */
const PORT = 6771;
const GROUPS = { udp4: "239.192.152.143", udp6: "ff15::efc0:988f" } as const;
type Family = keyof typeof GROUPS;

const CHECK_MS = 1000;
const { lsdMs, lsdMessagesPerSecond } = LIMITS.discovery;

/**
 * Finds peers of the same network by multicast (BEP 14), and is found. Its sockets are bound to the groups' addresses, so
 * that nobody beyond the network can send to them. Where a network lets no multicast through, it is of no use and no harm.
 * npm's bittorrent-lsd is bound to every address, throws at a datagram of one line, and has no IPv6.
 */
export class LocalDiscovery {
  readonly #parts: LocalDiscoveryParts;
  readonly #cookie: string;
  readonly #sockets = new Map<Family, Socket>();
  readonly #announcedAt = new Map<InfoHash, number>();
  readonly #flood: FloodMeter;
  #timer: Timer | undefined;

  constructor(parts: LocalDiscoveryParts) {
    this.#parts = parts;
    this.#cookie = Math.floor(parts.random() * 2 ** 32).toString(16);
    this.#flood = new FloodMeter(lsdMessagesPerSecond, parts.clock.now());
  }

  /** Resolves when it hears. Without multicast there is a line in the log, and nothing else. */
  async start(): Promise<void> {
    const { address } = this.#parts.listening;
    const families: Family[] = address === "::" ? ["udp4", "udp6"] : [isIPv6(address) ? "udp6" : "udp4"];
    await Promise.all(families.map((family) => this.#open(family)));
    this.#timer = this.#parts.clock.every(CHECK_MS, () => this.#sweep());
  }

  /** Idempotent. */
  stop(): void {
    this.#timer?.cancel();
    for (const socket of this.#sockets.values()) socket.close();
    this.#sockets.clear();
  }

  async #open(family: Family): Promise<void> {
    const { listening, log } = this.#parts;
    const group = GROUPS[family];
    const socket = createSocket({ type: family, reuseAddr: true });
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        socket.bind({ address: group, port: PORT }, resolve);
      });
      // Of IPv6 an interface has a number and no address here: the machine chooses.
      const ours = family === "udp4" && !isWildcard(listening.address) ? listening.address : undefined;
      socket.addMembership(group, ours);
      if (ours) socket.setMulticastInterface(ours);
      socket.setMulticastTTL(1);
    } catch (error) {
      log.warn({ err: error, event: "lsd" }, `no local discovery by ${group}: ${(error as Error).message}`);
      socket.close();
      return;
    }
    socket.removeAllListeners("error");
    socket.on("error", (error) => log.debug({ err: error, event: "lsd" }, error.message));
    socket.on("message", (bytes, { address }) => this.#onMessage(bytes, address));
    socket.unref();
    this.#sockets.set(family, socket);
  }

  #sweep(): void {
    const now = this.#parts.clock.now();
    const due = [...this.#parts.torrents()]
      .filter(({ isDiscoverable }) => isDiscoverable)
      .map(({ infoHash }) => infoHash)
      .filter((infoHash) => now - (this.#announcedAt.get(infoHash) ?? Number.NEGATIVE_INFINITY) >= lsdMs)
      .slice(0, INFO_HASHES_MOST);
    if (due.length === 0) return;
    for (const infoHash of due) this.#announcedAt.set(infoHash, now);
    const { listening, log } = this.#parts;
    for (const [family, socket] of this.#sockets) {
      const host = family === "udp4" ? `${GROUPS.udp4}:${PORT}` : `[${GROUPS.udp6}]:${PORT}`;
      const message = encodeLsd({ port: listening.port, infoHashes: due, cookie: this.#cookie }, host);
      socket.send(message, PORT, GROUPS[family], (error) => {
        if (error) log.debug({ err: error, event: "lsd" }, `local discovery: ${error.message}`);
      });
    }
  }

  #onMessage(bytes: Uint8Array, from: string): void {
    if (this.#flood.isExceededBy(1, this.#parts.clock.now())) return;
    const message = decodeLsd(bytes);
    // An address of IPv6 comes with its interface.
    const address = parseAddress(from.replace(/%.*$/, ""));
    if (!message || !address || message.cookie === this.#cookie) return;
    for (const torrent of this.#parts.torrents()) {
      const isMeant = torrent.isDiscoverable && message.infoHashes.includes(torrent.infoHash);
      if (isMeant) torrent.hearOf([{ address, port: message.port }]);
    }
  }
}
