import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Metainfo } from "@cachetorrent/peer";
import { type PeerId, PieceSet } from "@cachetorrent/protocol";
import Wire from "bittorrent-protocol";
import { announceFrom } from "./announce-from.ts";

/** A peer that has nothing and asks for nothing, and hears what a leecher says that it has: seeds are not told of each piece. */
export class Witness {
  /** Pieces that whoever connects from the leecher's address said to have. */
  readonly told: PieceSet;
  readonly #leecher: string;
  readonly #metainfo: Metainfo;
  readonly #peerId = randomBytes(20).toString("hex") as PeerId;
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;

  /** Listens at `address`, and has the torrent's tracker hand it out. */
  static async start(address: string, leecher: string, metainfo: Metainfo): Promise<Witness> {
    const { infoHash, trackers } = metainfo;
    const witness = new Witness(leecher, metainfo);
    await once(witness.#server.listen(0, address), "listening");
    const { port } = witness.#server.address() as AddressInfo;
    const announce = { infoHash, peerId: witness.#peerId, port, left: metainfo.length };
    await announceFrom(address, String(trackers[0]), announce);
    return witness;
  }

  private constructor(leecher: string, metainfo: Metainfo) {
    this.told = new PieceSet(metainfo.pieceCount);
    this.#leecher = leecher;
    this.#metainfo = metainfo;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }

  #accept(socket: Socket): void {
    this.#sockets.add(socket);
    // Whom it hears is killed.
    socket.on("error", () => socket.destroy());
    socket.on("close", () => this.#sockets.delete(socket));
    if (socket.remoteAddress === this.#leecher) this.#hear(socket);
    else socket.destroy();
  }

  #hear(socket: Socket): void {
    const { infoHash, pieceCount } = this.#metainfo;
    const wire = new Wire();
    wire.on("data", (bytes) => socket.write(bytes));
    wire.on("error", () => socket.destroy());
    socket.on("data", (bytes) => wire.write(bytes));
    wire.on("handshake", () => wire.handshake(infoHash, this.#peerId, { fast: false }));
    wire.on("have", (piece) => this.told.add(piece));
    wire.on("bitfield", ({ buffer }) => {
      for (const piece of PieceSet.fromBitfield(buffer, pieceCount) ?? []) this.told.add(piece);
    });
  }
}
