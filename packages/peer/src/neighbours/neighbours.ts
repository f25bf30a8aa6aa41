import { type Clock, type Random, Seldom } from "@cachetorrent/clock";
import {
  type Address,
  type Asn,
  type Endpoint,
  formatEndpoint,
  hostOf,
  LIMITS,
  type Located,
  type PeerEntry,
  type PeerId,
  sameEndpoint,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { Transport } from "../wire/transport.ts";
import { Approach, type ApproachParts } from "./approach.ts";
import { AsDirectory } from "./as-directory.ts";
import { connectionTo, PeerTable } from "./peer-table.ts";
import { Room, type RoomParts } from "./room.ts";

export interface NeighboursOptions extends Omit<RoomParts, "opening" | "asnOf">, ApproachParts {
  readonly peerId: PeerId;
  readonly clock: Clock;
  readonly random: Random;
  /** Our own endpoints: some trackers hand them out. */
  readonly ours: readonly Endpoint[];
  locate(endpoints: readonly Endpoint[]): Promise<readonly Located[]>;
  /** As long as no tracker has answered: may one do so soon? */
  expectsTracker(): boolean;
  /** Connected to a peer whose AS is known, or known to be unknown. */
  connected(transport: Transport, met: Met): Connection;
  /** May we have a connection with a peer of this AS that no tracker told of? */
  mayMeet(asn: Asn): boolean;
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

/** A connection that ended because the other side broke the protocol. */
interface Departure {
  readonly endpoint: string;
  readonly asn: Asn;
  readonly reason: string;
}

/** How the reason of such an end begins. */
const BREACH = "protocol error";
const SELF = "ourselves";
const FULL = "too many connections";
const DUPLICATE = "connected twice";
/** A connection that stood so long was of use even if nothing went over it. */
const OF_USE_MS = 30_000;

/** Reasons after which the endpoint is not tried again for long. */
const USELESS: ReadonlySet<string> = new Set([SELF, DUPLICATE, "both complete", "outside seed"]);

/** With whom a torrent is connected: whom it dials, whom it lets in, and whom never again. */
export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #directory: AsDirectory;
  readonly #table: PeerTable;
  readonly #approach: Approach;
  readonly #room: Room;
  readonly #breaches: Seldom<Departure>;
  readonly #trackerAnswered = Promise.withResolvers<void>();
  /** Being dialled, or let in but of an AS not known yet. */
  readonly #opening = new Set<Endpoint>();
  #dialling = 0;
  #hasBegun = false;
  #stopped = false;

  constructor(options: NeighboursOptions) {
    this.#options = options;
    const { clock, locate, log, ours, random } = options;
    this.#room = new Room({ ...options, opening: this.#opening, asnOf: (address) => this.asnOf(address) });
    this.#approach = new Approach(options);
    this.#breaches = new Seldom(clock, (_kind, { count, last: { reason, ...who } }) =>
      log.info({ ...who, event: "disconnected", count }, reason),
    );
    this.#directory = new AsDirectory({ locate, clock, log });
    this.#table = new PeerTable(random, (endpoint) => ours.some((one) => sameEndpoint(one, endpoint)));
  }

  /** Open connections, and those being opened. */
  get count(): number {
    return this.#room.count;
  }

  /** Has a tracker told of the endpoint? */
  isListed(endpoint: Endpoint): boolean {
    return this.#table.isListed(endpoint);
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
    // Whom the tracker told us of is our neighbour, whoever asks for the connection.
    const isOnlyTheirs = isIndirect && !this.isListed(endpoint);
    return mayDial && this.#table.claim(endpoint)
      ? this.#dial(endpoint, { isIndirect: isOnlyTheirs, needsRoom: false })
      : "not now";
  }

  /** We may ask of others than before: whoever was of no use is dialled again. */
  reconsider(): void {
    this.#table.reconsider();
    this.dialMore();
  }

  /** These are of that AS, by the tracker's word: our own leaders. */
  place(endpoints: readonly Endpoint[], asn: Asn): void {
    this.#directory.learn(endpoints.map((endpoint) => ({ endpoint, asn })));
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

  /** From now on others are dialled, of whom it may have heard before: what is on disk is known. */
  begin(): void {
    this.#hasBegun = true;
    this.dialMore();
  }

  /** There is no tracker whose answer would be worth to wait for. */
  expectNoTracker(): void {
    this.#trackerAnswered.resolve();
  }

  /** Somebody else than a tracker told of these: of what AS they are, and whether they are here, is for the tracker to say. */
  hearOf(endpoints: readonly Endpoint[]): void {
    this.#table.hearOf(endpoints.filter(({ address }) => this.#options.dialer.reaches(address)));
    this.dialMore();
  }

  /** Dials whoever is due, as far as there is room. */
  dialMore(): void {
    const { clock, connections, dialer } = this.#options;
    while (this.#hasBegun && !this.#stopped && this.#dialling < LIMITS.peer.halfOpen && dialer.hasRoom) {
      // First: whether there is room is asked of every torrent of the process, and every torrent asks a few times a second.
      if (!this.#table.isAnyDue(clock.now())) return;
      const mayDial = this.#room.whomToDial(this.#dialling > 0);
      if (!mayDial) return;
      const endpoint = this.#table.next(
        clock.now(),
        (one) => !mayDial(one.address) || connectionTo(one, connections()) !== undefined,
      );
      if (!endpoint) return;
      void this.#dial(endpoint, { isIndirect: false, needsRoom: true });
    }
  }

  /** A connection that came in. It is answered once its AS is known. */
  async accept(socket: Transport, remote: Endpoint): Promise<void> {
    if (this.#stopped || this.#table.isBanned(remote.address))
      return this.#turnAway(socket, remote, "banned");
    const isRoomMade = this.#room.makeFor(remote.address);
    if (!isRoomMade && !this.#room.hasExceptions) return this.#turnAway(socket, remote, FULL);
    this.#opening.add(remote);
    const asn = await this.#asnOf(remote);
    this.#opening.delete(remote);
    if (socket.destroyed || this.#stopped) socket.destroy();
    else if (!isRoomMade && !this.#isLetInBy(asn)) this.#turnAway(socket, remote, FULL);
    else this.#options.connected(socket, { direction: "in", remote, asn, isIndirect: false });
  }

  /** Although there is no room for just anybody. */
  #isLetInBy(asn: Asn): boolean {
    return this.#options.isAlwaysLetIn(asn) || this.#room.makeForMember(asn);
  }

  #turnAway(socket: Transport, remote: Endpoint, why: string): void {
    this.#options.log.debug({ endpoint: formatEndpoint(remote), event: "refused" }, why);
    socket.destroy();
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
    const { asn, ignored, remote } = connection;
    const who = { endpoint: formatEndpoint(remote), asn, ...(ignored > 0 ? { ignored } : {}) };
    // The operator has to see that some client does not get along with ours, and not a line for each of its attempts.
    const isTold = reason.startsWith(BREACH) && this.#breaches.add(BREACH, { ...who, reason });
    if (!isTold) log.debug({ ...who, event: "disconnected" }, reason);
    if (connection.direction === "in") return;
    if (!connection.isHandshaken && !connection.isClosedByUs) this.#approach.rebuffed(remote);
    if (USELESS.has(reason)) this.#table.rest(connection.remote, clock.now());
    else this.#table.ended(connection.remote, wasOfUse(connection, clock.now()), clock.now());
  }

  /**
   * By host: a peer id, or another address of its /64, costs a liar nothing. Behind one NAT address the others pay too;
   * docs/limits.md says so.
   */
  ban(liar: Connection): void {
    const endpoint = formatEndpoint(liar.remote);
    this.#options.log.warn(
      { endpoint, asn: liar.asn, event: "banned" },
      `${endpoint} sent bad data and is banned`,
    );
    this.#table.ban(liar.remote.address);
    const host = hostOf(liar.remote.address);
    for (const connection of this.#options.connections()) {
      if (hostOf(connection.remote.address) === host) connection.abort("sent bad data");
    }
  }

  stop(): void {
    this.#stopped = true;
    this.#breaches.stop();
    this.#approach.stop();
    this.#trackerAnswered.resolve();
  }

  async #dial(
    endpoint: Endpoint,
    { isIndirect, needsRoom }: { readonly isIndirect: boolean; readonly needsRoom: boolean },
  ): Promise<Connection | undefined> {
    const { clock, connected } = this.#options;
    this.#opening.add(endpoint);
    this.#dialling++;
    const asn = await this.#asnOf(endpoint);
    const mayMeet = isIndirect || this.isListed(endpoint) || this.#options.mayMeet(asn);
    if (!mayMeet) this.#table.rest(endpoint, clock.now());
    const socket = this.#stopped || !mayMeet ? undefined : await this.#approach.dial(endpoint);
    this.#dialling--;
    this.#opening.delete(endpoint);
    if (!socket) {
      if (mayMeet) this.#table.ended(endpoint, false, clock.now());
      return undefined;
    }
    const hasRoom = () => this.#room.makeFor(endpoint.address) || this.#room.makeForMember(asn);
    if (this.#stopped || (needsRoom && !hasRoom())) {
      socket.destroy();
      this.#table.ended(endpoint, true, clock.now());
      return undefined;
    }
    return connected(socket, { direction: "out", remote: endpoint, asn, isIndirect });
  }

  /** Whoever got our endpoint from the tracker may be here before the tracker's answer to us is. It is waited for once. */
  async #asnOf(remote: Endpoint): Promise<Asn> {
    if (!this.#options.expectsTracker()) this.expectNoTracker();
    const timer = this.#options.clock.after(LIMITS.peer.locateTimeoutMs, () => this.expectNoTracker());
    await this.#trackerAnswered.promise;
    timer.cancel();
    const known = this.#directory.asnOf(remote.address);
    if (known !== undefined) return known;
    return this.#stopped ? UNKNOWN_ASN : (await this.#directory.locate(remote)).asn;
  }

  /** Two peers that dial each other at once must both keep the same connection: that of the smaller peer id. */
  #replaces(connection: Connection, other: Connection): boolean {
    if (connection.direction === other.direction) return false;
    const oursIsSmaller = this.#options.peerId < (other.peerId ?? "");
    return (connection.direction === "out") === oursIsSmaller;
  }
}

/** A peer that shakes hands and hangs up is not to be dialled every few seconds. */
function wasOfUse(connection: Connection, now: number): boolean {
  const { downRate, isHandshaken, openedAt, upload } = connection;
  return isHandshaken && (now - openedAt >= OF_USE_MS || downRate.rate(now) > 0 || upload.rate.rate(now) > 0);
}
