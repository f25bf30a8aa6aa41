import type { Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import { type Address, type Endpoint, isIPv6, isWildcard, LIMITS } from "@cachetorrent/protocol";
import { ByteReader } from "../encryption/byte-reader.ts";
import { HandshakeError, UnluckyKeysError } from "../encryption/handshake-error.ts";
import { initiate, type Secrecy } from "../encryption/mse.ts";
import { PeerSocket } from "../wire/peer-socket.ts";
import type { Transport } from "../wire/transport.ts";

/** Opens connections, a bounded number at a time. */
export class Dialer {
  readonly #clock: Clock;
  readonly #localAddress: Address;
  readonly #dialling = new Set<Socket>();

  constructor(clock: Clock, localAddress: Address) {
    this.#clock = clock;
    this.#localAddress = localAddress;
  }

  get hasRoom(): boolean {
    return this.#dialling.size < LIMITS.peer.halfOpen;
  }

  /** Can our listen address reach this one at all? */
  reaches(address: Address): boolean {
    return isWildcard(this.#localAddress)
      ? isIPv6(this.#localAddress) || !isIPv6(address)
      : isIPv6(address) === isIPv6(this.#localAddress);
  }

  /**
   * Resolves with the connected socket, or undefined after 5 s or a refusal. The connection comes from our listen
   * address, since our AS is a property of it.
   */
  dial(endpoint: Endpoint): Promise<Socket | undefined> {
    return new Promise((resolve) => {
      const socket = new PeerSocket().connect({
        host: endpoint.address,
        port: endpoint.port,
        ...(isWildcard(this.#localAddress) ? {} : { localAddress: this.#localAddress }),
      });
      this.#dialling.add(socket);
      const timeout = this.#clock.after(LIMITS.peer.connectTimeoutMs, () => socket.destroy());
      const settle = (connected: Socket | undefined): void => {
        timeout.cancel();
        this.#dialling.delete(socket);
        socket.off("connect", onConnect).off("close", onClose).off("error", onError);
        resolve(connected);
      };
      const onConnect = (): void => settle(socket);
      const onClose = (): void => settle(undefined);
      // `close` follows every error; the error's text is of no use: the peer is simply not there.
      const onError = (): void => void socket.destroy();
      socket.on("connect", onConnect).on("close", onClose).on("error", onError);
    });
  }

  /** As `dial`. "refused": it is there, and will not have the connection encrypted, within 10 s. */
  async dialEncrypted(endpoint: Endpoint, secrecy: Secrecy): Promise<Transport | "refused" | undefined> {
    const dialled = await this.#dialEncryptedOnce(endpoint, secrecy);
    const again = dialled === "unlucky" ? await this.#dialEncryptedOnce(endpoint, secrecy) : dialled;
    return again === "unlucky" ? "refused" : again;
  }

  async #dialEncryptedOnce(
    endpoint: Endpoint,
    secrecy: Secrecy,
  ): Promise<Transport | "refused" | "unlucky" | undefined> {
    const socket = await this.dial(endpoint);
    if (!socket) return undefined;
    this.#dialling.add(socket);
    const onError = (): void => void socket.destroy();
    socket.on("error", onError);
    const timeout = this.#clock.after(LIMITS.peer.handshakeTimeoutMs, () => socket.destroy());
    try {
      return (await initiate(socket, new ByteReader(socket), secrecy)).transport;
    } catch (error) {
      socket.destroy();
      if (error instanceof UnluckyKeysError) return "unlucky";
      // Why is of no use: it speaks of what a peer sent that does not know encryption.
      if (error instanceof HandshakeError) return "refused";
      throw error;
    } finally {
      timeout.cancel();
      this.#dialling.delete(socket);
      socket.off("error", onError);
    }
  }

  /** Ends what is under way. */
  stop(): void {
    for (const socket of this.#dialling) socket.destroy();
  }
}
