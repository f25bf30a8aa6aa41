import type { Socket } from "node:net";
import { type Address, hostOf } from "@cachetorrent/protocol";

/** Connections that have not said yet what they want: half of a handshake and silence must not fill us. */
const UNDECIDED_MOST = 200;
/**
 * Each address's share of them, or each /64's of IPv6: a single host must not keep everybody else out. It is no bound: a whole
 * site behind one address (NAT) may dial at the same moment, and is let in while there is room. But what is beyond the share makes
 * way for others.
 */
const UNDECIDED_PER_ADDRESS = 20;

/** Who dialled us and has not said yet for which torrent. */
export class Undecided<S = Socket> {
  /** Oldest first. */
  readonly #hosts = new Map<S, string>();
  readonly #counts = new Map<string, number>();

  /**
   * False where one more of this address would be too many. Else `makeWay` is given who has to go for it, if there is no room: the
   * oldest of the address that has most.
   */
  add(socket: S, address: Address, makeWay: (other: S) => void): boolean {
    const host = hostOf(address);
    if (this.#hosts.size >= UNDECIDED_MOST) {
      const other = this.#countOf(host) < UNDECIDED_PER_ADDRESS ? this.#mostInExcess() : undefined;
      if (other === undefined) return false;
      this.delete(other);
      makeWay(other);
    }
    this.#hosts.set(socket, host);
    this.#counts.set(host, this.#countOf(host) + 1);
    return true;
  }

  delete(socket: S): void {
    const host = this.#hosts.get(socket);
    if (host === undefined) return;
    this.#hosts.delete(socket);
    const left = this.#countOf(host) - 1;
    if (left > 0) this.#counts.set(host, left);
    else this.#counts.delete(host);
  }

  sockets(): Iterable<S> {
    return this.#hosts.keys();
  }

  #countOf(host: string): number {
    return this.#counts.get(host) ?? 0;
  }

  /** The oldest of the host that has most of all, and more than its share. */
  #mostInExcess(): S | undefined {
    let [worst, most] = ["", UNDECIDED_PER_ADDRESS];
    for (const [host, count] of this.#counts) if (count > most) [worst, most] = [host, count];
    for (const [socket, host] of this.#hosts) if (host === worst) return socket;
    return undefined;
  }
}
