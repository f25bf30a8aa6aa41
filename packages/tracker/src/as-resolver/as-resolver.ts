import type { Address, Asn } from "@cachetorrent/protocol";

/** Tells in which AS an address is; undefined when it doesn't know. */
export interface AsResolver {
  resolve(address: Address): Asn | undefined;
  /** Whether there is nothing it could know: then an unknown address is no news. Unset: it may know something. */
  readonly isEmpty?: boolean;
}

/** The first of `resolvers` that knows. */
export function resolverChain(resolvers: readonly AsResolver[]): AsResolver {
  return {
    isEmpty: resolvers.every((resolver) => resolver.isEmpty),
    resolve(address) {
      for (const resolver of resolvers) {
        const asn = resolver.resolve(address);
        if (asn !== undefined) return asn;
      }
      return undefined;
    },
  };
}
