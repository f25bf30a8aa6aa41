import { Socket, type SocketConstructorOpts } from "node:net";

/**
 * What one system call may bring: what a fast peer has sent while others had their turn. Four times what Node.js reads at a time by itself, which
 * for a socket with more to give is as many events.
 */
const READ_BYTES = 256 * 1024;

/** All sockets are read into it: it is looked at before the next one is. Made for each read, it would be most of what the collector of garbage sees. */
const memory = new Uint8Array(READ_BYTES);

/** A socket of which what comes can be looked at without being copied first. */
export class PeerSocket extends Socket {
  #take: ((bytes: Uint8Array) => void) | undefined;

  constructor(options: SocketConstructorOpts = {}) {
    super({
      ...options,
      onread: { buffer: memory, callback: (count) => this.#read(memory.subarray(0, count)) },
    });
  }

  /**
   * The connection of a socket that a server has accepted and paused, which is of no use from then on; paused, too. Node.js lets who opens a socket say where it
   * is read to, and not who accepts one; where it should ever keep its handle elsewhere, this is the accepted socket itself.
   */
  static of(accepted: Socket): Socket {
    const { _handle: handle } = accepted as Socket & { _handle?: object | null };
    if (!handle) return accepted;
    Object.assign(accepted, { _handle: null });
    // So that its server does not count it any more.
    accepted.destroy();
    return new PeerSocket({ handle, pauseOnCreate: true } as SocketConstructorOpts);
  }

  /** From now on what comes is given to `take`, in memory that is another's once it returns, and is no `data`; what came before still is that. */
  feed(take: (bytes: Uint8Array) => void): void {
    this.#take = take;
  }

  /** False where nothing more is to be read for now. */
  #read(bytes: Uint8Array): boolean {
    if (!this.#take || this.readableLength > 0) return this.push(Buffer.from(bytes));
    this.#take(bytes);
    return true;
  }
}
