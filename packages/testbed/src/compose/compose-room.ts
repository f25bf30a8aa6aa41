import type { Scenario } from "../scenario/scenario.ts";
import { COMPOSE_HOSTS_MOST } from "./addresses.ts";

/** The place, from 0, of an AS with more hosts than its network has addresses, and what is wrong with it; undefined where all have room. */
export function crowdedAs({
  ases,
  variants,
}: Pick<Scenario, "ases" | "variants">): { readonly index: number; readonly why: string } | undefined {
  for (const [index, { asn, name, peers, stock = {} }] of ases.entries()) {
    const seeds = Math.max(...variants.map((one) => (one.seeds.asn === asn ? one.seeds.count : 0)));
    const clients = Object.values(stock).reduce((sum, count) => sum + count, 0);
    const hosts = peers + seeds + clients;
    if (hosts > COMPOSE_HOSTS_MOST)
      return { index, why: `${hosts} hosts in ${name}: at most ${COMPOSE_HOSTS_MOST} have an address there` };
  }
  return undefined;
}
