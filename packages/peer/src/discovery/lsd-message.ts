import { type InfoHash, isInfoHash } from "@cachetorrent/protocol";

/** A datagram of BEP 14: whoever sent it listens on that port of its address for peers of these torrents. */
export interface LsdMessage {
  readonly port: number;
  readonly infoHashes: readonly InfoHash[];
  /** Tells us our own, which come back to us. */
  readonly cookie: string;
}

/** Sent in one piece over any link (BEP 14). */
const BYTES_MOST = 1400;
/** As many info-hashes as fit into a datagram. */
export const INFO_HASHES_MOST = 20;

export function encodeLsd({ cookie, infoHashes, port }: LsdMessage, host: string): Uint8Array {
  const lines = [
    "BT-SEARCH * HTTP/1.1",
    `Host: ${host}`,
    `Port: ${port}`,
    ...infoHashes.map((infoHash) => `Infohash: ${infoHash.toUpperCase()}`),
    `cookie: ${cookie}`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n\r\n\r\n`);
}

/** Undefined for what is no such message: anybody may send to the group. */
export function decodeLsd(bytes: Uint8Array): LsdMessage | undefined {
  if (bytes.length > BYTES_MOST) return undefined;
  const [first, ...lines] = Buffer.from(bytes).toString("latin1").split("\r\n");
  if (!/^BT-SEARCH \* HTTP\/1\.1$/i.test(first ?? "")) return undefined;
  const infoHashes: InfoHash[] = [];
  let port = 0;
  let cookie = "";
  for (const line of lines) {
    const [, name = "", value = ""] = /^([\w-]+):\s*(.*?)\s*$/.exec(line) ?? [];
    const infoHash = value.toLowerCase();
    if (/^infohash$/i.test(name) && isInfoHash(infoHash)) infoHashes.push(infoHash);
    else if (/^port$/i.test(name)) port = /^\d{1,5}$/.test(value) ? Number(value) : 0;
    else if (/^cookie$/i.test(name)) cookie = value;
  }
  if (port < 1 || port > 65535 || infoHashes.length === 0) return undefined;
  return { port, infoHashes: infoHashes.slice(0, INFO_HASHES_MOST), cookie };
}
