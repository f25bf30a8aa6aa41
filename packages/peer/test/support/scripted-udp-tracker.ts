import { createSocket, type Socket } from "node:dgram";
import {
  decodeUdpTrackerRequest,
  type Endpoint,
  encodeUdpTrackerAnswer,
  type UdpAnnounceAnswer,
  type UdpAnnounceRequest,
  type UdpTrackerAnswer,
  type UdpTrackerRequest,
  unwrap,
} from "@cachetorrent/protocol";
import { onTestFinished } from "vitest";
import { EventQueue } from "./event-queue.ts";

/** An answer without its transaction. */
type Answer = UdpTrackerAnswer extends infer One
  ? One extends UdpTrackerAnswer
    ? Omit<One, "transactionId">
    : never
  : never;

/** A datagram that the test answers as it likes, or never. */
export class UdpAsked {
  readonly request: UdpTrackerRequest;
  readonly from: { readonly address: string; readonly port: number };
  readonly #socket: Socket;

  constructor(bytes: Uint8Array, from: UdpAsked["from"], socket: Socket) {
    this.request = unwrap(decodeUdpTrackerRequest(bytes));
    this.from = from;
    this.#socket = socket;
  }

  get announce(): UdpAnnounceRequest {
    if (this.request.action !== "announce") throw new Error(`not an announce: ${this.request.action}`);
    return this.request;
  }

  reply(answer: Answer, transactionId = this.request.transactionId): void {
    this.send(encodeUdpTrackerAnswer({ ...answer, transactionId } as UdpTrackerAnswer));
  }

  /** 30 minutes, nobody there, but for what is given. */
  accept(answer: Partial<UdpAnnounceAnswer> & { readonly peers?: readonly Endpoint[] } = {}): void {
    this.reply({ action: "announce", interval: 1800, leechers: 1, seeders: 0, peers: [], ...answer });
  }

  /** Raw bytes, from another socket than the tracker's where one is given. */
  send(bytes: Uint8Array, socket = this.#socket): void {
    socket.send(bytes, this.from.port, this.from.address);
  }
}

/** A real UDP tracker. Connects are answered by themselves until the test asks for them. */
export class ScriptedUdpTracker {
  readonly announceUrl: string;
  readonly port: number;
  /** What connects are answered with; undefined: the test answers them. */
  connectionId: bigint | undefined = 0x1122334455667788n;
  readonly #socket: Socket;
  readonly #asked = new EventQueue<UdpAsked>();
  #connects = 0;
  #closed: Promise<void> | undefined;

  private constructor(socket: Socket, host: string) {
    this.#socket = socket;
    this.port = socket.address().port;
    this.announceUrl = `udp://${host}:${this.port}/announce`;
    socket.on("message", (bytes, from) => {
      const asked = new UdpAsked(bytes, from, socket);
      if (asked.request.action === "connect") {
        this.#connects++;
        const { connectionId } = this;
        if (connectionId !== undefined) return asked.reply({ action: "connect", connectionId });
      }
      this.#asked.push(asked);
    });
  }

  /** It is closed when the test has finished. */
  static async listen(address = "127.0.0.1", port = 0): Promise<ScriptedUdpTracker> {
    const isIPv6 = address.includes(":");
    const socket = createSocket(isIPv6 ? "udp6" : "udp4");
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind(port, address, resolve);
    });
    const tracker = new ScriptedUdpTracker(socket, isIPv6 ? `[${address}]` : address);
    onTestFinished(() => tracker.close());
    return tracker;
  }

  /** How often it was asked for a connection id. */
  get connects(): number {
    return this.#connects;
  }

  /** Datagrams that the test has not looked at. */
  get waiting(): number {
    return this.#asked.size;
  }

  next(): Promise<UdpAsked> {
    return this.#asked.next();
  }

  /** Idempotent. */
  close(): Promise<void> {
    this.#closed ??= new Promise((resolve) => this.#socket.close(resolve));
    return this.#closed;
  }
}
