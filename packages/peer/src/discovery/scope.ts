import {
  type Address,
  type Endpoint,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isWildcard,
} from "@cachetorrent/protocol";

/** Those of the endpoints that a peer at `from` may know of: an address that means another machine here is none. */
export function usableEndpoints(endpoints: readonly Endpoint[], from: Address): Endpoint[] {
  return endpoints.filter(
    ({ address, port }) =>
      port > 0 && !isWildcard(address) && !isMulticast(address) && scopeOf(address) === scopeOf(from),
  );
}

/** How far an address means the same machine. */
export function scopeOf(address: Address): "machine" | "link" | "network" {
  if (isLoopback(address)) return "machine";
  return isLinkLocal(address) ? "link" : "network";
}
