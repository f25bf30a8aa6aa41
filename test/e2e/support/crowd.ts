import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { type InfoHash, idBytes, parseEndpoint, unwrap } from "@cachetorrent/protocol";

/** Many connections of one address to one peer, each of which shakes hands under a peer id of its own, and is silent then. */
export class Crowd {
  readonly #sockets: Set<Socket>;

  private constructor(sockets: Set<Socket>) {
    this.#sockets = sockets;
  }

  /** Resolves when all of them were connected or refused. */
  static async open(endpoint: string, address: string, infoHash: InfoHash, size: number): Promise<Crowd> {
    const sockets = new Set<Socket>();
    await Promise.all(Array.from({ length: size }, () => open(endpoint, address, infoHash, sockets)));
    return new Crowd(sockets);
  }

  /** How many the other side has not closed. */
  get left(): number {
    return this.#sockets.size;
  }

  close(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}

function open(to: string, localAddress: string, infoHash: InfoHash, sockets: Set<Socket>): Promise<void> {
  const { address: host, port } = unwrap(parseEndpoint(to));
  const socket = connect({ host, port, localAddress });
  sockets.add(socket);
  const handshake = [
    Buffer.from("\x13BitTorrent protocol"),
    Buffer.alloc(8),
    idBytes(infoHash),
    randomBytes(20),
  ];
  socket.write(Buffer.concat(handshake));
  socket.resume();
  // Being thrown out is what it is here for.
  socket.on("error", () => socket.destroy());
  return new Promise((resolve) => {
    socket.on("connect", () => resolve());
    socket.on("close", () => {
      sockets.delete(socket);
      resolve();
    });
  });
}
