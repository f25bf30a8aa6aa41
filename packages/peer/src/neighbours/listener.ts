import { createServer, type Server, type Socket } from "node:net";
import { type Clock, Seldom } from "@cachetorrent/clock";
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
import { ByteReader } from "../encryption/byte-reader.ts";
import { chosenBy, type EncryptionMode } from "../encryption/encryption-mode.ts";
import { HandshakeError } from "../encryption/handshake-error.ts";
import { respond } from "../encryption/mse.ts";
import { PeerSocket } from "../wire/peer-socket.ts";
import type { Transport } from "../wire/transport.ts";
import { Undecided } from "./undecided.ts";

/** How a handshake begins that is not encrypted. */
const PROTOCOL = Buffer.from("\x13BitTorrent protocol", "latin1");
/** Bytes of a handshake up to and with the info-hash: enough to know whom it is for. */
const HEAD_BYTES = 48;
const NOT_ENCRYPTED = "not encrypted, and --encryption is require";

export interface ListenerParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly encryption: EncryptionMode;
  /** Which torrents are here: an encrypted handshake names its own only to those who know it. */
  infoHashes(): Iterable<InfoHash>;
  /** Somebody who said for which torrent he is here; nothing of what he sent is lost. */
  accept(transport: Transport, remote: Endpoint, infoHash: InfoHash): void;
}

/** Accepts peers and learns from the first bytes which torrent they mean. */
export class Listener {
  readonly #parts: ListenerParts;
  readonly #server: Server;
  readonly #undecided = new Undecided();
  readonly #refusals: Seldom<string>;

  constructor(parts: ListenerParts) {
    this.#parts = parts;
    // Whoever requires encryption has to see that it keeps somebody out, and not a line for each attempt.
    this.#refusals = new Seldom(parts.clock, (why, { count, last }) =>
      parts.log.info({ endpoint: last, event: "refused", count }, why),
    );
    this.#server = createServer({ noDelay: true, pauseOnConnect: true }, (socket) =>
      this.#onSocket(PeerSocket.of(socket)),
    );
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
    this.#server.on("error", (error) =>
      this.#parts.log.error({ err: error, event: "accept" }, error.message),
    );
    const bound = this.#server.address();
    return typeof bound === "object" && bound ? { address: endpoint.address, port: bound.port } : endpoint;
  }

  /** Accepts nobody any more. Connections that were accepted are their torrents' to close. */
  stop(): void {
    this.#server.close();
    this.#refusals.stop();
    for (const socket of this.#undecided.sockets()) socket.destroy();
  }

  #onSocket(socket: Socket): void {
    const remote = remoteOf(socket);
    if (!remote) {
      socket.destroy();
      return;
    }
    const makeWay = (other: Socket): void =>
      this.#refuse(other, remoteOf(other), "made way for another address");
    if (!this.#undecided.add(socket, remote.address, makeWay)) {
      this.#refuse(socket, remote, "too many connections that have not said what they want");
      return;
    }
    const onError = (): void => void socket.destroy();
    socket.on("error", onError);
    void this.#decide(socket, remote).finally(() => {
      this.#undecided.delete(socket);
      // Between here and its torrent's own listener an error must not be fatal.
      socket.off("error", onError).once("error", onError);
    });
  }

  async #decide(socket: Socket, remote: Endpoint): Promise<void> {
    const { accept, clock } = this.#parts;
    const timeout = clock.after(LIMITS.peer.handshakeTimeoutMs, () =>
      this.#refuse(socket, remote, "no handshake in time"),
    );
    const decided = await this.#identify(socket).catch((error: unknown) =>
      this.#failed(socket, remote, error),
    );
    timeout.cancel();
    if (decided) accept(decided.transport, remote, decided.infoHash);
  }

  /** Rejects with a HandshakeError, the reason for which it is to be refused. */
  async #identify(socket: Socket): Promise<{ readonly transport: Transport; readonly infoHash: InfoHash }> {
    const { encryption } = this.#parts;
    const reader = new ByteReader(socket);
    if (await reader.startsWith(PROTOCOL)) {
      if (encryption === "require") throw new HandshakeError(NOT_ENCRYPTED);
      const infoHash = infoHashFromBytes((await reader.peek(HEAD_BYTES)).subarray(28));
      socket.unshift(reader.release());
      return { transport: socket, infoHash };
    }
    if (encryption === "off") throw new HandshakeError("does not speak the BitTorrent protocol");
    return respond(socket, reader, {
      infoHashes: this.#parts.infoHashes(),
      choose: (offered) => chosenBy(encryption, offered),
    });
  }

  /** A fault of ours costs this connection, and not the process. */
  #failed(socket: Socket, remote: Endpoint, error: unknown): undefined {
    if (error instanceof HandshakeError) {
      if (!socket.destroyed) this.#refuse(socket, remote, error.message);
      return;
    }
    const [endpoint, event] = [formatEndpoint(remote), "internal error"];
    this.#parts.log.error({ err: error, endpoint, event }, "internal error: please report it");
    socket.destroy();
  }

  #refuse(socket: Socket, remote: Endpoint | undefined, why: string): void {
    const endpoint = remote ? formatEndpoint(remote) : "";
    const isTold = why === NOT_ENCRYPTED && this.#refusals.add(why, endpoint);
    if (!isTold) this.#parts.log.debug({ endpoint, event: "refused" }, why);
    socket.destroy();
  }
}

/** Undefined when it is closed already. */
function remoteOf({ remoteAddress, remotePort }: Socket): Endpoint | undefined {
  const address = parseAddress(remoteAddress ?? "");
  return address ? { address, port: remotePort ?? 0 } : undefined;
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
