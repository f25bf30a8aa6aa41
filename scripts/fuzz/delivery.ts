import { connect, type Socket } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import type { Endpoint, InfoHash } from "@cachetorrent/protocol";
import { dialEncrypted } from "./encryption.ts";
import type { Input } from "./input.ts";
import { readerOf } from "./read.ts";

const CONNECT_MS = 5_000;
/** What nobody reads is given up after so long. */
const WRITE_MS = 5_000;

/** How a delivery ended; `no connection` is the one that the other side must not bring about. */
export type Outcome = "kept open" | "closed by it" | "no connection";

type Sent = Pick<Input, "bytes" | "chunk" | "lingerMs">;

export interface Way {
  readonly to: Endpoint;
  readonly from: string;
  /** Of which an encrypted handshake speaks. */
  readonly infoHash: InfoHash;
  /** What goes before the input's bytes. */
  readonly prologue?: Uint8Array;
}

/** Sends one input over a connection of its own; never rejects. */
export function deliver(
  clock: Clock,
  input: Sent & Pick<Input, "encrypted">,
  { from, infoHash, prologue = new Uint8Array(0), to }: Way,
): Promise<Outcome> {
  return new Promise((resolve) => {
    const socket = connect({ host: to.address, port: to.port, localAddress: from, noDelay: true });
    let outcome: Outcome = "no connection";
    const impatience = clock.after(CONNECT_MS, () => socket.destroy());
    socket.on("error", () => socket.destroy());
    socket.on("close", () => {
      impatience.cancel();
      resolve(outcome);
    });
    socket.on("connect", async () => {
      impatience.cancel();
      outcome = "closed by it";
      const { encrypted: stage } = input;
      const patience = clock.after(WRITE_MS, () => socket.destroy());
      // It closed the connection, or was silent, before it could be told all.
      const seal =
        stage && (await dialEncrypted(socket, readerOf(socket), { infoHash, stage }).catch(() => undefined));
      patience.cancel();
      if (!stage) socket.write(prologue);
      const bytes = seal ? seal(Buffer.concat([prologue, input.bytes])) : input.bytes;
      if (!socket.destroyed) await send(clock, socket, { ...input, bytes });
      if (!socket.destroyed) outcome = "kept open";
      socket.destroy();
    });
  });
}

/** Writes the input to a socket that is there, and lingers; what comes back is read and forgotten. Never rejects. */
export async function send(clock: Clock, socket: Socket, { bytes, chunk, lingerMs }: Sent): Promise<void> {
  socket.resume();
  const size = chunk ?? Math.max(1, bytes.length);
  for (let at = 0; at < bytes.length && !socket.destroyed; at += size) {
    const isRoomy = socket.write(bytes.subarray(at, at + size));
    // Between two chunks the other side is to read.
    if (chunk !== undefined) await new Promise((resolve) => setImmediate(resolve));
    if (!isRoomy) await closedOr(clock, socket, WRITE_MS, "drain");
  }
  if (!socket.destroyed) await closedOr(clock, socket, lingerMs);
}

function closedOr(clock: Clock, socket: Socket, ms: number, event?: "drain"): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      timer.cancel();
      socket.off("close", done);
      if (event) socket.off(event, done);
      resolve();
    };
    const timer = clock.after(ms, done, { keepAlive: true });
    socket.once("close", done);
    if (event) socket.once(event, done);
  });
}
