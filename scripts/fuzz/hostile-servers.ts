import { createSocket } from "node:dgram";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import {
  decodeUdpTrackerRequest,
  type InfoHash,
  infoHashFromBytes,
  type PeerId,
  type UdpTrackerRequest,
} from "@cachetorrent/protocol";
import { send } from "./delivery.ts";
import { answerEncrypted, asItIs } from "./encryption.ts";
import { HANDSHAKE_BYTES, handshake, PROTOCOL } from "./handshakes.ts";
import type { Input } from "./input.ts";
import { type Read, readerOf } from "./read.ts";

const CONNECTIONS_MOST = 64;
const HEAD_BYTES_MOST = 64 * 1024;

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

/** A tracker on 127.0.0.1 that answers each request over UDP with the datagrams that it is given. */
export async function startHostileUdpTracker(
  answer: (request: UdpTrackerRequest) => readonly Uint8Array[],
): Promise<HostileServer> {
  const socket = createSocket("udp4");
  socket.on("message", (bytes, from) => {
    const request = decodeUdpTrackerRequest(bytes);
    if (!request.ok) return;
    // Who asked may be gone; it is no matter to whom means harm.
    for (const datagram of answer(request.value))
      socket.send(datagram, from.port, from.address, () => undefined);
  });
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  return {
    port: socket.address().port,
    stop: async () => {
      socket.close();
      await once(socket, "close");
    },
  };
}

/** Who is dialled, and means harm. */
export interface HostilePeer {
  /** What he says, a handshake before it where the input wants one. */
  greet(isEncrypted: boolean): Promise<Greeting> | Greeting;
  /** Who he says that he is, this time. */
  peerId(): PeerId;
  /** Of which an encrypted handshake may speak. */
  infoHashes(): readonly InfoHash[];
}

export type Greeting = Sent & Pick<Input, "encrypted" | "handshake">;

/** A peer on all of loopback. */
export function startHostilePeer(clock: Clock, peer: HostilePeer): Promise<HostileServer> {
  return listen("0.0.0.0", async (socket, read) => {
    const head = await read((bytes) => bytes.length >= HANDSHAKE_BYTES);
    const isEncrypted = !head.subarray(0, PROTOCOL.length).equals(PROTOCOL);
    const greeting = await peer.greet(isEncrypted);
    const { encrypted: stage } = greeting;
    const { infoHash, seal } =
      isEncrypted && stage
        ? await answerEncrypted(socket, read, { infoHashes: peer.infoHashes(), stage })
        : { infoHash: infoHashFromBytes(head.subarray(28, 48)), seal: asItIs };
    const prologue = greeting.handshake && infoHash ? handshake(infoHash, peer.peerId()) : new Uint8Array(0);
    await send(clock, socket, { ...greeting, bytes: seal(Buffer.concat([prologue, greeting.bytes])) });
  });
}

async function listen(
  address: string,
  serve: (socket: Socket, read: Read) => Promise<void>,
): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    serve(socket, readerOf(socket)).then(
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
