import { type Clock, type Random, randomBelow } from "@cachetorrent/clock";
import {
  type Address,
  isIPv6,
  isWildcard,
  LIMITS,
  type PeerId,
  parseAddress,
  peerIdFromBytes,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Metainfo } from "../metainfo/metainfo.ts";
import type { Met } from "../neighbours/neighbours.ts";
import { AddressGuard } from "../outbound/address-guard.ts";
import { HttpClient } from "../outbound/http-client.ts";
import type { WebSeedStatus } from "../status.ts";
import type { Connection } from "../wire/connection.ts";
import type { Transport } from "../wire/transport.ts";
import { WebSeed } from "./web-seed.ts";
import { usableWebSeeds } from "./web-seed-url.ts";

export interface WebSeedsParts {
  readonly metainfo: Metainfo;
  /** Those that the operator names, besides the torrent's. */
  readonly named: readonly string[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  /** Where we listen: as trackers do, web seeds see us there. */
  readonly listening: { readonly address: Address };
  /** Is anything to be fetched, and may it come from outside? */
  mayFetch(): boolean;
  connect(transport: Transport, met: Met & { readonly isWebSeed: true }): Connection;
}

/** The web seeds of a torrent: with each of them it has a connection while it may fetch there. */
export class WebSeeds {
  readonly #parts: WebSeedsParts;
  readonly #seeds: WebSeed[];
  readonly #clients: HttpClient[] = [];
  readonly #connections = new Map<WebSeed, Connection>();
  /** Before that no connection is made again: one that was of no use is of none a moment later. */
  readonly #reopensAt = new Map<WebSeed, number>();
  #keptAliveAt = Number.NEGATIVE_INFINITY;
  #isStopped = false;

  constructor(parts: WebSeedsParts) {
    this.#parts = parts;
    const { metainfo, named } = parts;
    const operators = new Set(usableWebSeeds(named));
    this.#seeds = usableWebSeeds([...operators, ...metainfo.webSeeds]).map(
      (url) =>
        new WebSeed({
          ...parts,
          url,
          mayBeLocal: operators.has(url),
          peerId: webSeedId(parts.random),
          http: this.#clientFor(url),
        }),
    );
  }

  status(now: number): WebSeedStatus[] {
    return this.#seeds.map((seed) => seed.status(now));
  }

  sweep(now: number): void {
    if (this.#isStopped) return;
    const mayFetch = this.#parts.mayFetch();
    for (const seed of this.#seeds) {
      if (!mayFetch) this.#connections.get(seed)?.close("nothing to fetch");
      else if (this.#isDue(seed, now)) this.#open(seed);
      seed.sweep(now);
    }
    if (now - this.#keptAliveAt < LIMITS.peer.keepAliveMs) return;
    this.#keptAliveAt = now;
    for (const seed of this.#seeds) seed.keepAlive();
  }

  closed(connection: Connection, reason: string): void {
    const { clock, log } = this.#parts;
    for (const [seed, one] of this.#connections) {
      if (one !== connection) continue;
      log.debug({ event: "disconnected", url: seed.name }, reason);
      this.#connections.delete(seed);
      this.#reopensAt.set(seed, clock.now() + LIMITS.webSeeds.restMs);
    }
  }

  /** It sent bad data. */
  ban(connection: Connection): void {
    for (const [seed, one] of this.#connections) if (one === connection) seed.end("sent bad data");
  }

  stop(): void {
    this.#isStopped = true;
    for (const seed of this.#seeds) seed.stop();
    for (const client of this.#clients) void client.close();
  }

  #isDue(seed: WebSeed, now: number): boolean {
    const isOpen = this.#connections.has(seed);
    return !isOpen && !seed.isDropped && !seed.rests(now) && now >= (this.#reopensAt.get(seed) ?? 0);
  }

  #open(seed: WebSeed): void {
    const met = {
      // As if it had come to us: nobody is told of an endpoint that can be dialled.
      direction: "in",
      remote: seed.endpoint,
      // Outside of every AS, wherever it stands: what an origin gives is what is to come once.
      asn: UNKNOWN_ASN,
      isIndirect: false,
      isWebSeed: true,
    } as const;
    this.#connections.set(seed, this.#parts.connect(seed.open(), met));
  }

  /** From the address where peers see us, if it is of a family that the web seed can be reached by. */
  #clientFor(url: string): HttpClient {
    const { address } = this.#parts.listening;
    const host = parseAddress(new URL(url).hostname.replace(/^\[|\]$/g, ""));
    const isBound = !isWildcard(address) && (!host || isIPv6(host) === isIPv6(address));
    const guard = new AddressGuard({ order: address === "0.0.0.0" ? "ipv4first" : "verbatim" });
    const client = new HttpClient(this.#parts.clock, isBound ? address : undefined, guard);
    this.#clients.push(client);
    return client;
  }
}

function webSeedId(random: Random): PeerId {
  const bytes = Buffer.alloc(20, "-WS0100-");
  for (let i = 8; i < 20; i++) bytes[i] = randomBelow(random, 256);
  return peerIdFromBytes(bytes);
}
