import { LIMIT_NAMES, type LimitChanges, type LimitName } from "@cachetorrent/peer";

/** Limits as JSON has them: bytes/s, null for none. */
export type LimitValues = { readonly [name in LimitName]?: number | null };

export function limitValues(limits: LimitChanges): LimitValues {
  const values = LIMIT_NAMES.flatMap((name) => {
    const rate = limits[name];
    return rate === undefined ? [] : [[name, Number.isFinite(rate) ? rate : null]];
  });
  return Object.fromEntries(values) as LimitValues;
}

export function limitChanges(values: LimitValues): LimitChanges {
  const changes = Object.entries(values).map(([name, rate]) => [name, rate ?? Number.POSITIVE_INFINITY]);
  return Object.fromEntries(changes) as LimitChanges;
}
