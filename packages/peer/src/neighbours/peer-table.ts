import { type Random, randomBelow } from "@cachetorrent/clock";
import {
  type Address,
  type Endpoint,
  formatEndpoint,
  hostOf,
  LIMITS,
  sameEndpoint,
} from "@cachetorrent/protocol";

interface KnownPeer {
  readonly endpoint: Endpoint;
  failures: number;
  /** Not dialled before. */
  notBefore: number;
  busy: boolean;
  /** A tracker told of it. */
  isListed: boolean;
  /** It rests for what it is to us, not because it failed. */
  rests: boolean;
}

const FIRST_RETRY_MS = 5_000;
const LAST_RETRY_MS = 10 * 60_000;

/** The endpoints of one torrent that can be dialled, and whom we never dial again. */
export class PeerTable {
  readonly #random: Random;
  readonly #peers = new Map<string, KnownPeer>();
  /** Hosts, not addresses: a liar with one of IPv6 has a /64 of them. */
  readonly #banned = new Set<string>();
  readonly #ours: (endpoint: Endpoint) => boolean;
  /** Nobody is due before this. */
  #quietUntil = Number.NEGATIVE_INFINITY;

  /** `ours` recognises our own endpoint, which some trackers hand out. */
  constructor(random: Random, ours: (endpoint: Endpoint) => boolean) {
    this.#random = random;
    this.#ours = ours;
  }

  get size(): number {
    return this.#peers.size;
  }

  /** All that were told of, but for those that are never dialled again. */
  get endpoints(): Endpoint[] {
    return [...this.#peers.values()]
      .map(({ endpoint }) => endpoint)
      .filter(({ address }) => !this.isBanned(address));
  }

  /** A tracker told of these. */
  learn(endpoints: readonly Endpoint[]): void {
    for (const endpoint of endpoints) {
      const known = this.#peers.get(formatEndpoint(endpoint));
      if (known) known.isListed = true;
      else if (!this.#add(endpoint, true)) return;
    }
  }

  /** Somebody else told of these: they take a quarter of the places at most, for whoever invents them may be no friend. */
  hearOf(endpoints: readonly Endpoint[]): void {
    let heardOf = [...this.#peers.values()].filter(({ isListed }) => !isListed).length;
    for (const endpoint of endpoints) {
      if (this.#peers.has(formatEndpoint(endpoint))) continue;
      if (heardOf >= LIMITS.discovery.heardOfMost && !this.#forgetWorst((peer) => !peer.isListed)) return;
      if (!this.#add(endpoint, false)) return;
      heardOf++;
    }
  }

  /** May anybody be dialled now? What `next` would find out, at less cost; of those that are connected it knows nothing. */
  isAnyDue(now: number): boolean {
    if (now < this.#quietUntil) return false;
    let first = Number.POSITIVE_INFINITY;
    for (const peer of this.#peers.values()) {
      if (this.#isDue(peer, now)) return true;
      if (!peer.busy && peer.notBefore > now) first = Math.min(first, peer.notBefore);
    }
    this.#quietUntil = first;
    return false;
  }

  /** An endpoint to dial now, at random among the due, those first that a tracker told of, and marks it busy until `ended`; undefined when none is due. */
  next(now: number, isConnected: (endpoint: Endpoint) => boolean): Endpoint | undefined {
    const due = [...this.#peers.values()].filter(
      (peer) => this.#isDue(peer, now) && !isConnected(peer.endpoint),
    );
    const listed = due.filter(({ isListed }) => isListed);
    const first = listed.length > 0 ? listed : due;
    const peer = first[randomBelow(this.#random, first.length)];
    if (peer) peer.busy = true;
    return peer?.endpoint;
  }

  /** The dial, or the connection that came of it, is over. One that was of no use counts as a failure. */
  ended(endpoint: Endpoint, wasOfUse: boolean, now: number): void {
    const peer = this.#peers.get(formatEndpoint(endpoint));
    if (!peer) return;
    peer.busy = false;
    peer.failures = wasOfUse ? 0 : peer.failures + 1;
    this.#mayBeDueFrom(peer, now + Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** peer.failures));
  }

  /** It is not to be dialled for long: ourselves, or as complete as we are. */
  rest(endpoint: Endpoint, now: number): void {
    const peer = this.#peers.get(formatEndpoint(endpoint));
    if (!peer) return;
    peer.busy = false;
    peer.rests = true;
    this.#mayBeDueFrom(peer, now + LAST_RETRY_MS);
  }

  /** We are something else now: those that rest may be of use. */
  reconsider(): void {
    for (const peer of this.#peers.values()) {
      if (!peer.rests) continue;
      peer.rests = false;
      this.#mayBeDueFrom(peer, 0);
    }
  }

  /** Has a tracker told of the endpoint? */
  isListed(endpoint: Endpoint): boolean {
    return this.#peers.get(formatEndpoint(endpoint))?.isListed ?? false;
  }

  /** Somebody dials it without having asked whom to dial. False when it is being dialled, or never to be. */
  claim(endpoint: Endpoint): boolean {
    if (this.isBanned(endpoint.address) || this.#ours(endpoint)) return false;
    const peer = this.#peers.get(formatEndpoint(endpoint));
    if (peer?.busy) return false;
    if (peer) peer.busy = true;
    return true;
  }

  #isDue({ busy, endpoint, notBefore }: KnownPeer, now: number): boolean {
    return !busy && notBefore <= now && !this.isBanned(endpoint.address);
  }

  #mayBeDueFrom(peer: KnownPeer, at: number): void {
    peer.notBefore = at;
    this.#quietUntil = Math.min(this.#quietUntil, at);
  }

  /** False when there is no room for more. */
  #add(endpoint: Endpoint, isListed: boolean): boolean {
    if (this.#ours(endpoint)) return true;
    // A tracker or peer that names endpoints without end must not fill our memory.
    const isFull = this.#peers.size >= LIMITS.peer.knownPeersPerTorrent;
    if (isFull && !this.#forgetWorst(() => true)) return false;
    const fresh = { endpoint, failures: 0, notBefore: 0, busy: false, rests: false, isListed };
    this.#peers.set(formatEndpoint(endpoint), fresh);
    this.#mayBeDueFrom(fresh, 0);
    return true;
  }

  /** Makes room: whoever was dialled in vain most often is forgotten. False when nobody was. */
  #forgetWorst(isOfThose: (peer: KnownPeer) => boolean): boolean {
    let worst: [key: string, failures: number] | undefined;
    for (const [key, peer] of this.#peers) {
      const { busy, failures } = peer;
      if (!busy && isOfThose(peer) && failures > (worst?.[1] ?? 0)) worst = [key, failures];
    }
    return worst !== undefined && this.#peers.delete(worst[0]);
  }

  /** Bans the host that has this address. */
  ban(address: Address): void {
    this.#banned.add(hostOf(address));
  }

  isBanned(address: Address): boolean {
    return this.#banned.size > 0 && this.#banned.has(hostOf(address));
  }
}

/** The one of these connections that is with the peer that listens on `endpoint`. */
export function connectionTo<C extends { readonly endpoint: Endpoint | undefined }>(
  endpoint: Endpoint,
  connections: Iterable<C>,
): C | undefined {
  for (const connection of connections) {
    if (connection.endpoint && sameEndpoint(connection.endpoint, endpoint)) return connection;
  }
  return undefined;
}
