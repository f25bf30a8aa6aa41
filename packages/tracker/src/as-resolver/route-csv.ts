import { isIP } from "node:net";
import { type Address, type Asn, addressBytes, CtError, isIPv6, parseAsn } from "@cachetorrent/protocol";
import type { AsResolver } from "./as-resolver.ts";
import { type AddressWords, RangeTable } from "./range-table.ts";

/**
 * The CSV files of `@ip-location-db/asn`: `start,end,asn,name` a line, ascending, ends included; addresses as text or as
 * decimal numbers, IPv4 or IPv6.
 */
export class RouteCsv implements AsResolver {
  readonly #ipv4 = new RangeTable(1);
  readonly #ipv6 = new RangeTable(4);

  /** @throws CtError CT_ERR_AS_TABLE, naming `fileName` and the line. */
  constructor(text: string, fileName: string) {
    let line = 0;
    for (let start = 0; start < text.length; ) {
      let end = text.indexOf("\n", start);
      if (end < 0) end = text.length;
      line++;
      const problem = end > start ? this.#addLine(text.slice(start, end)) : undefined;
      if (problem) throw new CtError("CT_ERR_AS_TABLE", `${fileName}:${line}: ${problem}`);
      start = end + 1;
    }
    this.#ipv4.trim();
    this.#ipv6.trim();
    if (this.size === 0) throw new CtError("CT_ERR_AS_TABLE", `${fileName}: no routes in it`);
  }

  get size(): number {
    return this.#ipv4.size + this.#ipv6.size;
  }

  resolve(address: Address): Asn | undefined {
    return (isIPv6(address) ? this.#ipv6 : this.#ipv4).find(textWords(address));
  }

  /** What is wrong with the line, if something is. */
  #addLine(line: string): string | undefined {
    const first = line.indexOf(",");
    const second = line.indexOf(",", first + 1);
    if (first < 0 || second < 0) return "not a line of start,end,asn,name";
    const third = line.indexOf(",", second + 1);
    const asn = parseAsn(line.slice(second + 1, third < 0 ? line.length : third));
    if (asn === undefined) return "no AS number in the third column";
    const start = words(line.slice(0, first));
    const end = words(line.slice(first + 1, second));
    // IPv6 numbers under 2^32 don't occur: what is written shorter is IPv4.
    if (!start || start.length !== end?.length) return "not two addresses of one family";
    const table = start.length === 4 ? this.#ipv6 : this.#ipv4;
    return table.append(start, end, asn) ? undefined : "ranges must ascend";
  }
}

function words(text: string): AddressWords | undefined {
  if (/^\d+$/.test(text)) return numberWords(text);
  return isIP(text) > 0 ? textWords(text) : undefined;
}

function textWords(text: string): AddressWords {
  if (!text.includes(":")) return [ipv4Number(text)];
  const bytes = addressBytes(text as Address);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return [view.getUint32(0), view.getUint32(4), view.getUint32(8), view.getUint32(12)];
}

function numberWords(text: string): AddressWords | undefined {
  const small = Number(text);
  if (small <= 0xffffffff) return [small];
  const value = BigInt(text);
  if (value >= 1n << 128n) return undefined;
  return [96n, 64n, 32n, 0n].map((shift) => Number((value >> shift) & 0xffffffffn));
}

function ipv4Number(text: string): number {
  let value = 0;
  let part = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 0x2e) {
      value = value * 256 + part;
      part = 0;
    } else part = part * 10 + code - 0x30;
  }
  return value * 256 + part;
}
