import { createDiffieHellman, createHash } from "node:crypto";
import type { Socket } from "node:net";
import { type InfoHash, idBytes } from "@cachetorrent/protocol";
import { uint32 } from "./mutate.ts";
import type { Read } from "./read.ts";

/* Message stream encryption (MSE) as far as somebody goes who means harm. It shares nothing with the peer's, so as not to err alike. */

/**
 * How far the encrypted handshake goes as it should before an input's own bytes come:
 * - `nothing`: what follows is in place of our public key, as it is.
 * - `key`: our public key was sent. What follows is as it is.
 * - `secret`: who dials has shown that he knows the secret of both keys. What follows is as it is.
 * - `torrent`: both know of which torrent they speak. What follows is encrypted.
 * - `rc4`, `plaintext`: it is done, and what follows is encrypted or is not.
 */
export type Stage = "nothing" | "key" | "secret" | "torrent" | "rc4" | "plaintext";

/** What is done to bytes before they are sent: the next ones of a stream. */
export type Seal = (bytes: Uint8Array) => Uint8Array;

export const PRIME = BigInt(
  "0xffffffffffffffffc90fdaa22168c234c4c6628b80dc1cd129024e088a67cc74" +
    "020bbea63b139b22514a08798e3404ddef9519b3cd3a431b302b0a6df25f1437" +
    "4fe1356d6d51c245e485b576625e7ec6f44c42e9a63a36210000000000090563",
);
export const KEY_BYTES = 96;
const HASH_BYTES = 20;
/** VC, the verification constant. */
export const VERIFICATION = Buffer.alloc(8);
const METHOD = { plaintext: 1, rc4: 2 } as const;
/** More than the other side sends in front of the hash that we look for. */
const ASKED_MOST = 4096;

/** One pair for all connections: nothing here is to be kept secret. */
const ours = createDiffieHellman(publicKeyOf(PRIME), 2);
const ourKey = publicKeyOf(BigInt(`0x${ours.generateKeys("hex")}`));

/** A number as a public key, rightly or not. */
export function publicKeyOf(number: bigint): Buffer {
  return Buffer.from(number.toString(16).padStart(2 * KEY_BYTES, "0"), "hex");
}

/** As who dials: sends all up to `stage`. */
export async function dialEncrypted(
  socket: Socket,
  read: Read,
  { infoHash, stage }: { readonly infoHash: InfoHash; readonly stage: Stage },
): Promise<Seal> {
  if (stage === "nothing") return asItIs;
  socket.write(ourKey);
  if (stage === "key") return asItIs;
  const secret = await secretOf(read);
  socket.write(hash("req1", secret));
  if (stage === "secret") return asItIs;
  const torrent = idBytes(infoHash);
  socket.write(xor(hash("req2", torrent), hash("req3", secret)));
  const seal = rc4(hash("keyA", secret, torrent));
  if (stage === "torrent") return seal;
  // No padding, and no initial payload. What is offered will be chosen, so that what follows need not wait for it.
  socket.write(seal(Buffer.concat([VERIFICATION, uint32(METHOD[stage]), Buffer.alloc(4)])));
  return stage === "rc4" ? seal : asItIs;
}

/** As who was dialled: the same, with the torrent that the other side asked for, of those that may be meant. */
export async function answerEncrypted(
  socket: Socket,
  read: Read,
  { infoHashes, stage }: { readonly infoHashes: readonly InfoHash[]; readonly stage: Stage },
): Promise<{ readonly seal: Seal; readonly infoHash: InfoHash | undefined }> {
  const secret = await secretOf(read);
  if (stage !== "nothing") socket.write(ourKey);
  if (stage === "nothing" || stage === "key") return { seal: asItIs, infoHash: undefined };
  const before = hash("req1", secret);
  const endOf = (bytes: Buffer) => bytes.indexOf(before, KEY_BYTES) + 2 * HASH_BYTES;
  const asked = await read(
    (bytes) =>
      bytes.length > ASKED_MOST || (bytes.includes(before, KEY_BYTES) && bytes.length >= endOf(bytes)),
  );
  const wanted = xor(asked.subarray(endOf(asked) - HASH_BYTES, endOf(asked)), hash("req3", secret));
  const infoHash = infoHashes.find((one) => hash("req2", idBytes(one)).equals(wanted));
  if (infoHash === undefined) throw new Error("asked for a torrent that nobody knows");
  const seal = rc4(hash("keyB", secret, idBytes(infoHash)));
  if (stage === "secret" || stage === "torrent") return { seal, infoHash };
  socket.write(seal(Buffer.concat([VERIFICATION, uint32(METHOD[stage]), Buffer.alloc(2)])));
  return { seal: stage === "rc4" ? seal : asItIs, infoHash };
}

async function secretOf(read: Read): Promise<Buffer> {
  const theirs = await read((bytes) => bytes.length >= KEY_BYTES);
  return ours.computeSecret(theirs.subarray(0, KEY_BYTES));
}

export function asItIs(bytes: Uint8Array): Uint8Array {
  return bytes;
}

/** RC4-drop1024. */
function rc4(key: Uint8Array): Seal {
  const state = Uint8Array.from({ length: 256 }, (_, at) => at);
  const at = (index: number) => state[index & 255] as number;
  const swap = (a: number, b: number) => {
    [state[a & 255], state[b & 255]] = [at(b), at(a)];
  };
  for (let i = 0, j = 0; i < 256; i++) {
    j += at(i) + (key[i % key.length] as number);
    swap(i, j);
  }
  let [i, j] = [0, 0];
  const seal: Seal = (bytes) =>
    Buffer.from(
      bytes.map((byte) => {
        i++;
        j += at(i);
        swap(i, j);
        return byte ^ at(at(i) + at(j));
      }),
    );
  seal(new Uint8Array(1024));
  return seal;
}

function hash(...parts: readonly (string | Uint8Array)[]): Buffer {
  const sha1 = createHash("sha1");
  for (const part of parts) sha1.update(part);
  return sha1.digest();
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));
}
