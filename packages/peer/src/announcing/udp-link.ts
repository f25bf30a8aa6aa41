import { createSocket, type Socket } from "node:dgram";
import type { Clock } from "@cachetorrent/clock";
import { type Address, isIPv6, udpTransactionOf } from "@cachetorrent/protocol";

export interface UdpLinkOptions {
  readonly address: Address;
  readonly port: number;
  /** Absent: the machine chooses. */
  readonly localAddress: Address | undefined;
  readonly clock: Clock;
}

/**
 * A UDP socket that is connected with one endpoint: the kernel drops what others send to it, and tells of a port where
 * nobody listens.
 */
export class UdpLink {
  readonly family: "IPv4" | "IPv6";
  readonly #clock: Clock;
  readonly #socket: Socket;
  #closed: Error | undefined;
  #asking: { transactionId: number; settle: (result: Uint8Array | Error | undefined) => void } | undefined;

  private constructor(clock: Clock, socket: Socket, family: "IPv4" | "IPv6") {
    this.#clock = clock;
    this.#socket = socket;
    this.family = family;
    socket.on("message", (bytes) => {
      // Late, doubled or forged ones are answers to nothing.
      if (udpTransactionOf(bytes) === this.#asking?.transactionId) this.#asking?.settle(bytes);
    });
    socket.on("error", (error) => this.#end(error));
  }

  /** Rejects with the system's error where there is no such local address, or no way there. */
  static async open({ address, port, localAddress, clock }: UdpLinkOptions): Promise<UdpLink> {
    const socket = createSocket(isIPv6(address) ? "udp6" : "udp4");
    // A torrent that has nothing else to do is not kept alive by its tracker.
    socket.unref();
    try {
      await new Promise<void>((resolve, reject) => {
        socket.once("error", reject);
        const connect = (): void =>
          socket.connect(port, address, (error?: Error) => (error ? reject(error) : resolve()));
        if (localAddress) socket.bind({ address: localAddress, port: 0 }, connect);
        else connect();
      });
    } catch (error) {
      socket.close();
      throw error;
    }
    socket.removeAllListeners("error");
    return new UdpLink(clock, socket, isIPv6(address) ? "IPv6" : "IPv4");
  }

  get isOpen(): boolean {
    return this.#closed === undefined;
  }

  /**
   * Sends once. Resolves with the first datagram that answers the transaction, or undefined when none came in time; rejects
   * when the system says that it cannot be reached, and when the link is closed. One question at a time.
   */
  ask(bytes: Uint8Array, transactionId: number, waitMs: number): Promise<Uint8Array | undefined> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      const timer = this.#clock.after(waitMs, () => settle(undefined));
      const settle = (result: Uint8Array | Error | undefined): void => {
        timer.cancel();
        this.#asking = undefined;
        if (result instanceof Error) reject(result);
        else resolve(result);
      };
      this.#asking = { transactionId, settle };
      this.#socket.send(bytes, (error) => {
        if (error) this.#end(error);
      });
    });
  }

  /** Idempotent. */
  close(): void {
    this.#end(new Error("closed"));
  }

  #end(error: Error): void {
    if (this.#closed) return;
    this.#closed = error;
    this.#socket.close();
    this.#asking?.settle(error);
  }
}
