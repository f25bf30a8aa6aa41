import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { EventEmitter } from "node:events";
import type { Clock } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { FloodMeter } from "../wire/flood-meter.ts";
import { cutKrpc, isSoundKrpc } from "./krpc-message.ts";

/**
 * Stands between the UDP socket and the DHT's library, as far as that uses one: only sound messages pass, so many a second,
 * and what the library throws at one of them ends nothing.
 */
export class KrpcSocket extends EventEmitter {
  readonly #socket: Socket;
  readonly #flood: FloodMeter;
  readonly #clock: Clock;
  readonly #log: Logger;

  constructor(clock: Clock, log: Logger) {
    super();
    this.#clock = clock;
    this.#log = log;
    this.#flood = new FloodMeter(LIMITS.discovery.dhtMessagesPerSecond, clock.now());
    this.#socket = createSocket("udp4");
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
    address: string,
    done: (error: Error | null) => void,
  ): void {
    const cut = cutKrpc(bytes);
    // A node that is told of with port 0, say, is an error to the socket, and thrown.
    if (cut && port > 0 && port <= 65535) this.#socket.send(cut, port, address, done);
  }

  close(): void {
    this.#socket.close();
  }

  #onMessage(bytes: Uint8Array, from: RemoteInfo): void {
    if (this.#flood.isExceededBy(1, this.#clock.now()) || !isSoundKrpc(bytes)) return;
    try {
      this.emit("message", bytes, from);
    } catch (error) {
      this.#log.warn(
        { err: error, endpoint: `${from.address}:${from.port}`, event: "dht" },
        "a DHT message failed",
      );
    }
  }
}
