import type { Address } from "@cachetorrent/protocol";

// All of 198.18.0.0/15, which is set aside for measuring networks (RFC 2544): nobody is there. The nth AS of a scenario, from
// 1, is 198.18.n.0/24; what connects them is 198.19.0.0/24.

/** ASes that have a prefix and a border address, hosts of one AS that have an address. */
export const COMPOSE_ASES_MOST = 240;
export const COMPOSE_HOSTS_MOST = 240;

export const INTERNET_PREFIX = "198.19.0.0/24";
/** The host's own address there: it reaches the tracker from it, and nothing else. */
export const INTERNET_GATEWAY = "198.19.0.1";
/** Of the core router, which has routes to all ASes, and of the tracker, which shares its network. */
export const CORE_ADDRESS = "198.19.0.2";
export const TRACKER_PORT = 6969;
export const ANNOUNCE_URL = `http://${CORE_ADDRESS}:${TRACKER_PORT}/announce`;
export const PEER_PORT = 6881;

export function asPrefix(as: number): string {
  return `198.18.${as}.0/24`;
}

/** Of all networks of a testbed with so many ASes. */
export function prefixesOf(ases: number): string[] {
  return [INTERNET_PREFIX, ...Array.from({ length: ases }, (_, at) => asPrefix(at + 1))];
}

/** What the hosts of an AS take for their way out. The border has it beside `borderInside`, since Docker gives no container a gateway's address. */
export function asGateway(as: number): string {
  return `198.18.${as}.1`;
}

export function borderInside(as: number): string {
  return `198.18.${as}.2`;
}

export function borderOutside(as: number): string {
  return `198.19.0.${10 + as}`;
}

/** The nth host of an AS, from 1. */
export function hostOf(as: number, host: number): Address {
  return `198.18.${as}.${10 + host}` as Address;
}
