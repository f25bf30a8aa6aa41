import {
  type Address,
  type Endpoint,
  isLinkLocal,
  isLoopback,
  isMulticast,
  isWildcard,
  LIMITS,
  sameEndpoint,
} from "@cachetorrent/protocol";

/**
 * Whether a leader may be made to dial an endpoint at all: nobody is to make it knock at somebody's mail server, at the
 * machine's own services, or at itself. Addresses of a kind that is our own listen address's too are fair: a testbed on
 * loopback.
 */
export function mayBeDialled(dest: Endpoint, ours: readonly Endpoint[]): boolean {
  if (dest.port < LIMITS.cache.destinationPortLeast) return false;
  if (isWildcard(dest.address) || ours.some((own) => sameEndpoint(own, dest))) return false;
  return KINDS.every((isOfKind) => !isOfKind(dest.address) || ours.some(({ address }) => isOfKind(address)));
}

const KINDS: readonly ((address: Address) => boolean)[] = [isLoopback, isLinkLocal, isMulticast];
