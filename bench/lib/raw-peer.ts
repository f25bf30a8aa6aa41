import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import { encodeBencode, type InfoHash, idBytes, LIMITS, parseEndpoint, unwrap } from "@cachetorrent/protocol";
import { pause } from "./waiting.ts";

/** A message's id (BEP 3, BEP 6, BEP 10). */
const ID = {
  unchoke: 1,
  interested: 2,
  request: 6,
  piece: 7,
  haveAll: 14,
  haveNone: 15,
  extended: 20,
} as const;
const HANDSHAKE_BYTES = 68;
/** Extensions (BEP 10) in byte 5, the fast extension (BEP 6) in byte 7. */
const RESERVED = Uint8Array.of(0, 0, 0, 0, 0, 0x10, 0, 0x04);
const ZEROES = Buffer.alloc(LIMITS.peer.requestBytesMost);

export interface RawPeerOptions {
  /** `127.0.0.1:6881`: the peer that is measured. */
  readonly endpoint: string;
  readonly infoHash: InfoHash;
  /** From where it connects. */
  readonly localAddress: string;
  /** What it says that it holds. */
  readonly holds: "everything" | "nothing";
  /** Unchokes, and answers requests with zeroes. */
  readonly serves?: boolean;
  /** Called before the request that it is told of is answered: how many there were before. */
  onRequest?(before: number): void;
}

/**
 * The other end of a connection, as cheap as can be: one process has thousands, and a serving one is never what holds a download
 * up. It introduces itself as a client of today does, so that the peer that is measured keeps for it what it keeps for those.
 */
export class RawPeer {
  /** Resolves when the other side shook hands; rejects when it hangs up before. */
  readonly ready: Promise<void>;
  readonly #socket: Socket;
  readonly #options: RawPeerOptions;
  #isOpen = true;
  #isIntroduced = false;
  #requests = 0;
  #rest: Buffer = Buffer.alloc(0);

  constructor(options: RawPeerOptions) {
    this.#options = options;
    const { address: host, port } = unwrap(parseEndpoint(options.endpoint));
    const socket = connect({ host, port, localAddress: options.localAddress, noDelay: true });
    this.#socket = socket;
    const head = [Buffer.from("\x13BitTorrent protocol"), RESERVED, idBytes(options.infoHash)];
    socket.write(Buffer.concat([...head, Buffer.from("-XX0001-"), randomBytes(12)]));
    const { promise, reject, resolve } = Promise.withResolvers<void>();
    this.ready = promise;
    // Whoever waits is told; nobody has to.
    promise.catch(() => undefined);
    socket.on("data", (bytes) => this.#onData(bytes, resolve));
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.#isOpen = false;
      reject(new Error(`${options.endpoint} hung up on us`));
    });
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  keepAlive(): void {
    this.#socket.write(Buffer.alloc(4));
  }

  close(): void {
    this.#socket.destroy();
  }

  #onData(bytes: Buffer, introduced: () => void): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    if (!this.#isIntroduced) {
      if (this.#rest.length < HANDSHAKE_BYTES) return;
      this.#rest = this.#rest.subarray(HANDSHAKE_BYTES);
      this.#isIntroduced = true;
      this.#introduce();
      introduced();
    }
    this.#socket.cork();
    let at = 0;
    while (at + 4 <= this.#rest.length) {
      const end = at + 4 + this.#rest.readUInt32BE(at);
      if (end > this.#rest.length) break;
      if (end > at + 4) this.#onMessage(this.#rest.subarray(at + 4, end));
      at = end;
    }
    this.#rest = this.#rest.subarray(at);
    this.#socket.uncork();
  }

  #introduce(): void {
    const { holds, serves } = this.#options;
    const extensions = encodeBencode({ m: { ut_metadata: 2, ut_pex: 1 }, reqq: 500, v: "raw" });
    const messages = [
      Buffer.from([ID.extended, 0, ...extensions]),
      Buffer.from([holds === "everything" ? ID.haveAll : ID.haveNone]),
      ...(serves ? [Buffer.from([ID.unchoke])] : []),
    ];
    this.#socket.write(Buffer.concat(messages.flatMap((message) => [lengthOf(message.length), message])));
  }

  #onMessage(message: Buffer): void {
    if (message[0] !== ID.request || !this.#options.serves) return;
    this.#options.onRequest?.(this.#requests);
    this.#requests++;
    const length = message.readUInt32BE(9);
    const head = Buffer.allocUnsafe(13);
    head.writeUInt32BE(9 + length, 0);
    head[4] = ID.piece;
    message.copy(head, 5, 1, 9);
    this.#socket.write(head);
    this.#socket.write(ZEROES.subarray(0, length));
  }
}

function lengthOf(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length);
  return bytes;
}

const RETRY_MS = 20;
const CEILING_MS = 120_000;

/** Connects to a peer that may still look at what is on disk, and hangs up as long: it is called again until it does not. */
export async function dial(clock: Clock, options: RawPeerOptions): Promise<RawPeer> {
  for (const until = clock.now() + CEILING_MS; ; ) {
    const peer = new RawPeer(options);
    try {
      await peer.ready;
      return peer;
    } catch (error) {
      if (clock.now() > until) throw error;
      await pause(clock, RETRY_MS);
    }
  }
}
