import type { Socket } from "node:net";
import type { Clock, Random } from "@cachetorrent/clock";
import {
  type Address,
  type Asn,
  type Endpoint,
  formatEndpoint,
  LIMITS,
  type Located,
  type PeerEntry,
  type PeerId,
  sameEndpoint,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Connection } from "../wire/connection.ts";
import { AddressShares } from "./address-shares.ts";
import { AsDirectory } from "./as-directory.ts";
import type { Dialer } from "./dialer.ts";
import { isConnectedTo, PeerTable } from "./peer-table.ts";

export interface NeighboursOptions {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly dialer: Dialer;
  /** Our own endpoints: some trackers hand them out. */
  readonly ours: readonly Endpoint[];
  /** The open connections of this torrent. */
  readonly connections: () => ReadonlySet<Connection>;
  readonly maxConnections: number;
  /** Is there room for one more connection in the process? */
  hasRoom(): boolean;
  locate(endpoints: readonly Endpoint[]): Promise<readonly Located[]>;
  /** A socket to a peer whose AS is known, or known to be unknown. */
  connected(socket: Socket, direction: "in" | "out", remote: Endpoint, asn: Asn): void;
}

/** Of its connections a torrent dials so many in a hundred: if it dialled all, every peer would refuse newcomers. */
const DIALLED_PERCENT = 75;

const SELF = "ourselves";
const DUPLICATE = "connected twice";
/** A connection that stood so long was of use even if nothing went over it. */
const OF_USE_MS = 30_000;

/** Reasons after which the endpoint is not tried again for long. */
const USELESS: ReadonlySet<string> = new Set([SELF, DUPLICATE, "both complete"]);

/** With whom a torrent is connected: whom it dials, whom it lets in, and whom never again. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #directory: AsDirectory;
  readonly #table: PeerTable;
  readonly #trackerAnswered = Promise.withResolvers<void>();
  /** Being dialled, or let in but of an AS not known yet. */
  readonly #opening = new Set<Endpoint>();
  #dialling = 0;
  #stopped = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    const { clock, locate, log, ours, random } = options;
    this.#directory = new AsDirectory({ locate, clock, log });
    this.#table = new PeerTable(random, (endpoint) => ours.some((one) => sameEndpoint(one, endpoint)));
  }

  /** Open connections, and those being opened. */
  get count(): number {
    return this.#options.connections().size + this.#opening.size;
  }

  /** The tracker answered with these. */
  learn(peers: readonly PeerEntry[]): void {
    this.#directory.learn(peers);
    this.#table.learn(
      peers.map((peer) => peer.endpoint).filter(({ address }) => this.#options.dialer.reaches(address)),
    );
    this.#trackerAnswered.resolve();
    this.dialMore();
  }

  /** Dials whoever is due, as far as there is room. */
  dialMore(): void {
    const { clock, connections, dialer } = this.#options;
    while (!this.#stopped && this.#dialling < LIMITS.peer.halfOpen && dialer.hasRoom) {
      const mayDial = this.#whomToDial();
      if (!mayDial) return;
      const endpoint = this.#table.next(
        clock.now(),
        (one) => !mayDial(one.address) || isConnectedTo(one, connections()),
      );
      if (!endpoint) return;
      void this.#dial(endpoint);
    }
  }

  #whomToDial(): ((address: Address) => boolean) | undefined {
    if (this.#hasRoom(DIALLED_PERCENT)) return () => true;
    const shares = this.#shares();
    // One at a time: only with success it takes another's place, and until then it is one too many.
    const mayReplace =
      this.#dialling === 0 && shares.fair < this.count && shares.fair < this.#most(DIALLED_PERCENT);
    return mayReplace ? (address) => shares.hasRoomFor(address) : undefined;
  }

  /** A connection that came in. It is answered once its AS is known. */
  async accept(socket: Socket, remote: Endpoint): Promise<void> {
    const refusal = this.#refuseAddress(remote.address);
    if (refusal) {
      this.#options.log.debug({ endpoint: formatEndpoint(remote), event: "refused" }, refusal);
      socket.destroy();
      return;
    }
    this.#opening.add(remote);
    const asn = await this.#asnOf(remote);
    this.#opening.delete(remote);
    if (socket.destroyed || this.#stopped) socket.destroy();
    else this.#options.connected(socket, "in", remote, asn);
  }

  /** Why a peer that has said who it is must go, or undefined. A connection that it replaces is closed. */
  refuse(connection: Connection): string | undefined {
    const id = connection.peerId;
    if (id === this.#options.peerId) return SELF;
    if (this.#table.isBanned(connection.remote.address)) return "banned";
    for (const other of this.#options.connections()) {
      if (other === connection || other.peerId !== id || !other.isOpen) continue;
      if (!this.#replaces(connection, other)) return DUPLICATE;
      other.close(DUPLICATE);
    }
    return undefined;
  }

  closed(connection: Connection, reason: string): void {
    const { clock, log } = this.#options;
    const endpoint = formatEndpoint(connection.remote);
    log.debug({ endpoint, asn: connection.asn, event: "disconnected" }, reason);
    if (connection.direction === "in") return;
    if (USELESS.has(reason)) this.#table.rest(connection.remote, clock.now());
    else this.#table.ended(connection.remote, wasOfUse(connection, clock.now()), clock.now());
  }

  /** By address: a peer id costs a liar nothing. Behind one NAT address the others pay too; docs/limits.md says so. */
  ban(liar: Connection): void {
    const endpoint = formatEndpoint(liar.remote);
    this.#options.log.warn(
      { endpoint, asn: liar.asn, event: "banned" },
      `${endpoint} sent bad data and is banned`,
    );
    this.#table.ban(liar.remote.address);
    for (const connection of this.#options.connections()) {
      if (connection.remote.address === liar.remote.address) connection.abort("sent bad data");
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#trackerAnswered.resolve();
  }

  async #dial(endpoint: Endpoint): Promise<void> {
    const { clock, connected, dialer } = this.#options;
    this.#opening.add(endpoint);
    this.#dialling++;
    const asn = await this.#asnOf(endpoint);
    const socket = this.#stopped ? undefined : await dialer.dial(endpoint);
    this.#dialling--;
    this.#opening.delete(endpoint);
    if (!socket) this.#table.ended(endpoint, false, clock.now());
    else if (this.#stopped || !this.#makeRoomFor(endpoint.address)) {
      socket.destroy();
      this.#table.ended(endpoint, true, clock.now());
    } else connected(socket, "out", endpoint, asn);
  }

  /** Whoever got our endpoint from the tracker may be here before the tracker's answer to us is. */
  async #asnOf(remote: Endpoint): Promise<Asn> {
    const deadline = Promise.withResolvers<void>();
    const timer = this.#options.clock.after(LIMITS.peer.locateTimeoutMs, () => deadline.resolve());
    await Promise.race([this.#trackerAnswered.promise, deadline.promise]);
    timer.cancel();
    const known = this.#directory.asnOf(remote.address);
    if (known !== undefined) return known;
    return this.#stopped ? UNKNOWN_ASN : (await this.#directory.locate(remote)).asn;
  }

  #refuseAddress(address: Address): string | undefined {
    if (this.#stopped) return "stopping";
    if (this.#table.isBanned(address)) return "banned";
    return this.#makeRoomFor(address) ? undefined : "too many connections";
  }

  /** Where there is none, the newest connection of an address that has more than its share is closed for one that has less. */
  #makeRoomFor(address: Address): boolean {
    if (this.#hasRoom()) return true;
    const shares = this.#shares();
    if (!shares.hasRoomFor(address)) return false;
    const inExcess = [...this.#options.connections()].filter(
      ({ isOpen, remote }) => isOpen && shares.isExceededBy(remote.address),
    );
    inExcess.at(-1)?.abort("made way for another address");
    return inExcess.length > 0;
  }

  #shares(): AddressShares {
    const remotes = [...this.#options.connections()].map(({ remote }) => remote);
    const addresses = [...remotes, ...this.#opening].map(({ address }) => address);
    return new AddressShares(addresses, this.#options.maxConnections);
  }

  /** Two peers that dial each other at once must both keep the same connection: that of the smaller peer id. */
  #replaces(connection: Connection, other: Connection): boolean {
    if (connection.direction === other.direction) return false;
    const oursIsSmaller = this.#options.peerId < (other.peerId ?? "");
    return (connection.direction === "out") === oursIsSmaller;
  }

  /** Is there room for one more within `percent` of the connections? */
  #hasRoom(percent = 100): boolean {
    return this.count < this.#most(percent) && this.#options.hasRoom();
  }

  #most(percent: number): number {
    return Math.ceil((this.#options.maxConnections * percent) / 100);
  }
}

/** A peer that shakes hands and hangs up is not to be dialled every few seconds. */
function wasOfUse(connection: Connection, now: number): boolean {
  const { downRate, isHandshaken, openedAt, upload } = connection;
  return isHandshaken && (now - openedAt >= OF_USE_MS || downRate.rate(now) > 0 || upload.rate.rate(now) > 0);
}
