import {
  asBytes,
  asDict,
  asList,
  asText,
  type BencodeDict,
  decodeCompact,
  type Endpoint,
  encodeBencode,
  get,
  isIPv6,
  LIMITS,
} from "@cachetorrent/protocol";
import { AskedQueries, queryKey } from "./asked-queries.ts";
import type { KrpcDialect } from "./krpc-dialect.ts";
import { ID_BYTES, krpcDict, NODE_BYTES } from "./krpc-message.ts";

/** What a node can do for ours of the other family. */
export interface Twin {
  /** It knows too few nodes to find others by itself. */
  readonly isLost: boolean;
  /** Compact, those that it knows closest to the id. */
  closest(id: Uint8Array): Uint8Array;
  hearOf(node: Endpoint): void;
}

/** Of each family what `want` calls it, and the list of its nodes in a reply. */
const NAMES = {
  4: { want: "n4", list: "nodes", kind: "IPv4", bytes: NODE_BYTES.nodes },
  6: { want: "n6", list: "nodes6", kind: "IPv6", bytes: NODE_BYTES.nodes6 },
} as const;
/** Queries of ours whose replies may tell of nodes for the twin. */
const ASKED_MOST = 100;

/**
 * A dialect that also tells of nodes of the other family to whoever wants these, and asks for some while ours there is lost (BEP 32, `want`): so
 * one who was told of a node by IPv4 alone finds its way over IPv6, too.
 */
export function krpcWant(dialect: KrpcDialect, twin: () => Twin | undefined): KrpcDialect {
  const own = NAMES[dialect.family];
  const other = NAMES[dialect.family === 4 ? 6 : 4];
  const asked = new AskedQueries(ASKED_MOST);
  /** The latest query that wants the other family's: the library answers before the next one comes. */
  let wanted: { readonly key: string; readonly id: Uint8Array } | undefined;
  return {
    ...dialect,
    incoming(bytes, from) {
      const sound = dialect.incoming(bytes, from);
      const message = sound && krpcDict(bytes);
      if (!message) return sound;
      const key = queryKey(message, from);
      const given = asDict(get(message, "a"));
      const id = given && idAskedFor(given);
      if (id && asList(get(given, "want"))?.some((one) => asText(one) === other.want)) wanted = { key, id };
      const reply = asDict(get(message, "r"));
      // What nobody asked for could make us ask anybody.
      if (reply && asked.take(message, from)) {
        const nodes = asBytes(get(reply, other.list)) ?? new Uint8Array();
        for (const node of nodesOf(nodes)) twin()?.hearOf(node);
      }
      return sound;
    },
    outgoing(bytes, to) {
      const message = krpcDict(bytes);
      if (!message) return undefined;
      const key = queryKey(message, to);
      if (asDict(get(message, "r")) && key === wanted?.key) {
        const nodes = twin()?.closest(wanted.id);
        wanted = undefined;
        return dialect.outgoing(bytes, to, nodes && { [other.list]: nodes });
      }
      const given = asDict(get(message, "a"));
      if (!given || !idAskedFor(given) || !twin()?.isLost) return dialect.outgoing(bytes, to);
      asked.add(message, to);
      const want = [own.want, other.want];
      return dialect.outgoing(encodeBencode({ ...message, a: { ...given, want } }), to);
    },
  };

  /** Of the other family: an address of IPv4 may be written as one of IPv6. */
  function nodesOf(compact: Uint8Array): Endpoint[] {
    const most = Math.min(compact.length, LIMITS.discovery.dhtNodesTold * other.bytes);
    const nodes: Endpoint[] = [];
    for (let at = 0; at + other.bytes <= most; at += other.bytes) {
      const decoded = decodeCompact(compact.subarray(at + ID_BYTES, at + other.bytes), other.kind);
      if (decoded.ok) nodes.push(...decoded.value);
    }
    return nodes.filter(({ address, port }) => port > 0 && isIPv6(address) === (other === NAMES[6]));
  }
}

/** What a query looks for: nodes near to it are of use. */
function idAskedFor(given: BencodeDict): Uint8Array | undefined {
  // An announce has one, too, and is answered without nodes.
  if (get(given, "token") !== undefined) return undefined;
  return asBytes(get(given, "target")) ?? asBytes(get(given, "info_hash"));
}
