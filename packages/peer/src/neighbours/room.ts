import type { Address, Asn, Endpoint } from "@cachetorrent/protocol";
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
  /** May one more peer of this AS come in although there are as many connections as there should be? */
  isAlwaysLetIn(asn: Asn): boolean;
}

/** Of its connections a torrent dials so many in a hundred: if it dialled all, every peer would refuse newcomers. */
const DIALLED_PERCENT = 75;

/** How many connections a torrent has, should have and may have, and who makes way for whom. */
export class Room {
  readonly #parts: RoomParts;

  constructor(parts: RoomParts) {
    this.#parts = parts;
  }

  /** Open connections, and those being opened. */
  get count(): number {
    return this.#parts.connections().size + this.#parts.opening.size;
  }

  /** Which addresses may be dialled now; undefined for none. `isDialling`: a dial is under way. */
  whomToDial(isDialling: boolean): ((address: Address) => boolean) | undefined {
    if (this.#hasRoom(DIALLED_PERCENT)) return () => true;
    const shares = this.#shares();
    // One at a time: only with success it takes another's place, and until then it is one too many.
    const mayReplace = !isDialling && shares.fair < this.count && shares.fair < this.#most(DIALLED_PERCENT);
    return mayReplace ? (address) => shares.hasRoomFor(address) : undefined;
  }

  /** Where there is none, the newest connection of an address that has more than its share is closed for one that has less. */
  makeFor(address: Address): boolean {
    if (this.#hasRoom(100)) return true;
    const shares = this.#shares();
    if (!shares.hasRoomFor(address)) return false;
    const inExcess = [...this.#parts.connections()].filter(
      ({ isOpen, remote }) => isOpen && shares.isExceededBy(remote.address),
    );
    inExcess.at(-1)?.abort("made way for another address");
    return inExcess.length > 0;
  }

  /** May somebody be let in beyond what a torrent should have, if he turns out to be of the right AS? */
  get hasExceptions(): boolean {
    const { asn, hasRoom, isAlwaysLetIn } = this.#parts;
    return hasRoom() && isAlwaysLetIn(asn());
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

  #shares(): AddressShares {
    const remotes = [...this.#parts.connections()].map(({ remote }) => remote);
    const addresses = [...remotes, ...this.#parts.opening].map(({ address }) => address);
    return new AddressShares(addresses, this.#parts.maxConnections);
  }

  #most(percent: number): number {
    return Math.ceil((this.#parts.maxConnections * percent) / 100);
  }
}
