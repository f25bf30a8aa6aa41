import type { Address, Endpoint } from "@cachetorrent/protocol";

/** One of 65,536 endpoints. */
export function endpoint(n: number): Endpoint {
  return { address: `198.18.${n >> 8}.${n & 255}` as Address, port: 6881 };
}
