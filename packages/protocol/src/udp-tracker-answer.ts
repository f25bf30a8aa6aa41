import { decodeCompact, encodeCompact } from "./compact.ts";
import type { Endpoint } from "./endpoint.ts";
import { fail, ok, type Result } from "./errors.ts";
import { LIMITS } from "./limits.ts";

/** BEP 15: what a tracker sends over UDP. */
export type UdpTrackerAnswer =
  | { readonly action: "connect"; readonly transactionId: number; readonly connectionId: bigint }
  | UdpAnnounceAnswer
  | { readonly action: "error"; readonly transactionId: number; readonly message: string };

export interface UdpAnnounceAnswer {
  readonly action: "announce";
  readonly transactionId: number;
  /** Seconds. */
  readonly interval: number;
  /** Peers without and with the whole content. */
  readonly leechers: number;
  readonly seeders: number;
  readonly peers: readonly Endpoint[];
}

const CONNECT = 0;
const ANNOUNCE = 1;
const ERROR = 3;
/** Action and transaction id, which every answer begins with. */
const HEAD_BYTES = 8;
const CONNECT_BYTES = 16;
const ANNOUNCE_BYTES = 20;

/** The transaction that a datagram answers; undefined for one that is too short to answer any. */
export function udpTransactionOf(bytes: Uint8Array): number | undefined {
  if (bytes.length < HEAD_BYTES) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(4);
}

/** Peers must be of one address family: that of the datagram that carries them. */
export function encodeUdpTrackerAnswer(answer: UdpTrackerAnswer): Uint8Array {
  switch (answer.action) {
    case "connect": {
      const bytes = new Uint8Array(CONNECT_BYTES);
      headOf(bytes, CONNECT, answer.transactionId).setBigUint64(8, answer.connectionId);
      return bytes;
    }
    case "announce": {
      const peers = encodeCompact(answer.peers);
      const bytes = new Uint8Array(ANNOUNCE_BYTES + peers.length);
      const view = headOf(bytes, ANNOUNCE, answer.transactionId);
      view.setUint32(8, answer.interval);
      view.setUint32(12, answer.leechers);
      view.setUint32(16, answer.seeders);
      bytes.set(peers, ANNOUNCE_BYTES);
      return bytes;
    }
    case "error": {
      const message = Buffer.from(answer.message);
      const bytes = new Uint8Array(HEAD_BYTES + message.length);
      headOf(bytes, ERROR, answer.transactionId);
      bytes.set(message, HEAD_BYTES);
      return bytes;
    }
  }
}

/**
 * The inverse of `encodeUdpTrackerAnswer`; `family` is that of the datagram, which says how long a peer is. Peers beyond
 * `udpTracker.peers` are left out, as are those with port 0; an error is cut off after 500 characters.
 */
export function decodeUdpTrackerAnswer(bytes: Uint8Array, family: "IPv4" | "IPv6"): Result<UdpTrackerAnswer> {
  const transactionId = udpTransactionOf(bytes);
  if (transactionId === undefined) return tooShort(bytes, "an answer");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const action = view.getUint32(0);
  switch (action) {
    case CONNECT:
      if (bytes.length < CONNECT_BYTES) return tooShort(bytes, "a connection id");
      return ok({ action: "connect", transactionId, connectionId: view.getBigUint64(8) });
    case ANNOUNCE: {
      if (bytes.length < ANNOUNCE_BYTES) return tooShort(bytes, "an answer to an announce");
      const most = LIMITS.udpTracker.peers * (family === "IPv4" ? 6 : 18);
      const peers = decodeCompact(bytes.subarray(ANNOUNCE_BYTES).subarray(0, most), family);
      if (!peers.ok) return peers;
      return ok({
        action: "announce",
        transactionId,
        interval: view.getUint32(8),
        leechers: view.getUint32(12),
        seeders: view.getUint32(16),
        peers: peers.value.filter(({ port }) => port > 0),
      });
    }
    case ERROR: {
      const message = Buffer.from(bytes.subarray(HEAD_BYTES)).toString();
      return ok({ action: "error", transactionId, message: message.slice(0, 500) });
    }
    default:
      return fail("CT_ERR_ANSWER", `unknown action: ${action}`);
  }
}

function headOf(bytes: Uint8Array, action: number, transactionId: number): DataView {
  const view = new DataView(bytes.buffer);
  view.setUint32(0, action);
  view.setUint32(4, transactionId);
  return view;
}

function tooShort(bytes: Uint8Array, what: string): Result<never> {
  return fail("CT_ERR_ANSWER", `${bytes.length} bytes are too short for ${what}`);
}
