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
import { connectionTo, PeerTable } from "./peer-table.ts";

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
  connected(socket: Socket, met: Met): Connection;
  /** Our own AS as far as it is known. */
  readonly asn: () => Asn;
  /** May one more peer of this AS come in although there are as many connections as there should be? */
  isAlwaysLetIn(asn: Asn): boolean;
  /** It was opened for a follower, and turned out to be a neighbour like any other. */
  becameDirect(connection: Connection): void;
}

/** How we came to a peer. */
export interface Met {
  readonly direction: "in" | "out";
  readonly remote: Endpoint;
  readonly asn: Asn;
  /** It is dialled for a follower, to download only. */
  readonly isIndirect: boolean;
}

/** Of its connections a torrent dials so many in a hundred: if it dialled all, every peer would refuse newcomers. */
const DIALLED_PERCENT = 75;

const SELF = "ourselves";
const FULL = "too many connections";
const DUPLICATE = "connected twice";
/** A connection that stood so long was of use even if nothing went over it. */
const OF_USE_MS = 30_000;

/** Reasons after which the endpoint is not tried again for long. */
const USELESS: ReadonlySet<string> = new Set([SELF, DUPLICATE, "both complete", "outside seed"]);

/** So many connections of peers that are always let in, at most, beyond what a torrent should have. */
const LET_IN_MOST = 200;

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

  /** Has a tracker told of the endpoint? */
  isListed(endpoint: Endpoint): boolean {
    return this.#table.isKnown(endpoint);
  }

  /** The tracker's word on an endpoint: its AS, and whether it announced in this swarm. Never rejects. */
  locate(endpoint: Endpoint): Promise<Located> {
    return this.#directory.locate(endpoint);
  }

  /** The AS of an address as far as it was learnt. */
  asnOf(address: Address): Asn | undefined {
    return this.#directory.asnOf(address);
  }

  /** Is it of the other kind of addresses, or banned? */
  isOutOfReach({ address }: Endpoint): boolean {
    return !this.#options.dialer.reaches(address) || this.#table.isBanned(address);
  }

  /** The connection with the peer that listens there. */
  connectionTo(endpoint: Endpoint): Connection | undefined {
    const open = [...this.#options.connections()].filter((one) => one.isOpen);
    return connectionTo(endpoint, open);
  }

  /**
   * Dials a peer now, whoever else is waiting and however many there are: whoever calls has bounds of its own. Undefined
   * when that failed, and "not now" when it was not tried.
   */
  async dialTo(endpoint: Endpoint, isIndirect = false): Promise<Connection | "not now" | undefined> {
    const { dialer, hasRoom } = this.#options;
    const mayDial = !this.#stopped && hasRoom() && dialer.reaches(endpoint.address);
    return mayDial && this.#table.claim(endpoint)
      ? this.#dial(endpoint, { isIndirect, needsRoom: false })
      : "not now";
  }

  /** We may ask of others than before: whoever was of no use is dialled again. */
  reconsider(): void {
    this.#table.reconsider();
    this.dialMore();
  }

  /** The tracker answered with these. */
  learn(peers: readonly PeerEntry[]): void {
    this.#directory.learn(peers);
    this.#table.learn(
      peers.map((peer) => peer.endpoint).filter(({ address }) => this.#options.dialer.reaches(address)),
    );
    this.#trackerAnswered.resolve();
    for (const connection of this.#options.connections()) {
      const { endpoint } = connection;
      if (connection.isIndirect && peers.some((peer) => endpoint && sameEndpoint(peer.endpoint, endpoint))) {
        this.#options.becameDirect(connection);
      }
    }
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
        (one) => !mayDial(one.address) || connectionTo(one, connections()) !== undefined,
      );
      if (!endpoint) return;
      void this.#dial(endpoint, { isIndirect: false, needsRoom: true });
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
    if (this.#stopped || this.#table.isBanned(remote.address))
      return this.#turnAway(socket, remote, "banned");
    const isRoomMade = this.#makeRoomFor(remote.address);
    if (!isRoomMade && this.#mayNeverLetIn()) return this.#turnAway(socket, remote, FULL);
    this.#opening.add(remote);
    const asn = await this.#asnOf(remote);
    this.#opening.delete(remote);
    if (socket.destroyed || this.#stopped) socket.destroy();
    else if (!isRoomMade && !this.#options.isAlwaysLetIn(asn)) this.#turnAway(socket, remote, FULL);
    else this.#options.connected(socket, { direction: "in", remote, asn, isIndirect: false });
  }

  #turnAway(socket: Socket, remote: Endpoint, why: string): void {
    this.#options.log.debug({ endpoint: formatEndpoint(remote), event: "refused" }, why);
    socket.destroy();
  }

  /** Nobody is let in beyond what a torrent should have: there are no exceptions, or too many. */
  #mayNeverLetIn(): boolean {
    const { asn, hasRoom, isAlwaysLetIn, maxConnections } = this.#options;
    return !hasRoom() || this.#directCount >= maxConnections + LET_IN_MOST || !isAlwaysLetIn(asn());
  }

  /** Why a peer that has said who it is must go, or undefined. A connection that it replaces is closed. */
  refuse(connection: Connection): string | undefined {
    const id = connection.peerId;
    if (id === this.#options.peerId) return SELF;
    if (this.#table.isBanned(connection.remote.address)) return "banned";
    for (const other of this.#options.connections()) {
      if (other === connection || other.peerId !== id || !other.isOpen) continue;
      if (!this.#replaces(connection, other)) {
        // It dialled us: it is our neighbour, not only a follower's.
        if (!connection.isIndirect) this.#options.becameDirect(other);
        return DUPLICATE;
      }
      other.close(DUPLICATE);
      if (!other.isIndirect) this.#options.becameDirect(connection);
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

  async #dial(
    endpoint: Endpoint,
    { isIndirect, needsRoom }: { readonly isIndirect: boolean; readonly needsRoom: boolean },
  ): Promise<Connection | undefined> {
    const { clock, connected, dialer } = this.#options;
    this.#opening.add(endpoint);
    this.#dialling++;
    const asn = await this.#asnOf(endpoint);
    const socket = this.#stopped ? undefined : await dialer.dial(endpoint);
    this.#dialling--;
    this.#opening.delete(endpoint);
    if (!socket) {
      this.#table.ended(endpoint, false, clock.now());
      return undefined;
    }
    if (this.#stopped || (needsRoom && !this.#makeRoomFor(endpoint.address))) {
      socket.destroy();
      this.#table.ended(endpoint, true, clock.now());
      return undefined;
    }
    return connected(socket, { direction: "out", remote: endpoint, asn, isIndirect });
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
    return this.#directCount < this.#most(percent) && this.#options.hasRoom();
  }

  /** What is opened for followers has a bound of its own. */
  get #directCount(): number {
    let indirect = 0;
    for (const connection of this.#options.connections()) if (connection.isIndirect) indirect++;
    return this.count - indirect;
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
