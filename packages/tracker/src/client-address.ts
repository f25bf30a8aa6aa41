import type { IncomingMessage } from "node:http";
import { type Address, parseAddress } from "@cachetorrent/protocol";
import type { AddressSet } from "./prefix.ts";

/**
 * Where a request comes from. `X-Forwarded-For` is read from its end, where our own proxies append, and only as far as
 * the trusted ones go: what stands before that, the client may have written itself.
 */
export function clientAddress(request: IncomingMessage, trustedProxies: AddressSet): Address | undefined {
  let address = parseAddress(request.socket.remoteAddress ?? "");
  if (!address || trustedProxies.isEmpty || !trustedProxies.has(address)) return address;
  const hops = forwardedFor(request);
  for (let hop = hops.pop(); hop !== undefined; hop = hops.pop()) {
    const before = parseAddress(hop);
    if (!before) return address;
    address = before;
    if (!trustedProxies.has(address)) return address;
  }
  return address;
}

function forwardedFor(request: IncomingMessage): string[] {
  const header = request.headers["x-forwarded-for"];
  const text = Array.isArray(header) ? header.join(",") : (header ?? "");
  return text === "" ? [] : text.split(",").map((hop) => hop.trim());
}
