import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import {
  type AnnounceAnswer,
  type AnnounceRequest,
  decodeAnnounceRequest,
  encodeAnnounceAnswer,
  encodeFailure,
  unwrap,
} from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { EventQueue } from "./event-queue.ts";

/** A request that the test answers as it likes, or never. */
export class Asked {
  readonly path: string;
  readonly query: string;
  /** The address it came from. */
  readonly from: string;
  /** Resolves when the client has gone away. */
  readonly gone: Promise<void>;
  readonly #response: ServerResponse;

  constructor(request: IncomingMessage, response: ServerResponse) {
    const url = request.url ?? "";
    const mark = url.indexOf("?");
    this.path = mark < 0 ? url : url.slice(0, mark);
    this.query = mark < 0 ? "" : url.slice(mark + 1);
    this.from = request.socket.remoteAddress ?? "";
    this.#response = response;
    this.gone = new Promise((resolve) => response.once("close", resolve));
  }

  get announce(): AnnounceRequest {
    return unwrap(decodeAnnounceRequest(this.query));
  }

  reply(body: Uint8Array | string, status = 200, headers: Record<string, string> = {}): void {
    this.#response.writeHead(status, headers).end(body);
  }

  /** A whole announce answer: 30 minutes, nobody there, but for what is given. */
  accept(answer: Partial<AnnounceAnswer> = {}): void {
    const whole = { interval: 1800, minInterval: 60, complete: 0, incomplete: 1, peers: [], ...answer };
    this.reply(encodeAnnounceAnswer(whole, { compact: true }));
  }

  fail(reason: string): void {
    this.reply(encodeFailure(reason));
  }

  /** Begins an answer; resolves to false when the client takes no more. */
  write(chunk: Uint8Array | string): Promise<boolean> {
    return new Promise((resolve) => {
      if (this.#response.destroyed) return resolve(false);
      void this.gone.then(() => resolve(false));
      this.#response.write(chunk, () => resolve(true));
    });
  }

  reset(): void {
    this.#response.socket?.resetAndDestroy();
  }
}

/** A real HTTP server whose answers the test writes one by one. */
export class ScriptedTracker {
  readonly #server: Server;
  readonly #asked = new Map<string, EventQueue<Asked>>();
  readonly announceUrl: string;
  readonly port: number;

  constructor(server: Server, host: string) {
    this.#server = server;
    this.port = (server.address() as AddressInfo).port;
    server.on("request", (request, response) => {
      const asked = new Asked(request, response);
      this.#queue(asked.path).push(asked);
    });
    this.announceUrl = `http://${host}:${this.port}/announce`;
  }

  /** It is closed when the test has finished. */
  static async listen(address = "127.0.0.1", port = 0): Promise<ScriptedTracker> {
    const server = createServer();
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen(port, address, resolve);
    });
    const tracker = new ScriptedTracker(server, address.includes(":") ? `[${address}]` : address);
    onTestFinished(() => tracker.close());
    return tracker;
  }

  /** The next request of that path. */
  next(path = "/announce"): Promise<Asked> {
    return this.#queue(path).next();
  }

  /** Requests of that path that the test has not looked at. */
  waiting(path = "/announce"): number {
    return this.#queue(path).size;
  }

  /** Idempotent. */
  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  #queue(path: string): EventQueue<Asked> {
    const queue = this.#asked.get(path) ?? new EventQueue<Asked>();
    this.#asked.set(path, queue);
    return queue;
  }
}
