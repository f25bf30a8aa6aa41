import {
  CtError,
  type Endpoint,
  type InfoHash,
  infoHashFromBytes,
  isInfoHash,
  LIMITS,
  parseEndpoint,
} from "@cachetorrent/protocol";
import { quote } from "./torrent-paths.ts";

/** What a magnet link says (BEP 9, BEP 53 left out), checked. */
export interface Magnet {
  readonly infoHash: InfoHash;
  /** What the link calls the torrent (`dn`); the torrent itself may say something else. */
  readonly name?: string;
  /** Announce URLs (`tr`) in the order of the link: each is a tier of its own, as in `create`. */
  readonly trackers: readonly string[];
  /** Peers that the link names (`x.pe`). */
  readonly peers: readonly Endpoint[];
  /** Where the content is on the web (`ws`). */
  readonly webSeeds: readonly string[];
  /** Peers in a form that we cannot use: host names. */
  readonly unusable: readonly string[];
}

/** Is this a magnet link, and no name of a file? */
export function isMagnet(text: string): boolean {
  return /^magnet:/i.test(text);
}

/**
 * Throws CT_ERR_MAGNET that names what is wrong, CT_ERR_TORRENT_V2_ONLY for one without a v1 info-hash. By hand: npm's
 * magnet-uri takes any 40 characters for an info-hash and throws at a broken escape.
 */
export function parseMagnet(link: string): Magnet {
  if (link.length > LIMITS.metadata.linkBytes) {
    throw refusal(link, `has ${link.length} characters, more than ${LIMITS.metadata.linkBytes}`);
  }
  const query = /^magnet:\?(.*)$/is.exec(link)?.[1];
  if (query === undefined) throw refusal(link, 'has no "?" after "magnet:"');
  const values = parametersOf(query);
  const peers = (values.get("x.pe") ?? []).map((text) => ({ text, endpoint: parseEndpoint(text) }));
  const name = values.get("dn")?.[0]?.trim();
  return {
    infoHash: infoHashOf(values.get("xt") ?? [], link),
    ...(name ? { name } : {}),
    trackers: unique(values.get("tr")),
    peers: peers.flatMap(({ endpoint }) => (endpoint.ok ? [endpoint.value] : [])),
    webSeeds: unique(values.get("ws")),
    unusable: peers.flatMap(({ endpoint, text }) => (endpoint.ok ? [] : [text])),
  };
}

/** By name: `tr.1`, `tr.2` are the same as `tr` twice. */
function parametersOf(query: string): ReadonlyMap<string, readonly string[]> {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query)) {
    const name = key.toLowerCase().replace(/\.\d+$/, "");
    values.set(name, [...(values.get(name) ?? []), value]);
  }
  return values;
}

function unique(values: readonly string[] = []): string[] {
  return [...new Set(values.map((value) => value.trim()).filter((value) => value !== ""))];
}

function infoHashOf(topics: readonly string[], link: string): InfoHash {
  const hashes = new Set<InfoHash>();
  for (const topic of topics) {
    const digits = /^urn:btih:(.*)$/i.exec(topic)?.[1];
    if (digits === undefined) continue;
    const infoHash = infoHashFrom(digits);
    if (!infoHash) {
      throw refusal(link, `has ${quote(digits)} for an info-hash, which is 40 hex digits or 32 of base32`);
    }
    hashes.add(infoHash);
  }
  const [infoHash] = hashes;
  if (hashes.size > 1) throw refusal(link, "names two torrents: it has two info-hashes");
  if (infoHash) return infoHash;
  if (topics.some((topic) => /^urn:btmh:/i.test(topic))) {
    throw new CtError(
      "CT_ERR_TORRENT_V2_ONLY",
      `${shown(link)}: is of a BitTorrent v2 torrent (urn:btmh) without a v1 info-hash (urn:btih)`,
    );
  }
  throw refusal(link, "has no info-hash (xt=urn:btih:…)");
}

function infoHashFrom(digits: string): InfoHash | undefined {
  const lower = digits.toLowerCase();
  if (isInfoHash(lower)) return lower;
  return /^[a-z2-7]{32}$/.test(lower) ? infoHashFromBytes(bytesOfBase32(lower)) : undefined;
}

/** RFC 4648; 32 digits of 5 bits are 20 bytes, without padding. */
function bytesOfBase32(lower: string): Uint8Array {
  const bytes: number[] = [];
  let bits = 0;
  let rest = 0;
  for (const digit of lower) {
    rest = ((rest << 5) | "abcdefghijklmnopqrstuvwxyz234567".indexOf(digit)) & 0xfff;
    bits += 5;
    if (bits < 8) continue;
    bits -= 8;
    bytes.push((rest >> bits) & 0xff);
  }
  return Uint8Array.from(bytes);
}

function refusal(link: string, fault: string): CtError {
  return new CtError("CT_ERR_MAGNET", `${shown(link)}: ${fault}`);
}

/** A tracker's URL in it may be a password: only its beginning is told. */
function shown(link: string): string {
  const [head = ""] = link.split("&");
  return head.length > 80 ? `${head.slice(0, 80)}…` : head === link ? head : `${head}&…`;
}
