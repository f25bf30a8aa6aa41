import { get } from "node:http";
import { connect } from "node:net";
import type { Clock } from "@cachetorrent/clock";
import {
  decodeAnnounceAnswer,
  type Endpoint,
  encodeAnnounceRequest,
  type InfoHash,
  infoHashFromBytes,
  type PeerId,
  peerIdFromBytes,
} from "@cachetorrent/protocol";
import { dialEncrypted } from "./encryption.ts";
import { HANDSHAKE_BYTES, handshake, PROTOCOL } from "./handshakes.ts";
import { readerOf } from "./read.ts";

const PATIENCE_MS = 5_000;
/** From an AS that no hostile input comes from. */
const FROM = "127.8.0.1";
const PEER_ID = Buffer.from("-FZ0100-honest-probe").toString("hex") as PeerId;
/** Another one: a second connection of one peer would be closed. */
const ENCRYPTED_PEER_ID = Buffer.from("-FZ0100-secret-probe").toString("hex") as PeerId;

/** Shakes hands as any peer does, plain or encrypted. Resolves with who the other side is; rejects when it does not answer in time. */
export function shakeHands(
  clock: Clock,
  to: Endpoint,
  { infoHash, isEncrypted }: { readonly infoHash: InfoHash; readonly isEncrypted: boolean },
): Promise<PeerId> {
  return inTime(clock, (resolve, reject) => {
    const socket = connect({ host: to.address, port: to.port, localAddress: FROM });
    const read = readerOf(socket);
    const shake = async (): Promise<PeerId> => {
      // Once plaintext is chosen the handshake can be read behind what was encrypted.
      if (isEncrypted) await dialEncrypted(socket, read, { infoHash, stage: "plaintext" });
      socket.write(handshake(infoHash, isEncrypted ? ENCRYPTED_PEER_ID : PEER_ID));
      const theirs = (bytes: Buffer) => bytes.subarray(bytes.indexOf(PROTOCOL));
      const answer = await read(
        (bytes) => bytes.includes(PROTOCOL) && theirs(bytes).length >= HANDSHAKE_BYTES,
      );
      if (infoHashFromBytes(theirs(answer).subarray(28, 48)) !== infoHash)
        throw new Error("speaks of another torrent");
      return peerIdFromBytes(theirs(answer).subarray(48, HANDSHAKE_BYTES));
    };
    socket.on("error", () => socket.destroy());
    socket.on("connect", () => shake().then(resolve, reject));
    socket.on("close", () => reject(new Error("closed the connection before it shook hands")));
    return () => socket.destroy();
  });
}

/** Announces to a swarm of its own. Resolves when the answer is one; rejects when it is not, or late. */
export function announceHonestly(clock: Clock, announceUrl: string): Promise<void> {
  const query = encodeAnnounceRequest({
    infoHash: "0f".repeat(20) as InfoHash,
    peerId: PEER_ID,
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 1,
    compact: true,
    noPeerId: false,
  });
  return inTime(clock, (resolve, reject) => {
    const request = get(`${announceUrl}?${query}`, { localAddress: FROM }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const answer = decodeAnnounceAnswer(Buffer.concat(chunks));
        if (answer.ok) resolve();
        else reject(answer.error);
      });
    });
    request.on("error", reject);
    return () => request.destroy();
  });
}

type Executor<T> = (resolve: (value: T) => void, reject: (error: Error) => void) => () => void;

async function inTime<T>(clock: Clock, start: Executor<T>): Promise<T> {
  const { promise, reject, resolve } = Promise.withResolvers<T>();
  const end = start(resolve, reject);
  const timer = clock.after(
    PATIENCE_MS,
    () => reject(new Error(`no answer within ${PATIENCE_MS / 1000} s`)),
    {
      keepAlive: true,
    },
  );
  try {
    return await promise;
  } finally {
    timer.cancel();
    end();
  }
}
