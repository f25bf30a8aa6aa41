import { mkdirSync, rmSync } from "node:fs";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DaemonGroup } from "@cachetorrent/testbed";
import {
  ip,
  labName,
  namespaceName,
  removeLeftovers,
  removeNamespaces,
  runIn,
  setSwitches,
} from "./namespaces.ts";
import { Place } from "./place.ts";

const CORE_ADDRESS = "198.18.0.1";
const SITE_ADDRESS = "198.19.0.1";
const GATEWAY6 = "fe80::1";
const BORDER6 = "fe80::2";
/** 198.18.0.0/15 is the range for tests of networks (RFC 2544), 2001:db8::/32 that for documents (RFC 3849); stock clients take both for the open internet. */
const publicAddress4 = (site: number, host: number) => `198.18.${site}.${host}`;
const publicAddress6 = (site: number, host: number) => `2001:db8:${site}::${host}`;
const publicPrefix4 = (site: number) => `198.18.${site}.0/24`;
const publicPrefix6 = (site: number) => `2001:db8:${site}::/48`;
const hiddenAddress4 = (site: number, host: number) => `198.19.${site}.${host}`;

export type Family = "ipv4" | "ipv6";
const BOTH_FAMILIES: readonly Family[] = ["ipv4", "ipv6"];

/** The AS number of a site, as the lab's prefix tables name it. */
export const asnOf = (site: number): number => 64_500 + site;

/** `--as-prefix` values for sites 1..n, both address families. */
export function prefixesOf(sites: readonly number[]): string[] {
  return sites.flatMap((site) => [
    `${publicPrefix4(site)}=${asnOf(site)}`,
    `${publicPrefix6(site)}=${asnOf(site)}`,
  ]);
}

/** A machine of the lab: a network namespace with an address of each family. */
export class Host extends Place {
  readonly namespace: string;
  readonly asn: number;
  readonly ipv4: string;
  readonly ipv6: string;

  constructor(
    of: Pick<Host, "name" | "dir" | "namespace" | "asn" | "ipv4" | "ipv6"> & { readonly group: DaemonGroup },
  ) {
    super({ ...of, within: ["ip", "netns", "exec", of.namespace] });
    this.namespace = of.namespace;
    this.asn = of.asn;
    this.ipv4 = of.ipv4;
    this.ipv6 = of.ipv6;
  }
}

interface Router {
  readonly namespace: string;
  /** The next hop of its hosts; IPv6 has the same link-local one everywhere. */
  readonly address4: string;
  links: number;
}

let labs = 0;

/**
 * A network of namespaces: hosts of several sites, each on a routed link of its own to one router. There is no bridge, so
 * the host's bridge firewall has no say, and no link is in the host's own namespace.
 */
export class Lab {
  readonly dir: string;
  readonly #number = ++labs;
  readonly #namespaces: string[] = [];
  readonly #daemons = new DaemonGroup();
  readonly #core: Router;
  readonly #hosts = new Map<number, number>();
  readonly #removeAtExit = (): void => this.#remove();

  private constructor(dir: string) {
    this.dir = dir;
    this.#core = { namespace: namespaceName(this.#number, "core"), address4: CORE_ADDRESS, links: 0 };
    process.once("exit", this.#removeAtExit);
  }

  static async open(): Promise<Lab> {
    removeLeftovers();
    const lab = new Lab(await mkdtemp(path.join(tmpdir(), `${labName()}-`)));
    try {
      await lab.#addRouter(lab.#core.namespace);
      return lab;
    } catch (error) {
      lab.#remove();
      throw error;
    }
  }

  /** A host in the open. Sites are 1..254 and are ASes: `asnOf(site)`. */
  async addHost(name: string, site: number, families: readonly Family[] = BOTH_FAMILIES): Promise<Host> {
    const number = this.#nextNumber(site);
    const ipv4 = publicAddress4(site, number);
    const ipv6 = publicAddress6(site, number);
    const host = await this.#attach(name, site, ipv4, ipv6, this.#core);
    const unwanted = BOTH_FAMILIES.filter((family) => !families.includes(family));
    await ip(
      unwanted.map((family) => `address delete ${host[family]} dev eth0`),
      host.namespace,
    );
    return host;
  }

  /** Hosts behind one public address of the site (`gateway`), which lets nothing in. */
  async addHiddenHosts(names: readonly string[], site: number): Promise<{ gateway: Host; hosts: Host[] }> {
    const gateway = await this.addHost(`gateway${site}`, site);
    await forward(gateway.namespace);
    await runIn(gateway.namespace, "nft", ["add table ip site"]);
    await runIn(gateway.namespace, "nft", [
      "add chain ip site out { type nat hook postrouting priority srcnat; }",
    ]);
    await runIn(gateway.namespace, "nft", ["add rule ip site out oifname eth0 masquerade"]);
    const router = { namespace: gateway.namespace, address4: SITE_ADDRESS, links: 0 };
    const hosts: Host[] = [];
    for (const [at, name] of names.entries()) {
      const ipv4 = hiddenAddress4(site, at + 1);
      hosts.push(await this.#attach(name, site, ipv4, publicAddress6(site, 200 + at), router));
    }
    return { gateway, hosts };
  }

  /** Hosts with addresses of their own behind the one router of the site: what crosses its `eth0` crosses the AS's border. */
  async addBorderedHosts(names: readonly string[], site: number): Promise<{ border: Host; hosts: Host[] }> {
    const border = await this.addHost(`border${site}`, site);
    await forward(border.namespace);
    // To forward it needs a link-local address at once, and the kernel's own is being checked for a second.
    await ip([`address add ${BORDER6}/64 dev eth0 nodad`], border.namespace);
    await ip(
      [
        `route add ${publicPrefix4(site)} via ${border.ipv4}`,
        `route add ${publicPrefix6(site)} via ${border.ipv6}`,
      ],
      this.#core.namespace,
    );
    const router = { namespace: border.namespace, address4: SITE_ADDRESS, links: 0 };
    const hosts: Host[] = [];
    for (const name of names) {
      const number = this.#nextNumber(site);
      const [ipv4, ipv6] = [publicAddress4(site, number), publicAddress6(site, number)];
      hosts.push(await this.#attach(name, site, ipv4, ipv6, router));
    }
    return { border, hosts };
  }

  /** A further IPv4 address of the host, by its looks of that site; no other host gets there. */
  async addAddress(host: Host, site: number): Promise<string> {
    const ipv4 = publicAddress4(site, this.#nextNumber(site));
    await ip([`address add ${ipv4}/32 dev eth0`], host.namespace);
    return ipv4;
  }

  /** A directory of its own, which goes with the lab. */
  async addDir(name: string): Promise<string> {
    const dir = path.join(this.dir, name);
    await mkdir(dir);
    return dir;
  }

  /** Rejects, with everything removed, when a process crashed in there: ours or a stock client. */
  async close(): Promise<void> {
    await this.#daemons.stopAll();
    this.#remove();
    process.removeListener("exit", this.#removeAtExit);
    this.#daemons.throwIfCrashed();
  }

  #remove(): void {
    this.#daemons.killAll();
    removeNamespaces(this.#namespaces);
    rmSync(this.dir, { recursive: true, force: true });
  }

  async #addNamespace(namespace: string): Promise<void> {
    this.#namespaces.push(namespace);
    await ip([`netns add ${namespace}`]);
    await ip(["link set lo up"], namespace);
  }

  async #addRouter(namespace: string): Promise<void> {
    await this.#addNamespace(namespace);
    await forward(namespace);
  }

  async #attach(name: string, site: number, ipv4: string, ipv6: string, router: Router): Promise<Host> {
    const namespace = namespaceName(this.#number, name);
    const link = `link${++router.links}`;
    await this.#addNamespace(namespace);
    await ip(
      [
        `link add ${link} type veth peer name eth0 netns ${namespace}`,
        `address add ${router.address4}/32 dev ${link}`,
        `address add ${GATEWAY6}/64 dev ${link} nodad`,
        `link set ${link} up`,
        `route add ${ipv4}/32 dev ${link}`,
        `route add ${ipv6}/128 dev ${link}`,
      ],
      router.namespace,
    );
    await ip(
      [
        `address add ${ipv4}/32 dev eth0`,
        `address add ${ipv6}/128 dev eth0 nodad`,
        "link set eth0 up",
        `route add default via ${router.address4} dev eth0 onlink`,
        `route add default via ${GATEWAY6} dev eth0`,
      ],
      namespace,
    );
    const dir = path.join(this.dir, name);
    mkdirSync(dir);
    return new Host({ name, dir, namespace, asn: asnOf(site), ipv4, ipv6, group: this.#daemons });
  }

  #nextNumber(site: number): number {
    const number = (this.#hosts.get(site) ?? 0) + 1;
    this.#hosts.set(site, number);
    return number;
  }
}

async function forward(namespace: string): Promise<void> {
  await setSwitches(namespace, { "net/ipv4/ip_forward": "1", "net/ipv6/conf/all/forwarding": "1" });
}
