import { type Address, addressBytes, isIPv6 } from "@cachetorrent/protocol";
import type { Prefix } from "@cachetorrent/tracker";

/**
 * Writes MaxMind databases (format 2.0, IPv6 tree with IPv4 at ::/96, 24-bit records) for tests: real ones may not be
 * passed on. Prefixes must not contain each other.
 */
export function mmdb(entries: readonly [Prefix, asn: number, name: string][], type = "GeoLite2-ASN"): Buffer {
  const data: Buffer[] = [];
  const root: Node = [undefined, undefined];
  let dataLength = 0;
  for (const [prefix, asn, name] of entries) {
    const record = map({
      autonomous_system_number: uint32(asn),
      autonomous_system_organization: utf8(name),
    });
    insert(root, bitsOf(prefix), dataLength);
    data.push(record);
    dataLength += record.length;
  }
  const nodes = numbered(root);
  const tree = Buffer.concat(nodes.flatMap((node) => node.map((side) => uint24(recordOf(side, nodes)))));
  const metadata = map({
    binary_format_major_version: uint16(2),
    binary_format_minor_version: uint16(0),
    build_epoch: uint64(1_700_000_000),
    database_type: utf8(type),
    description: map({ en: utf8("for tests") }),
    ip_version: uint16(6),
    languages: Buffer.from([0, 4]),
    node_count: uint32(nodes.length),
    record_size: uint16(24),
  });
  const marker = Buffer.from("\xab\xcd\xefMaxMind.com", "latin1");
  return Buffer.concat([tree, Buffer.alloc(16), ...data, marker, metadata]);
}

/** A side is a node, the offset of a record in the data section, or nothing. */
type Side = Node | number | undefined;
type Node = [Side, Side];

function bitsOf({ address, bits }: Prefix): number[] {
  const bytes = paddedTo16(address);
  const length = isIPv6(address) ? bits : bits + 96;
  return Array.from({ length }, (_, i) => ((bytes[i >> 3] ?? 0) >> (7 - (i & 7))) & 1);
}

function paddedTo16(address: Address): Uint8Array {
  const bytes = addressBytes(address);
  return Buffer.concat([Buffer.alloc(16 - bytes.length), bytes]);
}

function insert(root: Node, bits: readonly number[], offset: number): void {
  let node = root;
  bits.forEach((bit, i) => {
    if (i === bits.length - 1) {
      node[bit] = offset;
      return;
    }
    const next = node[bit];
    if (Array.isArray(next)) {
      node = next;
      return;
    }
    const made: Node = [undefined, undefined];
    node[bit] = made;
    node = made;
  });
}

function numbered(root: Node): Node[] {
  const nodes: Node[] = [root];
  for (const node of nodes) for (const side of node) if (Array.isArray(side)) nodes.push(side);
  return nodes;
}

function recordOf(side: Side, nodes: readonly Node[]): number {
  if (side === undefined) return nodes.length;
  return Array.isArray(side) ? nodes.indexOf(side) : nodes.length + 16 + side;
}

function uint24(value: number): Buffer {
  return Buffer.from([value >> 16, (value >> 8) & 0xff, value & 0xff]);
}

/** A control byte: the type in the upper 3 bits, the size below; from 29 on the size goes on in the next byte. */
function utf8(text: string): Buffer {
  const bytes = Buffer.from(text);
  const control = bytes.length < 29 ? [(2 << 5) | bytes.length] : [(2 << 5) | 29, bytes.length - 29];
  return Buffer.concat([Buffer.from(control), bytes]);
}

function uint16(value: number): Buffer {
  return Buffer.from([(5 << 5) | 2, value >> 8, value & 0xff]);
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(5);
  bytes[0] = (6 << 5) | 4;
  bytes.writeUInt32BE(value, 1);
  return bytes;
}

/** An extended type (9): 0 in the control byte, the type less 7 in the next. */
function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(10);
  bytes[0] = 8;
  bytes[1] = 2;
  bytes.writeBigUInt64BE(BigInt(value), 2);
  return bytes;
}

function map(fields: Readonly<Record<string, Buffer>>): Buffer {
  const parts = Object.entries(fields).flatMap(([key, value]) => [utf8(key), value]);
  return Buffer.concat([Buffer.from([(7 << 5) | Object.keys(fields).length]), ...parts]);
}
