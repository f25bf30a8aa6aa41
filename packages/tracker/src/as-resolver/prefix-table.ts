import { type Address, type Asn, CtError, isIPv6, parseAsn } from "@cachetorrent/protocol";
import { formatPrefix, networkOf, PrefixMap, parsePrefix } from "../prefix.ts";
import type { AsResolver } from "./as-resolver.ts";

interface Entry {
  readonly asn: Asn;
  /** The file and line, or the option, that says so. */
  readonly where: string;
}

/** The operator's own table of who is where; the longest prefix that holds an address wins. */
export class PrefixTable implements AsResolver {
  readonly #entries = new PrefixMap<Entry>();

  /** How many blocks of addresses it has. */
  get size(): number {
    return this.#entries.size;
  }

  get isEmpty(): boolean {
    return this.size === 0;
  }

  resolve(address: Address): Asn | undefined {
    return this.#entries.get(address)?.asn;
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
    const [, cidr, asn] = /^(.*)=(.*)$/.exec(text) ?? [];
    if (cidr === undefined)
      throw new CtError("CT_ERR_AS_TABLE", `as-prefix ${text}: not CIDR=ASN, such as ${text}=64501`);
    this.#add(cidr, asn, `as-prefix ${text}`);
  }

  #add(cidr: string, asnText: string | undefined, where: string): void {
    const prefix = parsePrefix(cidr);
    if (!prefix.ok) throw new CtError("CT_ERR_AS_TABLE", `${where}: ${prefix.error.message}`);
    const asn = asnText === undefined ? undefined : parseAsn(asnText);
    if (asn === undefined) {
      throw new CtError("CT_ERR_AS_TABLE", `${where}: not an AS number: ${asnText ?? "missing"}`);
    }
    const written = formatPrefix(prefix.value);
    const network = formatPrefix(networkOf(prefix.value));
    // A slip of the pen: either the address or the length is not what was meant, and only the operator knows which.
    if (written !== network) {
      throw new CtError("CT_ERR_AS_TABLE", `${where}: ${cidr} is no block of addresses, ${network} is`);
    }
    // A block was meant, and nobody would be in it but the one address that hosts do not have.
    const block = { ...prefix.value, bits: isIPv6(prefix.value.address) ? 64 : 24 };
    if (!cidr.includes("/") && networkOf(block).address === block.address) {
      throw new CtError(
        "CT_ERR_AS_TABLE",
        `${where}: ${cidr} lacks the length of a block, such as ${formatPrefix(block)}; ${written} is that one address`,
      );
    }
    const known = this.#entries.getExact(prefix.value);
    if (known && known.asn !== asn) {
      throw new CtError(
        "CT_ERR_AS_TABLE",
        `${where}: ${network} is AS ${known.asn} by ${known.where}, not ${asn}`,
      );
    }
    if (!known) this.#entries.set(prefix.value, { asn, where });
  }
}
