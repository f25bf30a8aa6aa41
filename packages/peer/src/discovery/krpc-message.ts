import {
  asBytes,
  asDict,
  asList,
  type BencodeDict,
  decodeBencodeDict,
  encodeBencode,
  get,
  LIMITS,
} from "@cachetorrent/protocol";

const { dhtBytes, dhtNodesTold, dhtPeersTold } = LIMITS.discovery;
const BOUNDS = { bytes: dhtBytes, depth: 4, items: 400 };
export const ID_BYTES = 20;
/** Of a node in a reply, by the name of the list: its id and where it is. */
export const NODE_BYTES = { nodes: ID_BYTES + 6, nodes6: ID_BYTES + 18 } as const;
/** Of a peer in a reply. */
const PEER_BYTES = { IPv4: 6, IPv6: 18 } as const;

type Family = keyof typeof PEER_BYTES;

export function krpcDict(bytes: Uint8Array): BencodeDict | undefined {
  const decoded = decodeBencodeDict(bytes);
  return decoded.ok ? decoded.value : undefined;
}

/**
 * Is this a message of the DHT (BEP 5) that its library can be trusted with? It takes for granted that ids and info-hashes
 * are of 20 bytes and lists of peers are lists of strings, and throws where they are not, in reach of nobody.
 */
export function isSoundKrpc(bytes: Uint8Array, family: Family = "IPv4"): boolean {
  const decoded = decodeBencodeDict(bytes, BOUNDS);
  if (!decoded.ok) return false;
  const message = decoded.value;
  if (!asBytes(get(message, "t"))) return false;
  switch (kindOf(message)) {
    case "q":
      return isSoundQuery(message);
    case "r":
      return isSoundReply(asDict(get(message, "r")), family);
    case "e":
      return asList(get(message, "e")) !== undefined;
    default:
      return false;
  }
}

function isSoundQuery(message: BencodeDict): boolean {
  const name = asBytes(get(message, "q"));
  const given = asDict(get(message, "a"));
  if (!name || !given || !isId(given, "id")) return false;
  switch (Buffer.from(name).toString("latin1")) {
    case "ping":
      return true;
    case "find_node":
      return isId(given, "target");
    case "get_peers":
      return isId(given, "info_hash");
    case "announce_peer":
      return isId(given, "info_hash") && asBytes(get(given, "token")) !== undefined;
    default:
      // To keep anybody's data for others (BEP 44) is no business of ours.
      return false;
  }
}

function isSoundReply(given: BencodeDict | undefined, family: Family): boolean {
  if (!given || !isId(given, "id")) return false;
  const values = get(given, "values");
  const isSound = (key: string) => get(given, key) === undefined || asBytes(get(given, key)) !== undefined;
  return (
    isSound("nodes") &&
    isSound("nodes6") &&
    isSound("token") &&
    (values === undefined ||
      asList(values)?.every((one) => asBytes(one)?.length === PEER_BYTES[family]) === true)
  );
}

function kindOf(message: BencodeDict): string {
  return Buffer.from(asBytes(get(message, "y")) ?? []).toString("latin1");
}

function isId(dict: BencodeDict, key: string): boolean {
  return asBytes(get(dict, key))?.length === ID_BYTES;
}

/**
 * A message as it may be sent: the library answers with all nodes that it knows, the closest first, or with all peers that it knows of a torrent,
 * 60 KB to whatever address a request of 100 bytes seems to come from. A reply has what is `besides`, too. Undefined: it may not.
 */
export function cutKrpc(bytes: Uint8Array, besides?: BencodeDict): Uint8Array | undefined {
  const message = krpcDict(bytes);
  const reply = message && asDict(get(message, "r"));
  if (message && reply) return encodeReply(message, { ...withFewNodes(reply), ...besides });
  return bytes.length <= dhtBytes ? bytes : undefined;
}

/** With those nodes that are closest to what was asked for (BEP 5). */
export function withFewNodes(reply: BencodeDict): BencodeDict {
  const few: Record<string, Uint8Array> = {};
  for (const [name, size] of Object.entries(NODE_BYTES)) {
    const nodes = asBytes(get(reply, name));
    if (nodes) few[name] = nodes.subarray(0, dhtNodesTold * size);
  }
  return { ...reply, ...few };
}

/** The message with this reply, of whose peers those are left out that have no room. Undefined where it is too long without any. */
export function encodeReply(
  message: BencodeDict,
  reply: BencodeDict,
  most: number = dhtBytes,
): Uint8Array | undefined {
  const values = asList(get(reply, "values")) ?? [];
  const encodeWith = (count: number) =>
    encodeBencode({
      ...message,
      r: values.length === 0 ? reply : { ...reply, values: values.slice(0, count) },
    });
  const room = most - encodeWith(0).length;
  const fitting = Math.floor(room / Math.max(1, encodeWith(1).length - encodeWith(0).length));
  const encoded = encodeWith(Math.max(0, Math.min(dhtPeersTold, fitting)));
  return encoded.length <= most ? encoded : undefined;
}
