import {
  type AnnounceRequest,
  type Asn,
  type CtAnswer,
  type Endpoint,
  infoHashFromBytes,
  type LeaderEntry,
  type PeerId,
  parseEndpoint,
  peerIdFromBytes,
  unwrap,
} from "@cachetorrent/protocol";
import { pino } from "pino";
import { EventQueue } from "./event-queue.ts";

export const infoHash = infoHashFromBytes(new Uint8Array(20).fill(0x11));
export const peerId = peerIdFromBytes(Buffer.from("-CT0001-abcdefghijkl"));
export const otherPeerId = peerIdFromBytes(Buffer.from("-CT0001-mnopqrstuvwx"));
export const silent = pino({ level: "silent" });

export function asn(value: number): Asn {
  return value as Asn;
}

export function endpoint(text: string): Endpoint {
  return unwrap(parseEndpoint(text));
}

export function announceRequest(over: Partial<AnnounceRequest> = {}): AnnounceRequest {
  return {
    infoHash,
    peerId,
    port: 6881,
    uploaded: 0,
    downloaded: 0,
    left: 100,
    compact: true,
    noPeerId: false,
    ...over,
  };
}

/** A `ct` dictionary that names `leader` as the head. */
export function ctOf(term: number, leader: PeerId = otherPeerId): CtAnswer {
  const head: LeaderEntry = { peerId: leader, endpoint: endpoint("127.2.0.9:6881"), up: 1, down: 1 };
  return { asn: asn(64502), policy: { name: "bittorrent" }, leaders: { term, leaders: [head] } };
}

/** A logger whose lines a test can read. */
export function listeningLog() {
  const lines = new EventQueue<{ level: number; msg: string; event?: string }>();
  const log = pino({ level: "debug" }, { write: (line: string) => lines.push(JSON.parse(line)) });
  return { log, lines };
}
