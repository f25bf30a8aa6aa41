import type { AnnounceEvent } from "./announce-request.ts";
import { fail, ok, type Result } from "./errors.ts";
import { type InfoHash, idBytes, infoHashFromBytes, type PeerId, peerIdFromBytes } from "./ids.ts";
import { LIMITS } from "./limits.ts";

/** BEP 15: what a client sends to a tracker over UDP. Transaction ids are unsigned 32 bits, chosen by the client. */
export type UdpTrackerRequest = UdpConnectRequest | UdpAnnounceRequest;

export interface UdpConnectRequest {
  readonly action: "connect";
  readonly transactionId: number;
}

export interface UdpAnnounceRequest {
  readonly action: "announce";
  readonly transactionId: number;
  /** 64 bits, from the answer to a connect: they prove that our address is ours. */
  readonly connectionId: bigint;
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** Bytes. */
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  readonly event?: AnnounceEvent;
  /** Unsigned 32 bits. */
  readonly key: number;
  /** Absent: the tracker's default. */
  readonly numwant?: number;
  readonly port: number;
  /** Path and query of the tracker's URL (BEP 41), ASCII; none for an empty text. */
  readonly urlData: string;
}

/** What tells a connect request from noise (BEP 15). */
const PROTOCOL_ID = 0x41727101980n;
const CONNECT = 0;
const ANNOUNCE = 1;
const CONNECT_BYTES = 16;
const ANNOUNCE_BYTES = 98;
const EVENTS = [undefined, "completed", "started", "stopped"] as const;
/** BEP 41: options behind the announce; each but the first two has a length, and the text of URL data may span several. */
const END_OF_OPTIONS = 0;
const NOP = 1;
const URL_DATA = 2;
const OPTION_BYTES_MOST = 255;

export function encodeUdpTrackerRequest(request: UdpTrackerRequest): Uint8Array {
  if (request.action === "connect") {
    const bytes = new Uint8Array(CONNECT_BYTES);
    const view = new DataView(bytes.buffer);
    view.setBigUint64(0, PROTOCOL_ID);
    view.setUint32(8, CONNECT);
    view.setUint32(12, request.transactionId);
    return bytes;
  }
  const options = encodeUrlData(request.urlData);
  const bytes = new Uint8Array(ANNOUNCE_BYTES + options.length);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, request.connectionId);
  view.setUint32(8, ANNOUNCE);
  view.setUint32(12, request.transactionId);
  bytes.set(idBytes(request.infoHash), 16);
  bytes.set(idBytes(request.peerId), 36);
  view.setBigUint64(56, BigInt(request.downloaded));
  view.setBigUint64(64, BigInt(request.left));
  view.setBigUint64(72, BigInt(request.uploaded));
  view.setUint32(80, EVENTS.indexOf(request.event));
  // Bytes 84 to 88, the address we claim, stay 0: the tracker takes the one it sees.
  view.setUint32(88, request.key);
  view.setInt32(92, request.numwant ?? -1);
  view.setUint16(96, request.port);
  bytes.set(options, ANNOUNCE_BYTES);
  return bytes;
}

/** The inverse of `encodeUdpTrackerRequest`. Counters beyond 2^53 are clipped. */
export function decodeUdpTrackerRequest(bytes: Uint8Array): Result<UdpTrackerRequest> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < CONNECT_BYTES) return fail("CT_ERR_ANNOUNCE", "a datagram too short for a request");
  const transactionId = view.getUint32(12);
  const action = view.getUint32(8);
  if (action === CONNECT) {
    if (view.getBigUint64(0) !== PROTOCOL_ID) return fail("CT_ERR_ANNOUNCE", "no connect request of BEP 15");
    return ok({ action: "connect", transactionId });
  }
  if (action !== ANNOUNCE) return fail("CT_ERR_ANNOUNCE", `unknown action: ${action}`);
  if (bytes.length < ANNOUNCE_BYTES) return fail("CT_ERR_ANNOUNCE", "a datagram too short for an announce");
  const event = view.getUint32(80);
  if (event >= EVENTS.length) return fail("CT_ERR_ANNOUNCE", `unknown event: ${event}`);
  const urlData = decodeUrlData(bytes.subarray(ANNOUNCE_BYTES));
  if (!urlData.ok) return urlData;
  const name = EVENTS[event];
  const numwant = view.getInt32(92);
  return ok({
    action: "announce",
    transactionId,
    connectionId: view.getBigUint64(0),
    infoHash: infoHashFromBytes(bytes.subarray(16, 36)),
    peerId: peerIdFromBytes(bytes.subarray(36, 56)),
    downloaded: clipped(view.getBigUint64(56)),
    left: clipped(view.getBigUint64(64)),
    uploaded: clipped(view.getBigUint64(72)),
    ...(name ? { event: name } : {}),
    key: view.getUint32(88),
    ...(numwant >= 0 ? { numwant } : {}),
    port: view.getUint16(96),
    urlData: urlData.value,
  });
}

function encodeUrlData(text: string): Uint8Array {
  const data = Buffer.from(text, "latin1");
  if (data.length > LIMITS.udpTracker.urlBytes) {
    throw new RangeError(`URL data has at most ${LIMITS.udpTracker.urlBytes} bytes`);
  }
  const options: Uint8Array[] = [];
  for (let at = 0; at < data.length; at += OPTION_BYTES_MOST) {
    const part = data.subarray(at, at + OPTION_BYTES_MOST);
    options.push(Uint8Array.of(URL_DATA, part.length), part);
  }
  return Buffer.concat(options);
}

function decodeUrlData(options: Uint8Array): Result<string> {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < options.length; ) {
    const kind = options[at++];
    if (kind === END_OF_OPTIONS) break;
    if (kind === NOP) continue;
    const length = options[at++] ?? 0;
    if (at + length > options.length) return fail("CT_ERR_ANNOUNCE", "an option longer than its datagram");
    if (kind === URL_DATA) parts.push(options.subarray(at, at + length));
    at += length;
  }
  const data = Buffer.concat(parts);
  if (data.length > LIMITS.udpTracker.urlBytes) return fail("CT_ERR_ANNOUNCE", "URL data that is too long");
  return ok(data.toString("latin1"));
}

function clipped(value: bigint): number {
  const most = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(value > most ? most : value);
}
