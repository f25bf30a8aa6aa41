import type { Host } from "./lab.ts";
import { linkCounters, runIn } from "./namespaces.ts";

const LEG = "eth0";
/** Interface counters of a veth begin at the link layer, those of nftables at the IP header. */
const ETHERNET_HEADER = 14;

/** What the kernel counted at the border of an AS, in bytes with all headers. */
export interface BorderCount {
  readonly into: number;
  readonly outOf: number;
  /** TCP connections that were accepted across the border, whoever dialled. */
  readonly connections: number;
  /** Taken off `into` and `outOf`: what came from and went to those left out. */
  readonly leftOut: number;
}

interface Counter {
  readonly packets: number;
  readonly bytes: number;
}

/**
 * Reads the byte counters of the leg of a border that is outside the AS: of the interface itself, which counts whatever passes. What
 * passes for hosts that are left out (a tracker) nftables counts beside it, and it is taken off. Big segments (GSO) pass
 * a veth whole, and count with one header.
 */
export class BorderMeter {
  readonly #border: Host;

  private constructor(border: Host) {
    this.#border = border;
  }

  /** To be done before there is traffic. `leftOut`: IPv4 addresses. */
  static async install(border: Host, leftOut: readonly string[]): Promise<BorderMeter> {
    const rules = [
      ...leftOut.flatMap((address) => [
        `iifname ${LEG} ip saddr ${address} counter name left-in return`,
        `oifname ${LEG} ip daddr ${address} counter name left-out return`,
      ]),
      // The second packet of a handshake: a refused attempt has none.
      ...["iifname", "oifname"].map(
        (leg) => `${leg} ${LEG} tcp flags & (fin|syn|rst|ack) == (syn|ack) counter name accepted`,
      ),
    ];
    const table = `table inet border {
      counter left-in {}
      counter left-out {}
      counter accepted {}
      chain passing { type filter hook forward priority filter; ${rules.join("; ")}; }
    }`;
    await runIn(border.namespace, "nft", [table]);
    return new BorderMeter(border);
  }

  async read(): Promise<BorderCount> {
    const { namespace } = this.#border;
    const [leg, counters] = await Promise.all([linkCounters(namespace, LEG), this.#readCounters()]);
    const counter = (name: string) => {
      const found = counters.get(name);
      if (!found) throw new Error(`nftables has no counter ${name} at ${this.#border.name}`);
      return found;
    };
    const [leftIn, leftOut] = [linkBytes(counter("left-in")), linkBytes(counter("left-out"))];
    return {
      into: leg.rx - leftIn,
      outOf: leg.tx - leftOut,
      connections: counter("accepted").packets,
      leftOut: leftIn + leftOut,
    };
  }

  async #readCounters(): Promise<Map<string, Counter>> {
    const json = await runIn(this.#border.namespace, "nft", ["-j", "list", "counters"]);
    const { nftables } = JSON.parse(json) as { nftables: { counter?: Counter & { name: string } }[] };
    return new Map(nftables.flatMap(({ counter }) => (counter ? [[counter.name, counter]] : [])));
  }
}

function linkBytes({ packets, bytes }: Counter): number {
  return bytes + packets * ETHERNET_HEADER;
}
