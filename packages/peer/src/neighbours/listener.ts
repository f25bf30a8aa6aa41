import { createServer, type Server, type Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import {
  CtError,
  type Endpoint,
  formatEndpoint,
  type InfoHash,
  infoHashFromBytes,
  LIMITS,
  parseAddress,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { Undecided } from "./undecided.ts";

/** Bytes of a handshake up to and with the info-hash: enough to know whom it is for. */
const HEAD_BYTES = 48;

/** Accepts peers and learns from the first bytes which torrent they mean. */
export class Listener {
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #accept: (socket: Socket, remote: Endpoint, infoHash: InfoHash) => void;
  readonly #server: Server;
  readonly #undecided = new Undecided();

  constructor(
    clock: Clock,
    log: Logger,
    accept: (socket: Socket, remote: Endpoint, infoHash: InfoHash) => void,
  ) {
    this.#clock = clock;
    this.#log = log;
    this.#accept = accept;
    this.#server = createServer({ noDelay: true }, (socket) => this.#onSocket(socket));
  }

  /** Port 0 picks one. Resolves with what was bound; throws CT_ERR_PORT_TAKEN, CT_ERR_PERMISSION or CT_ERR_ADDRESS. */
  async listen(endpoint: Endpoint): Promise<Endpoint> {
    await new Promise<void>((resolve, reject) => {
      const onError = (error: NodeJS.ErrnoException): void => reject(listenError(endpoint, error));
      this.#server.once("error", onError);
      this.#server.listen({ host: endpoint.address, port: endpoint.port }, () => {
        this.#server.off("error", onError);
        resolve();
      });
    });
    // Too many open files, say: who dials us then is lost, but not those who are here.
    this.#server.on("error", (error) => this.#log.error({ err: error, event: "accept" }, error.message));
    const bound = this.#server.address();
    return typeof bound === "object" && bound ? { address: endpoint.address, port: bound.port } : endpoint;
  }

  /** Accepts nobody any more. Connections that were accepted are their torrents' to close. */
  stop(): void {
    this.#server.close();
    for (const socket of this.#undecided.sockets()) socket.destroy();
  }

  #onSocket(socket: Socket): void {
    const address = parseAddress(socket.remoteAddress ?? "");
    if (!address) {
      socket.destroy();
      return;
    }
    const remote: Endpoint = { address, port: socket.remotePort ?? 0 };
    const refuse = (why: string): void => {
      this.#log.debug({ endpoint: formatEndpoint(remote), event: "refused" }, why);
      socket.destroy();
    };
    if (!this.#undecided.add(socket, address)) {
      refuse("too many connections that have not said what they want");
      return;
    }
    const timeout = this.#clock.after(LIMITS.peer.handshakeTimeoutMs, () => refuse("no handshake in time"));
    let head: Buffer = Buffer.alloc(0);
    const onData = (chunk: Buffer): void => {
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk]);
      if (head[0] !== 19) refuse("does not speak the BitTorrent protocol");
      if (head.length < HEAD_BYTES || socket.destroyed) return;
      settle();
      socket.pause();
      socket.unshift(head);
      this.#accept(socket, remote, infoHashFromBytes(head.subarray(28, HEAD_BYTES)));
    };
    const onClose = (): void => settle();
    const onError = (): void => void socket.destroy();
    const settle = (): void => {
      timeout.cancel();
      this.#undecided.delete(socket);
      socket.off("data", onData).off("close", onClose).off("error", onError);
      // Between here and its torrent's own listener an error must not be fatal.
      socket.once("error", onError);
    };
    socket.on("data", onData).on("close", onClose).on("error", onError);
  }
}

function listenError(endpoint: Endpoint, error: NodeJS.ErrnoException): CtError {
  const where = formatEndpoint(endpoint);
  switch (error.code) {
    case "EADDRINUSE":
      return new CtError("CT_ERR_PORT_TAKEN", `cannot listen on ${where}: the port is taken`, {
        cause: error,
      });
    case "EACCES":
      return new CtError("CT_ERR_PERMISSION", `cannot listen on ${where}: not allowed`, { cause: error });
    case "EADDRNOTAVAIL":
      return new CtError("CT_ERR_ADDRESS", `cannot listen on ${where}: no such address on this machine`, {
        cause: error,
      });
    default:
      return new CtError("CT_ERR_ADDRESS", `cannot listen on ${where}: ${error.message}`, { cause: error });
  }
}
