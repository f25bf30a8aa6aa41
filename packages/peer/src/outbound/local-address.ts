import { BlockList } from "node:net";
import { type Address, isIPv6 } from "@cachetorrent/protocol";

/**
 * Ranges whose addresses mean this machine, its link or its site: what a URL from a stranger could reach through us and
 * not by itself. 198.18.0.0/15 (RFC 2544) is none of them: labs use it as the open internet.
 */
const LOCAL: readonly (readonly [network: string, prefix: number, family: "ipv4" | "ipv6"])[] = [
  // "This network": connecting to 0.0.0.0 reaches this machine.
  ["0.0.0.0", 8, "ipv4"],
  ["127.0.0.0", 8, "ipv4"],
  ["169.254.0.0", 16, "ipv4"],
  // RFC 1918.
  ["10.0.0.0", 8, "ipv4"],
  ["172.16.0.0", 12, "ipv4"],
  ["192.168.0.0", 16, "ipv4"],
  // RFC 6598, of a provider's network; routers and clouds have services of theirs there.
  ["100.64.0.0", 10, "ipv4"],
  // RFC 6890: protocols' own, such as the ends of a DS-Lite tunnel.
  ["192.0.0.0", 24, "ipv4"],
  // Multicast, reserved and broadcast.
  ["224.0.0.0", 3, "ipv4"],
  // ::, ::1, and IPv4 in the form that RFC 4291 gave up.
  ["::", 96, "ipv6"],
  ["fe80::", 10, "ipv6"],
  // Site-local, given up but still routed inside where it is used.
  ["fec0::", 10, "ipv6"],
  // RFC 4193.
  ["fc00::", 7, "ipv6"],
  ["ff00::", 8, "ipv6"],
  // RFC 8215: for a NAT64 of a site, whose form only that site knows.
  ["64:ff9b:1::", 48, "ipv6"],
];

const blocks = new BlockList();
for (const [network, prefix, family] of LOCAL) blocks.addSubnet(network, prefix, family);

/** RFC 6052: a NAT64 turns these into the IPv4 address of their last 32 bits. */
const NAT64 = /^64:ff9b::(?:([0-9a-f]{1,4}):)?([0-9a-f]{1,4})$/;
/** RFC 3056: 6to4 takes these to the IPv4 address of the 32 bits after the prefix. */
const SIX_TO_FOUR = /^2002:([0-9a-f]{0,4}):([0-9a-f]{0,4})/;

/** Loopback, link-local, private (RFC 1918, RFC 4193), multicast, or none at all; IPv4-mapped ones are IPv4 by their type. */
export function isLocalAddress(address: Address): boolean {
  if (!isIPv6(address)) return blocks.check(address, "ipv4");
  const inner = NAT64.exec(address) ?? SIX_TO_FOUR.exec(address);
  return inner
    ? blocks.check(dotted(inner[1] || "0", inner[2] || "0"), "ipv4")
    : blocks.check(address, "ipv6");
}

function dotted(high: string, low: string): string {
  return [high, low]
    .map((group) => Number.parseInt(group, 16))
    .flatMap((group) => [group >> 8, group & 255])
    .join(".");
}
