import {
  type Address,
  asBytes,
  asDict,
  asList,
  decodeBencodeDict,
  encodeBencode,
  encodeCompact,
  get,
  unwrap,
} from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { KrpcDialect } from "../src/discovery/krpc-dialect.ts";
import { krpcIPv6 } from "../src/discovery/krpc-ipv6.ts";
import { isSoundKrpc } from "../src/discovery/krpc-message.ts";
import { StandIns } from "../src/discovery/stand-ins.ts";

const id = Buffer.alloc(20, 1);
const asked = { address: "2001:db8::a" as Address, port: 7 };
const node = { address: "2001:db8::b" as Address, port: 6881 };
const peer = { address: "2001:db8::c" as Address, port: 51413 };
const t = "aa";

/** A dialect whose library has asked `asked`. */
function askingDialect(): KrpcDialect {
  const dialect = krpcIPv6();
  const query = encodeBencode({ t, y: "q", q: "get_peers", a: { id, info_hash: id } });
  expect(dialect.outgoing(query, asked)).toEqual(query);
  return dialect;
}

/** Bytes, in hex, of what the message's reply has by that name. */
function inReply(message: Uint8Array | undefined, name: string): string[] {
  const reply = asDict(get(unwrap(decodeBencodeDict(message as Uint8Array)), "r")) ?? {};
  const value = get(reply, name);
  const all = asList(value) ?? (value === undefined ? [] : [value]);
  return all.map((one) => Buffer.from(asBytes(one) as Uint8Array).toString("hex"));
}

const hex = (...parts: readonly Uint8Array[]) => Buffer.concat(parts).toString("hex");
const reply = (r: Record<string, Uint8Array | Uint8Array[]>) => encodeBencode({ t, y: "r", r: { id, ...r } });

describe("messages of the DHT over IPv6 (BEP 32), to a library that knows IPv4", () => {
  it("tell it of stand-ins, by which it may ask, answer and tell of those that they stand for", () => {
    const dialect = askingDialect();
    const nodes6 = Buffer.concat([id, encodeCompact([node])]);
    const came = dialect.incoming(reply({ nodes6, values: [encodeCompact([peer])] }), asked);
    const standIn = (of: typeof node) => ({ address: dialect.hostFor(of.address) as Address, port: of.port });
    expect(inReply(came, "nodes")).toEqual([hex(id, encodeCompact([standIn(node)]))]);
    expect(inReply(came, "nodes6")).toEqual([]);
    expect(inReply(came, "values")).toEqual([hex(encodeCompact([standIn(peer)]))]);
    expect(standIn(node).address).toMatch(/^240\./);
    expect(dialect.addressOf(standIn(node).address)).toBe(node.address);

    const sent = dialect.outgoing(
      reply({
        nodes: Buffer.concat([id, encodeCompact([standIn(node)])]),
        values: [encodeCompact([standIn(peer)])],
      }),
      asked,
    );
    expect(inReply(sent, "nodes6")).toEqual([hex(nodes6)]);
    expect(inReply(sent, "nodes")).toEqual([]);
    expect(inReply(sent, "values")).toEqual([hex(encodeCompact([peer]))]);
  });

  it("bring it no reply that it has not asked for, from whom it has not asked, or a second time", () => {
    const dialect = askingDialect();
    const answer = reply({});
    expect(dialect.incoming(answer, node)).toBeUndefined();
    expect(dialect.incoming(encodeBencode({ t: "ab", y: "r", r: { id } }), asked)).toBeUndefined();
    expect(dialect.incoming(answer, asked)).toBeDefined();
    expect(dialect.incoming(answer, asked)).toBeUndefined();
  });

  it("leave out what is of no address of IPv6, and what stands for none", () => {
    const mapped = Buffer.concat([Buffer.from("00000000000000000000ffff0102030401bb", "hex")]);
    const came = askingDialect().incoming(
      reply({ nodes6: Buffer.concat([id, mapped]), values: [mapped] }),
      asked,
    );
    expect(inReply(came, "nodes")).toEqual([""]);
    expect(inReply(came, "values")).toEqual([]);
    const stranger = encodeCompact([{ address: "240.9.9.9" as Address, port: 1 }]);
    const sent = krpcIPv6().outgoing(
      reply({ nodes: Buffer.concat([id, stranger]), values: [stranger] }),
      asked,
    );
    expect(inReply(sent, "nodes6")).toEqual([""]);
    expect(inReply(sent, "values")).toEqual([]);
  });

  it.each([
    ["peers of IPv4", reply({ values: [Buffer.alloc(6)] })],
    ["no lists", encodeBencode({ t, y: "r", r: { id, nodes6: [id] } })],
    ["nonsense", Buffer.from("nonsense")],
  ])("are not heard with %s", (_, bytes) => {
    expect(askingDialect().incoming(bytes, asked)).toBeUndefined();
  });

  it("are translated or not, whatever they hold", () => {
    const bytes = fc.uint8Array({ maxLength: 80 });
    fc.assert(
      fc.property(bytes, fc.array(bytes), (nodes, values) => {
        for (const message of [nodes, reply({ nodes, nodes6: nodes, values })]) {
          const heard = askingDialect().incoming(message, asked);
          if (heard) expect(isSoundKrpc(heard)).toBe(true);
          const said = krpcIPv6().outgoing(message, asked);
          if (said) expect(said.length).toBeLessThanOrEqual(1024);
        }
      }),
    );
  });

  it("are of 1,024 bytes at most, with as many peers as have room", () => {
    const dialect = krpcIPv6();
    const values = Array.from({ length: 100 }, (_, port) =>
      encodeCompact([{ address: dialect.hostFor(peer.address) as Address, port: port + 1 }]),
    );
    const sent = dialect.outgoing(reply({ token: id, values }), asked) as Uint8Array;
    expect(sent.length).toBeLessThanOrEqual(1024);
    expect(inReply(sent, "values").length).toBeGreaterThan(40);
  });
});

describe("addresses that stand for others", () => {
  const address = (n: number) => `2001:db8::${n.toString(16)}` as Address;

  it("are bounded: those go that were not used for the longest time", () => {
    const standIns = new StandIns(3);
    const [a, b, c] = [1, 2, 3].map((n) => standIns.standInFor(address(n))) as [Address, Address, Address];
    expect(new Set([a, b, c]).size).toBe(3);
    expect(standIns.standInFor(address(1))).toBe(a);
    expect(standIns.addressOf(b)).toBe(address(2));
    standIns.standInFor(address(4));
    expect([a, b, c].map((one) => standIns.addressOf(one))).toEqual([address(1), address(2), undefined]);
    expect([a, b, c]).not.toContain(standIns.standInFor(address(3)));
  });
});
