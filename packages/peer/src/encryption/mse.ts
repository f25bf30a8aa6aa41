import { createHash, randomBytes, randomInt } from "node:crypto";
import type { Socket } from "node:net";
import { type InfoHash, idBytes } from "@cachetorrent/protocol";
import type { Transport } from "../wire/transport.ts";
import type { ByteReader } from "./byte-reader.ts";
import { type Ciphers, EncryptedStream } from "./encrypted-stream.ts";
import { METHOD } from "./encryption-mode.ts";
import { HandshakeError, UnluckyKeysError } from "./handshake-error.ts";
import { KeyExchange, PUBLIC_KEY_BYTES } from "./key-exchange.ts";
import { Rc4 } from "./rc4.ts";

/** Each of the four paddings, at most. */
const PADDING_MOST = 512;
/** The initial payload, at most: a handshake, and maybe what may follow at once. It is kept until it is there, whole. */
const INITIAL_PAYLOAD_MOST = 4096;
const HASH_BYTES = 20;
/** VC, the verification constant: where it can be read, both sides have the same keys. */
const VERIFICATION = Buffer.alloc(8);

/** The handshake of MSE is done: what follows is as plain to both sides as if there had been none. */
export interface Encrypted {
  readonly transport: Transport;
  readonly infoHash: InfoHash;
  /** One of `METHOD`. */
  readonly method: number;
}

/** What both sides must know, and what is offered. */
export interface Secrecy {
  readonly infoHash: InfoHash;
  /** `crypto_provide`: some of `METHOD`. */
  readonly offered: number;
}

/**
 * Message stream encryption (MSE, or PE) as the side that dialled. Rejects with a HandshakeError that says what was wrong, an
 * UnluckyKeysError where the next try may go well; whoever calls
 * bounds the time by destroying the socket. bittorrent-protocol has MSE inside its wire, behind the frame guard, which must see plaintext.
 */
export async function initiate(socket: Socket, reader: ByteReader, secrecy: Secrecy): Promise<Encrypted> {
  const exchange = new KeyExchange();
  socket.write(Buffer.concat([exchange.publicKey, padding()]));
  const secret = secretOf(exchange, await reader.read(PUBLIC_KEY_BYTES));
  try {
    return await initiateWith(secret, socket, reader, secrecy);
  } catch (error) {
    // One in 256: some clients leave out a secret's leading zeros, or hash what stands in their place (libtorrent before its change 8434 of 2026).
    if (error instanceof HandshakeError && secret[0] === 0) throw new UnluckyKeysError(error.message);
    throw error;
  }
}

async function initiateWith(
  secret: Uint8Array,
  socket: Socket,
  reader: ByteReader,
  { infoHash, offered }: Secrecy,
): Promise<Encrypted> {
  const key = idBytes(infoHash);
  const outgoing = new Rc4(hash("keyA", secret, key));
  const incoming = new Rc4(hash("keyB", secret, key));
  const toRead = Buffer.alloc(VERIFICATION.length + 8);
  toRead.writeUInt32BE(offered, VERIFICATION.length);
  socket.write(
    Buffer.concat([
      hash("req1", secret),
      xor(hash("req2", key), hash("req3", secret)),
      // No PadC, and no initial payload: the connection speaks first when it is there.
      outgoing.apply(toRead),
    ]),
  );
  if (!(await reader.skipPast(incoming.apply(Buffer.from(VERIFICATION)), PADDING_MOST))) {
    throw new HandshakeError("encryption: an answer with other keys, or too much padding");
  }
  const answer = incoming.apply(await reader.read(6));
  const method = answer.readUInt32BE(0);
  await skipPadding(reader, incoming, answer.readUInt16BE(4));
  const isOffered = (method === METHOD.plaintext || method === METHOD.rc4) && (method & offered) !== 0;
  if (!isOffered) throw new HandshakeError(`encryption: method ${method} was chosen and not offered`);
  const transport = transportOf(socket, reader, { ciphers: { incoming, outgoing }, method });
  return { transport, infoHash, method };
}

/** The same as the side that was dialled. `choose` is given what the other side offers, and chooses one of `METHOD`. */
export async function respond(
  socket: Socket,
  reader: ByteReader,
  {
    infoHashes,
    choose,
  }: { readonly infoHashes: Iterable<InfoHash>; choose(offered: number): number | undefined },
): Promise<Encrypted> {
  const theirPublicKey = await reader.read(PUBLIC_KEY_BYTES);
  const exchange = new KeyExchange();
  const secret = secretOf(exchange, theirPublicKey);
  socket.write(Buffer.concat([exchange.publicKey, padding()]));
  if (!(await reader.skipPast(hash("req1", secret), PADDING_MOST))) {
    throw new HandshakeError("encryption: neither a handshake nor its encryption, or too much padding");
  }
  const infoHash = torrentOf(infoHashes, xor(await reader.read(HASH_BYTES), hash("req3", secret)));
  const key = idBytes(infoHash);
  const incoming = new Rc4(hash("keyA", secret, key));
  const outgoing = new Rc4(hash("keyB", secret, key));
  const asked = incoming.apply(await reader.read(VERIFICATION.length + 6));
  if (!asked.subarray(0, VERIFICATION.length).equals(VERIFICATION))
    throw new HandshakeError("encryption: other keys");
  await skipPadding(reader, incoming, asked.readUInt16BE(VERIFICATION.length + 4));
  const length = incoming.apply(await reader.read(2)).readUInt16BE(0);
  if (length > INITIAL_PAYLOAD_MOST)
    throw new HandshakeError(`encryption: an initial payload of ${length} bytes`);
  const initial = incoming.apply(await reader.read(length));
  const method = choose(asked.readUInt32BE(VERIFICATION.length));
  if (method === undefined) throw new HandshakeError("encryption: only methods that are not accepted here");
  const answer = Buffer.alloc(VERIFICATION.length + 6);
  answer.writeUInt32BE(method, VERIFICATION.length);
  socket.write(outgoing.apply(answer));
  const transport = transportOf(socket, reader, { ciphers: { incoming, outgoing }, method, initial });
  return { transport, infoHash, method };
}

/** What was read beyond the handshake comes first. */
function transportOf(
  socket: Socket,
  reader: ByteReader,
  {
    ciphers,
    method,
    initial = new Uint8Array(),
  }: { readonly ciphers: Ciphers; readonly method: number; readonly initial?: Uint8Array },
): Transport {
  const rest = reader.release();
  if (method === METHOD.rc4) {
    return new EncryptedStream(socket, ciphers, Buffer.concat([initial, ciphers.incoming.apply(rest)]));
  }
  const head = Buffer.concat([initial, rest]);
  if (head.length > 0) socket.unshift(head);
  return socket;
}

function secretOf(exchange: KeyExchange, theirPublicKey: Uint8Array): Uint8Array {
  const secret = exchange.secretWith(theirPublicKey);
  if (!secret) throw new HandshakeError("encryption: a public key that is none");
  return secret;
}

async function skipPadding(reader: ByteReader, cipher: Rc4, length: number): Promise<void> {
  if (length > PADDING_MOST) throw new HandshakeError(`encryption: padding of ${length} bytes`);
  cipher.apply(await reader.read(length));
}

function torrentOf(infoHashes: Iterable<InfoHash>, wanted: Uint8Array): InfoHash {
  for (const infoHash of infoHashes) {
    if (hash("req2", idBytes(infoHash)).equals(wanted)) return infoHash;
  }
  throw new HandshakeError("encryption: the torrent is not here");
}

/** Its length is all that hides the protocol from whoever counts bytes. */
function padding(): Uint8Array {
  return randomBytes(randomInt(PADDING_MOST + 1));
}

function hash(...parts: readonly (string | Uint8Array)[]): Buffer {
  const sha1 = createHash("sha1");
  for (const part of parts) sha1.update(part);
  return sha1.digest();
}

function xor(a: Uint8Array, b: Uint8Array): Buffer {
  return Buffer.from(a.map((byte, at) => byte ^ (b[at] ?? 0)));
}
