import { type Address, type Asn, CtError, parseAsn } from "@cachetorrent/protocol";
import { PrefixMap, parsePrefix } from "../prefix.ts";
import type { AsResolver } from "./as-resolver.ts";

/** The operator's own table of who is where; the longest prefix that holds an address wins. */
export class PrefixTable implements AsResolver {
  readonly #asns = new PrefixMap<Asn>();

  /** How many blocks of addresses it has. */
  get size(): number {
    return this.#asns.size;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  resolve(address: Address): Asn | undefined {
    return this.#asns.get(address);
  }

  /**
   * Adds the lines of a table: `CIDR ASN name`, the name for the reader only; `#` begins a comment.
   * @throws CtError CT_ERR_AS_TABLE, naming `fileName` and the line.
   */
  addLines(text: string, fileName: string): void {
    text.split(/\r?\n/).forEach((line, i) => {
      const [cidr, asn] = line.replace(/#.*/, "").trim().split(/\s+/);
      if (cidr) this.#add(cidr, asn, `${fileName}:${i + 1}`);
    });
  }

  /**
   * Adds one `CIDR=ASN`.
   * @throws CtError CT_ERR_AS_TABLE
   */
  addAssignment(text: string): void {
    const [, cidr = text, asn] = /^(.*)=(.*)$/.exec(text) ?? [];
    this.#add(cidr, asn, `as-prefix ${text}`);
  }

  #add(cidr: string, asnText: string | undefined, where: string): void {
    const prefix = parsePrefix(cidr);
    if (!prefix.ok) throw new CtError("CT_ERR_AS_TABLE", `${where}: ${prefix.error.message}`);
    const asn = asnText === undefined ? undefined : parseAsn(asnText);
    if (asn === undefined) {
      throw new CtError("CT_ERR_AS_TABLE", `${where}: not an AS number: ${asnText ?? "missing"}`);
    }
    this.#asns.set(prefix.value, asn);
  }
}
