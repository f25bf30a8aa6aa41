import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { EventEmitter } from "node:events";
import type { Clock } from "@cachetorrent/clock";
import { LIMITS, parseAddress } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { FloodMeter } from "../wire/flood-meter.ts";
import type { KrpcDialect } from "./krpc-dialect.ts";

/**
 * Stands between the UDP socket and the DHT's library, as far as that uses one: only sound messages pass, so many a second,
 * and what the library throws at one of them ends nothing.
 */
export class KrpcSocket extends EventEmitter {
  readonly #socket: Socket;
  readonly #flood: FloodMeter;
  readonly #clock: Clock;
  readonly #dialect: KrpcDialect;
  readonly #log: Logger;

  constructor(dialect: KrpcDialect, clock: Clock, log: Logger) {
    super();
    this.#clock = clock;
    this.#dialect = dialect;
    this.#log = log;
    this.#flood = new FloodMeter(LIMITS.discovery.dhtMessagesPerSecond, clock.now());
    // Of both families there are two, each with a port of its own.
    this.#socket = createSocket(dialect.family === 4 ? { type: "udp4" } : { type: "udp6", ipv6Only: true });
    for (const event of ["listening", "error", "close"]) {
      this.#socket.on(event, (...given: unknown[]) => void this.emit(event, ...given));
    }
    this.#socket.on("message", (bytes, from) => this.#onMessage(bytes, from));
  }

  bind(port: number, address: string): void {
    this.#socket.bind(port, address);
  }

  address() {
    return this.#socket.address();
  }

  send(
    bytes: Uint8Array,
    _offset: number,
    _length: number,
    port: number,
    host: string,
    done: (error: Error | null) => void,
  ): void {
    const address = this.#dialect.addressOf(host);
    // A node that is told of with port 0, say, is an error to the socket, and thrown.
    if (!address || !(port > 0 && port <= 65535)) return;
    const message = this.#dialect.outgoing(bytes, { address, port });
    if (message) this.#socket.send(message, port, address, done);
  }

  close(): void {
    this.#socket.close();
  }

  #onMessage(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#flood.isExceededBy(1, this.#clock.now())) return;
    const address = parseAddress(from.address);
    const message = address && this.#dialect.incoming(bytes, { address, port: from.port });
    if (!message) return;
    try {
      this.emit("message", message, { ...from, address: this.#dialect.hostFor(address) });
    } catch (error) {
      this.#log.warn(
        { err: error, endpoint: `${from.address}:${from.port}`, event: "dht" },
        "a DHT message failed",
      );
    }
  }
}
