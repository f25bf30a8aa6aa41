import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import { type InfoHash, infoHashFromBytes } from "@cachetorrent/protocol";
import { send } from "./delivery.ts";
import type { Input } from "./input.ts";

const CONNECTIONS_MOST = 64;
const HEAD_BYTES_MOST = 64 * 1024;
const HANDSHAKE_BYTES = 68;

type Sent = Pick<Input, "bytes" | "chunk" | "lingerMs">;

export interface HostileServer {
  readonly port: number;
  stop(): Promise<void>;
}

/** A tracker on 127.0.0.1 that answers each request with whatever bytes it is given, and hangs up. */
export function startHostileTracker(
  clock: Clock,
  answer: (path: string) => Promise<Sent> | Sent,
): Promise<HostileServer> {
  return listen("127.0.0.1", async (socket, read) => {
    const head = await read((bytes) => bytes.length > HEAD_BYTES_MOST || bytes.includes("\r\n\r\n"));
    const [, path = ""] = /^\S+ ([^\s?]*)/.exec(head.toString("latin1")) ?? [];
    await send(clock, socket, await answer(path));
  });
}

/** A peer on all of loopback that says to whoever dials it, about that torrent, what it is given. */
export function startHostilePeer(
  clock: Clock,
  greet: (infoHash: InfoHash) => Promise<Sent> | Sent,
): Promise<HostileServer> {
  return listen("0.0.0.0", async (socket, read) => {
    const handshake = await read((bytes) => bytes.length >= HANDSHAKE_BYTES);
    await send(clock, socket, await greet(infoHashFromBytes(handshake.subarray(28, 48))));
  });
}

/** Resolves with what came once it is enough; rejects when the connection ends before. */
type Read = (isEnough: (bytes: Buffer) => boolean) => Promise<Buffer>;

async function listen(
  address: string,
  serve: (socket: Socket, read: Read) => Promise<void>,
): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    const read: Read = (isEnough) =>
      new Promise((resolve, reject) => {
        let bytes = Buffer.alloc(0);
        socket.on("close", () => reject(new Error("closed")));
        socket.on("data", (chunk: Buffer) => {
          bytes = Buffer.concat([bytes, chunk]);
          if (!isEnough(bytes)) return;
          socket.removeAllListeners("data");
          resolve(bytes);
        });
      });
    serve(socket, read).then(
      () => socket.destroy(),
      () => socket.destroy(),
    );
  });
  server.maxConnections = CONNECTIONS_MOST;
  await once(server.listen(0, address), "listening");
  return {
    port: (server.address() as AddressInfo).port,
    stop: async () => {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, "close");
    },
  };
}
