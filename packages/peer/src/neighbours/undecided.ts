import type { Socket } from "node:net";
import { type Address, hostOf } from "@cachetorrent/protocol";

/** Connections that have not said yet what they want: half of a handshake and silence must not fill us. */
const UNDECIDED_MOST = 200;
/** Of them, from one address, or one /64 of IPv6: a single host must not keep everybody else out. */
const UNDECIDED_PER_ADDRESS_MOST = 20;

/** Who dialled us and has not said yet for which torrent. */
export class Undecided<S = Socket> {
  readonly #hosts = new Map<S, string>();

  /** False where one more of this address would be too many. */
  add(socket: S, address: Address): boolean {
    const host = hostOf(address);
    const ofHost = [...this.#hosts.values()].filter((one) => one === host).length;
    if (this.#hosts.size >= UNDECIDED_MOST || ofHost >= UNDECIDED_PER_ADDRESS_MOST) return false;
    this.#hosts.set(socket, host);
    return true;
  }

  delete(socket: S): void {
    this.#hosts.delete(socket);
  }

  sockets(): Iterable<S> {
    return this.#hosts.keys();
  }
}
