import { type Policy, UNKNOWN_ASN } from "@cachetorrent/protocol";
import type { Asker, SwarmPeer } from "@cachetorrent/tracker";

/** How many a list has of the asker's AS and of others; only the sum where they are chosen at random. */
export type Shares = { readonly inside: number; readonly outside: number } | { readonly inAll: number };

/** Everybody of a swarm, seen by somebody who asks. */
export interface Sides {
  readonly inside: readonly SwarmPeer[];
  readonly outside: readonly SwarmPeer[];
  /** Of all in the asker's AS, itself too: those who do not speak the extension, in a hundred. */
  readonly stockPercent: number;
  /** Those of head and standby that are there, without the asker. */
  readonly seniors: readonly SwarmPeer[];
}

export function sidesOf(everyone: readonly SwarmPeer[], asker: Asker): Sides {
  const isInside = ({ asn }: SwarmPeer) => asn !== UNKNOWN_ASN && asn === asker.asn;
  const others = everyone.filter(({ peerId }) => peerId !== asker.peerId);
  const local = everyone.filter(isInside);
  const stock = local.filter(({ member }) => member === undefined);
  const inside = others.filter(isInside);
  return {
    inside,
    outside: others.filter((peer) => !isInside(peer)),
    stockPercent: (100 * stock.length) / Math.max(1, local.length),
    seniors: asker.seniors.flatMap((senior) => inside.filter(({ peerId }) => peerId === senior)),
  };
}

/** The documented rule (docs/protocol.md, "Hand-out"), from counts alone. */
export function sharesOf(policy: Policy, asker: Asker, sides: Sides, numwant: number): Shares {
  const [inside, outside] = [sides.inside.length, sides.outside.length];
  const atRandom = { inAll: Math.min(numwant, inside + outside) };
  if (asker.asn === UNKNOWN_ASN) return atRandom;
  const biased = (externalPercent: number) =>
    split({ inside, outside }, numwant, Math.floor((externalPercent * numwant) / 100));
  switch (policy.name) {
    case "bittorrent":
      return atRandom;
    case "biased":
      return biased(policy.externalPercent);
    case "cache":
    case "multi":
      if (!asker.isMember) return biased(0);
      return policy.externalPercent === undefined ? atRandom : biased(policy.externalPercent);
    case "coordinated":
      if (asker.isMember) return toMember(sides, Math.min(numwant, 34));
      return inside === 0 || sides.stockPercent > 80
        ? atRandom
        : { inside: Math.min(numwant, inside), outside: 0 };
  }
}

/** `external` of n places for outside, the others for inside; what one side cannot fill goes to the other. */
function split(there: { readonly inside: number; readonly outside: number }, n: number, external: number) {
  const inside = Math.min(there.inside, n - Math.min(external, there.outside));
  return { inside, outside: Math.min(there.outside, n - inside) };
}

function toMember({ inside: { length: inside }, outside: { length: outside }, seniors }: Sides, n: number) {
  const places = Math.round((24 * n) / 34);
  if (inside <= places) return split({ inside, outside }, n, n - places);
  // Of a larger AS not all places are taken; only those that outside leaves empty are besides.
  const share = Math.min(places, seniors.length + Math.round((20 * n) / 34));
  const left = Math.max(0, n - places - outside);
  return { inside: Math.min(inside, share + left), outside: Math.min(outside, n - places) };
}
