import type { Asn } from "@cachetorrent/protocol";
import type { Fail } from "./load-scenario.ts";
import type { ScenarioAs } from "./scenario.ts";
import { ASES_MOST, type AsGroupEntry, PEERS_MOST, type ScenarioFile } from "./schema.ts";

export interface Layout {
  readonly ases: readonly ScenarioAs[];
  /** The key that each of them is of. */
  readonly paths: readonly string[];
  /** The AS of the initial seeds for each variant. */
  readonly seedAsns: readonly Asn[];
}

/** The ASes of a scenario, and those of its initial seeds. */
export function layOut(entry: ScenarioFile, fail: Fail): Layout {
  const ases: ScenarioAs[] = [];
  const paths: string[] = [];
  const taken = new Set(entry.ases.flatMap((group) => group.asn ?? []));
  entry.ases.forEach((group, i) => {
    const sizes = sizesOf(group, `ases[${i}]`, fail);
    sizes.forEach((peers, n) => {
      const asn = (group.asn === undefined ? nextFree(taken) : group.asn + n) as Asn;
      taken.add(asn);
      if (ases.some((other) => other.asn === asn)) fail(`ases[${i}]`, `there are two ASes of number ${asn}`);
      ases.push(asOf(asn, peers, group, sizes.length > 1));
      paths.push(`ases[${i}]`);
    });
  });
  const variants = entry.variants ?? [{ name: "", seeds: undefined }];
  let ownAsn: Asn | undefined;
  const seedAsns = variants.map(({ seeds }, i) => {
    const { as } = seeds ?? entry.seeds;
    if (as === "own") {
      ownAsn ??= nextFree(taken) as Asn;
      return ownAsn;
    }
    if (!ases.some((one) => one.asn === as)) {
      const numbers = ases.map((one) => one.asn).join(", ");
      fail(seeds ? `variants[${i}].seeds.as` : "seeds.as", `there is no AS ${as}; there are ${numbers}`);
    }
    return as as Asn;
  });
  // Its peers are the initial seeds alone: no capacities besides theirs.
  if (ownAsn !== undefined) {
    ases.push({ ...asOf(ownAsn, 0, undefined, false), name: "seed" });
    paths.push("seeds");
  }
  if (ases.length > ASES_MOST)
    fail("ases", `${ases.length} ASes: at most ${ASES_MOST} fit on loopback addresses`);
  const peers = ases.reduce((sum, one) => sum + one.peers, 0);
  if (peers > PEERS_MOST) fail("ases", `${peers} peers: at most ${PEERS_MOST} fit`);
  return { ases, paths, seedAsns };
}

function sizesOf(group: AsGroupEntry, path: string, fail: Fail): number[] {
  const { count, peers, sizes } = group;
  if ((peers === undefined) === (sizes === undefined)) fail(path, "must have either peers or sizes");
  if (sizes === undefined) return new Array(count ?? 1).fill(peers);
  if (count !== undefined) fail(`${path}.count`, "sizes say how many ASes there are already");
  if (Array.isArray(sizes)) return sizes;
  if (sizes.peers < sizes.ases)
    fail(`${path}.sizes`, "each AS needs a peer: peers must be at least as many as ases");
  return zipfSizes(sizes.zipf, sizes.ases, sizes.peers);
}

/** Sizes that add up to `peers`, the nth in proportion to 1/n^exponent and none below 1, by largest remainder. */
export function zipfSizes(exponent: number, ases: number, peers: number): number[] {
  const weights = Array.from({ length: ases }, (_, i) => 1 / (i + 1) ** exponent);
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  // One each, and the rest by weight.
  const shares = weights.map((weight) => ((peers - ases) * weight) / total);
  const sizes = shares.map((share) => 1 + Math.floor(share));
  const missing = peers - sizes.reduce((sum, size) => sum + size, 0);
  const byRemainder = shares
    .map((share, i) => ({ i, rest: share - Math.floor(share) }))
    .sort((a, b) => b.rest - a.rest);
  for (const { i } of byRemainder.slice(0, missing)) sizes[i] = (sizes[i] ?? 0) + 1;
  return sizes;
}

function asOf(asn: Asn, peers: number, group: AsGroupEntry | undefined, isOneOfMany: boolean): ScenarioAs {
  const name = group?.name === undefined ? `AS ${asn}` : isOneOfMany ? `${group.name} ${asn}` : group.name;
  const none = Number.POSITIVE_INFINITY;
  const { aria2 = 0, transmission = 0 } = group?.stock ?? {};
  return {
    asn,
    name,
    peers,
    up: group?.up ?? none,
    down: group?.down ?? none,
    linkIn: group?.["link-in"] ?? none,
    linkOut: group?.["link-out"] ?? none,
    ...(aria2 + transmission > 0 ? { stock: { aria2, transmission } } : {}),
  };
}

function nextFree(taken: ReadonlySet<number>): number {
  let asn = 1;
  while (taken.has(asn)) asn++;
  return asn;
}
