import {
  type BencodeValue,
  type ClaimMessage,
  type CtCacheMessage,
  decodeBencodeDict,
  decodeCtCache,
  formatEndpoint,
  LIMITS,
  type UnknownCtCacheMessage,
} from "@cachetorrent/protocol";
import type { TraceFields } from "../accounts/trace.ts";
import { MESSAGE_ID, readUint32 } from "./message.ts";

/** A message's name and its fields, as a line of the trace has them. */
export interface MessageDescription {
  readonly m: string;
  readonly fields: TraceFields;
}

const NAMES: ReadonlyMap<number, string> = new Map([
  [MESSAGE_ID.choke, "choke"],
  [MESSAGE_ID.unchoke, "unchoke"],
  [MESSAGE_ID.interested, "interested"],
  [MESSAGE_ID.uninterested, "not_interested"],
  [MESSAGE_ID.have, "have"],
  [MESSAGE_ID.bitfield, "bitfield"],
  [MESSAGE_ID.request, "request"],
  [MESSAGE_ID.piece, "piece"],
  [MESSAGE_ID.cancel, "cancel"],
  [MESSAGE_ID.port, "port"],
  [MESSAGE_ID.suggest, "suggest"],
  [MESSAGE_ID.haveAll, "have_all"],
  [MESSAGE_ID.haveNone, "have_none"],
  [MESSAGE_ID.reject, "reject"],
  [MESSAGE_ID.allowedFast, "allowed_fast"],
  [MESSAGE_ID.extended, "extended"],
]);

/** What the bytes of a message do not tell. */
export interface MessageContext {
  /** Of the whole message, where `message` is only its head; else undefined. */
  readonly length?: number | undefined;
  /** The extension id of `ct_cache` in this direction; undefined while there is none. */
  readonly ctCacheId?: number | undefined;
}

/** `message` is whole and well-formed, without its length; of a piece the head is enough. */
export function describeMessage(message: Uint8Array, context: MessageContext = {}): MessageDescription {
  const { ctCacheId, length = message.length } = context;
  const id = message[0];
  if (id === undefined) return { m: "keep_alive", fields: {} };
  const isHandshake = id === MESSAGE_ID.extended && message[1] === 0;
  if (isHandshake) return { m: "extended_handshake", fields: handshakeFields(message.subarray(2)) };
  const isCtCache = id === MESSAGE_ID.extended && message[1] === ctCacheId;
  if (isCtCache) return describeCtCache(message.subarray(2));
  const m = NAMES.get(id);
  return m === undefined
    ? { m: "unknown", fields: { id, length } }
    : { m, fields: fieldsOf(message, length) };
}

function fieldsOf(message: Uint8Array, length: number): TraceFields {
  switch (message[0]) {
    case MESSAGE_ID.have:
    case MESSAGE_ID.suggest:
    case MESSAGE_ID.allowedFast:
      return { piece: readUint32(message, 1) };
    case MESSAGE_ID.bitfield:
      return { pieces: bitsIn(message.subarray(1)) };
    case MESSAGE_ID.request:
    case MESSAGE_ID.cancel:
    case MESSAGE_ID.reject:
      return { ...blockFields(message), length: readUint32(message, 9) };
    case MESSAGE_ID.piece:
      return { ...blockFields(message), length: length - 9 };
    case MESSAGE_ID.port:
      return { port: ((message[1] ?? 0) << 8) | (message[2] ?? 0) };
    case MESSAGE_ID.extended:
      return { id: message[1], length: length - 2 };
    default:
      return {};
  }
}

function describeCtCache(payload: Uint8Array): MessageDescription {
  // Whether its pieces exist is not the trace's business.
  const decoded = decodeCtCache(payload, Number.POSITIVE_INFINITY);
  if (!decoded.ok) return { m: "ct_cache", fields: { fault: decoded.error.message } };
  const { m, term } = decoded.value;
  return { m, fields: { term, ...ctCacheFields(decoded.value) } };
}

function ctCacheFields(message: CtCacheMessage | UnknownCtCacheMessage): TraceFields {
  switch (message.m) {
    case "leader_start":
    case "leader_started":
    case "leader_stop":
      return { dest: formatEndpoint(message.dest) };
    case "leader_refused":
      return { dest: formatEndpoint(message.dest), why: message.why };
    case "fwd_bitfield":
      return { from: message.from, pieces: bitsIn(message.bits) };
    case "fwd_have":
    case "want":
      return { pieces: message.pieces };
    case "unknown":
      return { said: message.said };
    default:
      return claimFields(message);
  }
}

function claimFields(message: ClaimMessage): TraceFields {
  switch (message.m) {
    case "claim": {
      const { from, n, pieces, q, up } = message;
      return { q, pieces, n, from: formatEndpoint(from), up };
    }
    case "grant":
      return { q: message.q, pieces: message.pieces, ttlMs: message.ttlMs };
    case "deny": {
      const { head, q, taken, why } = message;
      return { q, why, ...(taken ? { taken: bitsIn(taken) } : {}), ...(head ? { head } : {}) };
    }
    case "taken":
    case "renew":
      return { pieces: message.pieces };
    case "taken_map":
      return { from: message.from, pieces: bitsIn(message.bits) };
    case "revoke":
      return { piece: message.piece };
    case "release":
      return { piece: message.piece, why: message.why, from: formatEndpoint(message.from) };
    case "open":
      return { pieces: message.pieces, ttlsMs: message.ttlsMs };
    case "where":
      return { q: message.q, piece: message.piece, not: message.not.map(formatEndpoint) };
    case "holders":
      return { q: message.q, piece: message.piece, endpoints: message.endpoints.map(formatEndpoint) };
  }
}

function blockFields(message: Uint8Array) {
  return { piece: readUint32(message, 1), begin: readUint32(message, 5) };
}

function bitsIn(bytes: Uint8Array): number {
  let count = 0;
  for (const byte of bytes) for (let rest = byte; rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

/** Of BEP 10 what is of use to us; any key may stand there, those of the line's own columns too. */
function handshakeFields(payload: Uint8Array): TraceFields {
  const decoded = decodeBencodeDict(payload, { bytes: LIMITS.peer.extensionBytes });
  if (!decoded.ok) return { fault: decoded.error.message };
  const { m, v, p, reqq, ct } = decoded.value;
  const told = Object.entries({ v, p, reqq, ct, extensions: m });
  return Object.fromEntries(
    told.flatMap(([key, value]) => (value === undefined ? [] : [[key, plain(value)]])),
  );
}

/** For JSON: strings of bytes as text. */
function plain(value: BencodeValue): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, plain(one)]));
}
