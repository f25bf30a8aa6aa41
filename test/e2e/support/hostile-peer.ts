import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { InfoHash, PeerId } from "@cachetorrent/protocol";
import Wire from "bittorrent-protocol";
import { announceFrom } from "./announce-from.ts";

/** What it does with requests: answers with random bytes, answers nothing, or hangs up at the first. */
export type Behaviour = "lies" | "stalls" | "hangs up";

/** A peer that claims to have everything, and serves nobody. */
export class HostilePeer {
  readonly #behaviour: Behaviour;
  readonly #address: string;
  readonly #infoHash: InfoHash;
  readonly #peerId = randomBytes(20).toString("hex") as PeerId;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  /** Payload bytes it was asked for; a liar has sent as many. */
  askedBytes = 0;
  /** Connections over which it was asked for anything. */
  askedOver = 0;

  static async start(behaviour: Behaviour, address: string, infoHash: InfoHash): Promise<HostilePeer> {
    const peer = new HostilePeer(behaviour, address, infoHash);
    await once(peer.#server.listen(0, address), "listening");
    return peer;
  }

  private constructor(behaviour: Behaviour, address: string, infoHash: InfoHash) {
    this.#behaviour = behaviour;
    this.#address = address;
    this.#infoHash = infoHash;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  /** Makes the tracker hand it out, as a seed. */
  async announce(announceUrl: string): Promise<void> {
    await announceFrom(this.#address, announceUrl, {
      infoHash: this.#infoHash,
      peerId: this.#peerId,
      port: (this.#server.address() as AddressInfo).port,
    });
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    // Being thrown out is what it is here for: a reset is no failure of the test.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    const wire = new Wire();
    wire.on("data", (bytes) => socket.write(bytes));
    wire.on("error", () => socket.destroy());
    socket.on("data", (bytes) => wire.write(bytes));
    wire.on("handshake", () => {
      wire.handshake(this.#infoHash, this.#peerId, { fast: true });
      wire.haveAll();
      wire.unchoke();
    });
    let asked = false;
    wire.on("request", (_piece, _begin, length, respond) => {
      if (!asked) this.askedOver++;
      asked = true;
      this.askedBytes += length;
      if (this.#behaviour === "lies") respond(null, randomBytes(length));
      if (this.#behaviour === "hangs up") socket.destroy();
    });
  }
}
