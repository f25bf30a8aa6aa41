import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import type { ManualClock } from "@cachetorrent/clock";
import {
  CT_CACHE,
  type CtCacheBody,
  type CtCacheMessage,
  decodeCtCache,
  type Endpoint,
  encodeCtCache,
  type InfoHash,
  type PeerId,
  type UnknownCtCacheMessage,
  unwrap,
} from "@cachetorrent/protocol";
import Wire from "bittorrent-protocol";
import { onTestFinished } from "vitest";
import { extensionNamed } from "../../src/wire/extension.ts";
import { endpoint } from "./samples.ts";
import { numberedPeerId } from "./test-peer.ts";
import { until } from "./until.ts";

export interface RawPeerOptions {
  readonly infoHash: InfoHash;
  /** The address it comes from or listens on. */
  readonly at: string;
  /** BEP 6; true unless said. */
  readonly fast?: boolean;
  readonly peerId?: PeerId;
  /** The other side's, if it stands still: moved until it has found out in which AS we are. */
  readonly clock?: ManualClock;
  /** It speaks `ct_cache`, about a torrent of so many pieces. */
  readonly ctCache?: { readonly pieceCount: number };
  /** The port at which it says it listens (BEP 10 `p`). */
  readonly port?: number;
  /** What it says of itself (BEP 10 `ct`). */
  readonly ct?: { readonly [key: string]: unknown };
}

type Message = readonly [name: string, ...numbers: number[]];

/** A peer whose every move the test makes: a socket, a wire, and the list of what came in. */
export class RawPeer {
  readonly wire: Wire;
  readonly socket: Socket;
  /** All messages in the order they came, haves and maps too; those of `ct_cache` by their names. */
  readonly messages: Message[] = [];
  /** What came in `ct_cache`, decoded. */
  readonly told: (CtCacheMessage | UnknownCtCacheMessage)[] = [];
  /** The blocks of the `piece` messages. */
  readonly blocks: { piece: number; begin: number; block: Uint8Array }[] = [];
  /** Its end of the connection, as the other side's log names it. */
  readonly from: string;
  isClosed = false;
  readonly #options: RawPeerOptions;

  private constructor(socket: Socket, options: RawPeerOptions) {
    this.socket = socket;
    // Small messages are not to wait for acknowledgements: meanwhile the clock of a test is moved by seconds.
    socket.setNoDelay(true);
    this.from = `${socket.localAddress}:${socket.localPort}`;
    this.#options = options;
    this.wire = new Wire();
    if (options.ctCache) this.wire.use(extensionNamed(CT_CACHE));
    const { ct, port } = options;
    this.wire.extendedHandshake = { ...(port ? { p: port } : {}), ...(ct ? { ct } : {}) };
    this.wire.on("data", (bytes) => socket.writable && socket.write(bytes));
    // Being thrown out is what some tests are about: a reset is no failure of the test.
    this.wire.on("error", () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      this.isClosed = true;
      this.wire.destroy();
    });
    socket.on("data", (bytes: Uint8Array) => this.wire.write(bytes));
    onTestFinished(() => void socket.destroy());
    this.#listen();
  }

  /** Connects and says nothing yet. */
  static async dial(to: Endpoint, options: RawPeerOptions): Promise<RawPeer> {
    const socket = connect({ host: to.address, port: to.port, localAddress: options.at });
    await once(socket, "connect");
    return new RawPeer(socket, options);
  }

  /** Connects and shakes hands; both maps of pieces are exchanged by then, ours as `have` says. */
  static async join(to: Endpoint, options: RawPeerOptions, have: "all" | "none" = "none"): Promise<RawPeer> {
    const peer = await RawPeer.dial(to, options);
    peer.handshake();
    await until("hands are shaken", () => {
      options.clock?.advance(1);
      return peer.isClosed || peer.count(options.ctCache ? "extended" : "handshake") > 0;
    });
    if (peer.isClosed) throw new Error("it was not let in");
    if (have === "all") peer.wire.haveAll();
    return peer;
  }

  /** Listens; `onPeer` gets everyone who dials it, nothing said yet. */
  static async listen(options: RawPeerOptions, onPeer: (peer: RawPeer) => void): Promise<Endpoint> {
    const server = createServer((socket) => onPeer(new RawPeer(socket, options)));
    server.listen(0, options.at);
    await once(server, "listening");
    onTestFinished(() => void server.close());
    return endpoint(`${options.at}:${(server.address() as AddressInfo).port}`);
  }

  handshake(): void {
    const { fast = true, infoHash, peerId = numberedPeerId(900_000) } = this.#options;
    this.wire.handshake(infoHash, peerId, { fast });
  }

  /** Sends a `ct_cache` message, or any bytes in the place of one. Hands, the extended ones too, are shaken by then. */
  tell(message: CtCacheBody | Uint8Array, term = 0): void {
    const bytes = message instanceof Uint8Array ? message : encodeCtCache({ ...message, term });
    this.wire.extended(CT_CACHE, bytes);
  }

  /** The `ct_cache` messages of one name that came, in their order. */
  toldOf<M extends CtCacheBody["m"]>(name: M): (CtCacheMessage & { readonly m: M })[] {
    return this.told.filter((one): one is CtCacheMessage & { readonly m: M } => one.m === name);
  }

  count(name: string): number {
    return this.messages.filter((message) => message[0] === name).length;
  }

  /** Until so many messages of that name have come. */
  async received(name: string, times = 1): Promise<void> {
    await until(`${times} x ${name} came`, () => {
      if (this.isClosed && this.count(name) < times) throw new Error(`closed without ${times} x ${name}`);
      return this.count(name) >= times;
    });
  }

  async closed(): Promise<void> {
    await until("the connection is closed", () => this.isClosed);
  }

  /** While choked, under the fast extension: resolves when all that was sent before has been read. */
  async ping(): Promise<void> {
    const rejects = this.count("reject");
    // The wire's bytes leave after the current task.
    await new Promise((resolve) => setImmediate(resolve));
    this.socket.write(Buffer.from([0, 0, 0, 13, 6, ...Buffer.alloc(11), 1]));
    await this.received("reject", rejects + 1);
  }

  request(piece: number, begin: number, length: number): void {
    this.wire.request(piece, begin, length, () => undefined);
  }

  #listen(): void {
    const { wire } = this;
    const note =
      (name: string) =>
      (...numbers: number[]): void =>
        void this.messages.push([name, ...numbers]);
    wire.on("handshake", () => note("handshake")());
    wire.on("extended", (name, body) => {
      if (name === "handshake") note("extended")();
      else if (name === CT_CACHE) this.#onCtCache(body as Uint8Array);
    });
    wire.on("bitfield", () => note("bitfield")());
    wire.on("request", (piece, begin, length) => note("request")(piece, begin, length));
    wire.on("piece", (piece, begin, block) => {
      this.blocks.push({ piece, begin, block: Uint8Array.from(block) });
      note("piece")(piece, begin, block.length);
    });
    for (const name of ["choke", "unchoke", "interested", "uninterested"] as const) wire.on(name, note(name));
    for (const name of ["have", "cancel", "reject"] as const) wire.on(name, note(name));
    for (const name of ["have-all", "have-none", "keep-alive"] as const) wire.on(name, note(name));
  }

  #onCtCache(body: Uint8Array): void {
    const message = unwrap(decodeCtCache(body, this.#options.ctCache?.pieceCount ?? 0));
    this.told.push(message);
    this.messages.push([message.m]);
  }
}
