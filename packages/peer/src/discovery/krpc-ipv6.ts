import {
  type Address,
  asBytes,
  asDict,
  asList,
  type BencodeDict,
  decodeCompact,
  encodeBencode,
  encodeCompact,
  get,
  isIPv6,
  LIMITS,
  parseAddress,
} from "@cachetorrent/protocol";
import { AskedQueries } from "./asked-queries.ts";
import type { KrpcDialect } from "./krpc-dialect.ts";
import { encodeReply, ID_BYTES, isSoundKrpc, krpcDict, NODE_BYTES, withFewNodes } from "./krpc-message.ts";
import { StandIns } from "./stand-ins.ts";

/** Of a datagram (BEP 32). */
const BYTES_MOST = 1024;
/** Queries of ours whose replies are still heard. */
const ASKED_MOST = 1000;

/** The family of a list's addresses, and what becomes of each; undefined for one that is to be left out. */
interface Translation {
  readonly from: "IPv4" | "IPv6";
  readonly translate: (address: Address) => Address | undefined;
}

/**
 * The DHT over IPv6 (BEP 32). The library is told of IPv4 addresses that stand for those of nodes and peers, in messages, too, where lists of IPv6
 * have longer entries, and that of nodes another name.
 */
export function krpcIPv6(): KrpcDialect {
  const standIns = new StandIns(LIMITS.discovery.dhtAddresses);
  const toLibrary: Translation = {
    from: "IPv6",
    translate: (address) => (isIPv6(address) ? standIns.standInFor(address) : undefined),
  };
  const toOthers: Translation = { from: "IPv4", translate: (address) => standIns.addressOf(address) };
  const asked = new AskedQueries(ASKED_MOST);
  return {
    family: 6,
    hostFor: (address) => standIns.standInFor(address),
    addressOf(host) {
      const standIn = parseAddress(host);
      return standIn && standIns.addressOf(standIn);
    },
    incoming(bytes, from) {
      const message = isSoundKrpc(bytes, "IPv6") ? krpcDict(bytes) : undefined;
      const reply = message && asDict(get(message, "r"));
      if (!message || !reply) return message && bytes;
      // Whoever sends what nobody asked for would have us forget the addresses that we need.
      if (!asked.take(message, from)) return undefined;
      return encodeBencode({ ...message, r: translated(reply, toLibrary, "nodes6", "nodes") });
    },
    outgoing(bytes, to, besides) {
      const message = krpcDict(bytes);
      if (!message) return undefined;
      const reply = asDict(get(message, "r"));
      if (reply) {
        const answer = translated(withFewNodes(reply), toOthers, "nodes", "nodes6");
        return encodeReply(message, { ...answer, ...besides }, BYTES_MOST);
      }
      asked.add(message, to);
      return bytes;
    },
  };
}

/** A reply with its lists translated, and that of nodes renamed. */
function translated(reply: BencodeDict, by: Translation, nodesAre: string, nodesBecome: string): BencodeDict {
  const { nodes: _nodes, nodes6: _nodes6, values: _values, ...rest } = reply;
  const nodes = asBytes(get(reply, nodesAre));
  const values = asList(get(reply, "values"));
  return {
    ...rest,
    ...(nodes ? { [nodesBecome]: translatedNodes(nodes, by) } : {}),
    ...(values ? { values: values.flatMap((value) => translatedEndpoint(asBytes(value), by)) } : {}),
  };
}

/** Of compact nodes: an id and an endpoint each. */
function translatedNodes(bytes: Uint8Array, by: Translation): Uint8Array {
  const size = NODE_BYTES[by.from === "IPv4" ? "nodes" : "nodes6"];
  const nodes: Uint8Array[] = [];
  for (let at = 0; at + size <= bytes.length; at += size) {
    const id = bytes.subarray(at, at + ID_BYTES);
    const [endpoint] = translatedEndpoint(bytes.subarray(at + ID_BYTES, at + size), by);
    if (endpoint) nodes.push(id, endpoint);
  }
  return Buffer.concat(nodes);
}

/** None for one that is to be left out. */
function translatedEndpoint(bytes: Uint8Array | undefined, { from, translate }: Translation): Uint8Array[] {
  const decoded = bytes && decodeCompact(bytes, from);
  if (!decoded?.ok) return [];
  return decoded.value.flatMap(({ address, port }) => {
    const other = translate(address);
    return other ? [encodeCompact([{ address: other, port }])] : [];
  });
}
