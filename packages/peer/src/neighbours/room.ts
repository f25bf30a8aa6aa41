import { type Address, type Asn, type Endpoint, isInternal } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import { AddressShares } from "./address-shares.ts";

export interface RoomParts {
  /** The open connections of the torrent. */
  readonly connections: () => ReadonlySet<Connection>;
  /** Being dialled, or let in but of an AS not known yet. */
  readonly opening: ReadonlySet<Endpoint>;
  readonly maxConnections: number;
  /** Is there room for one more connection in the process? */
  hasRoom(): boolean;
  /** Our own AS as far as it is known. */
  asn(): Asn;
  /** The AS of an address as far as it was learnt. */
  asnOf(address: Address): Asn | undefined;
  /** Are we to be connected with members of our own AS first of all? */
  prefersInside(): boolean;
  /** May one more peer of this AS come in although there are as many connections as there should be? */
  isAlwaysLetIn(asn: Asn): boolean;
}

/** Of its connections a torrent dials so many in a hundred: if it dialled all, every peer would refuse newcomers. */
const DIALLED_PERCENT = 75;
/**
 * Where its own AS comes first, a torrent's connections with others beyond this make way for members that have none. Who was left with three of
 * twenty inside had half of the pieces when its AS had all.
 */
const OUTSIDE_PERCENT = 50;

/** How many connections a torrent has, should have and may have, and who makes way for whom. */
export class Room {
  readonly #parts: RoomParts;
  /** The shares as they were worked out last, and of whom. */
  #shares: { readonly of: AddressShares; readonly remotes: readonly Endpoint[] };

  constructor(parts: RoomParts) {
    this.#parts = parts;
    this.#shares = this.#sharesAmong([]);
  }

  /** Open connections, and those being opened. */
  get count(): number {
    return this.#parts.connections().size + this.#parts.opening.size;
  }

  /** Which addresses may be dialled now; undefined for none. `isDialling`: a dial is under way. */
  whomToDial(isDialling: boolean): ((address: Address) => boolean) | undefined {
    if (this.#hasRoom(DIALLED_PERCENT)) return () => true;
    const shares = this.#sharesNow();
    // One at a time: only with success it takes another's place, and until then it is one too many.
    const mayReplace = !isDialling && shares.fair < this.count && shares.fair < this.#most(DIALLED_PERCENT);
    const makesWay = !isDialling && this.#outsideInExcess().length > 0;
    if (!mayReplace && !makesWay) return undefined;
    return (address) =>
      (mayReplace && shares.hasRoomFor(address)) || (makesWay && this.#isInside(this.#parts.asnOf(address)));
  }

  /** Where there is none, the newest connection of an address that has more than its share is closed for one that has less. */
  makeFor(address: Address): boolean {
    if (this.#hasRoom(100)) return true;
    const shares = this.#sharesNow();
    if (!shares.hasRoomFor(address)) return false;
    const inExcess = [...this.#parts.connections()].filter(
      ({ isOpen, remote }) => isOpen && shares.isExceededBy(remote.address),
    );
    inExcess.at(-1)?.abort("made way for another address");
    return inExcess.length > 0;
  }

  /** The same for one whose AS is known: where there is no room otherwise, one outside makes way for one inside. */
  makeForMember(asn: Asn): boolean {
    if (!this.#isInside(asn)) return false;
    const inExcess = this.#outsideInExcess();
    inExcess.at(-1)?.close("made way for a member of the AS");
    return inExcess.length > 0;
  }

  /** May somebody be let in beyond what a torrent should have, if he turns out to be of the right AS? */
  get hasExceptions(): boolean {
    const { asn, hasRoom, isAlwaysLetIn } = this.#parts;
    return hasRoom() && (isAlwaysLetIn(asn()) || this.#outsideInExcess().length > 0);
  }

  #hasRoom(percent: number): boolean {
    return this.#directCount < this.#most(percent) && this.#parts.hasRoom();
  }

  /** What is opened for followers has a bound of its own. */
  get #directCount(): number {
    let indirect = 0;
    for (const connection of this.#parts.connections()) if (connection.isIndirect) indirect++;
    return this.count - indirect;
  }

  /** Those of other ASes that may be closed, the newest last: nothing is under way there. */
  #outsideInExcess(): Connection[] {
    if (!this.#parts.prefersInside()) return [];
    let count = 0;
    for (const connection of this.#parts.connections()) if (this.#isOutside(connection)) count++;
    if (count <= this.#most(OUTSIDE_PERCENT)) return [];
    return [...this.#parts.connections()].filter(
      (one) => this.#isOutside(one) && one.outstanding.size === 0 && one.upload.isChoking,
    );
  }

  #isOutside({ asn, isIndirect, isOpen, isWebSeed }: Connection): boolean {
    return isOpen && !isIndirect && !isWebSeed && !this.#isInside(asn);
  }

  #isInside(asn: Asn | undefined): boolean {
    return asn !== undefined && isInternal(asn, this.#parts.asn());
  }

  /** Asked for a few times a second, while somebody comes or goes now and then. */
  #sharesNow(): AddressShares {
    const { connections, opening } = this.#parts;
    const remotes: Endpoint[] = [];
    for (const { remote } of connections()) remotes.push(remote);
    for (const endpoint of opening) remotes.push(endpoint);
    const before = this.#shares.remotes;
    const isSame = remotes.length === before.length && remotes.every((remote, i) => remote === before[i]);
    if (!isSame) this.#shares = this.#sharesAmong(remotes);
    return this.#shares.of;
  }

  #sharesAmong(remotes: readonly Endpoint[]) {
    const addresses = remotes.map(({ address }) => address);
    return { of: new AddressShares(addresses, this.#parts.maxConnections), remotes };
  }

  #most(percent: number): number {
    return Math.ceil((this.#parts.maxConnections * percent) / 100);
  }
}
