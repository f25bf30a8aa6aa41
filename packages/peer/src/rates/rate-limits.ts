/** What can be limited: all payload of a direction, and apart from that what stays in the own AS and what leaves it. */
export const LIMIT_NAMES = [
  "up",
  "down",
  "up-internal",
  "up-external",
  "down-internal",
  "down-external",
] as const;

export type LimitName = (typeof LIMIT_NAMES)[number];

/** Bytes/s; Infinity for none. */
export type RateLimits = Readonly<Record<LimitName, number>>;

/** Limits by name, in bytes/s, Infinity for none. What is left out stays as it is. */
export type LimitChanges = Partial<RateLimits>;

export const NO_LIMITS = limitsOf(() => Number.POSITIVE_INFINITY);

/** Limits of which each is what `limit` says of its name. */
export function limitsOf(limit: (name: LimitName) => number | undefined): RateLimits {
  const limits = LIMIT_NAMES.map((name) => [name, limit(name) ?? Number.POSITIVE_INFINITY]);
  return Object.fromEntries(limits) as RateLimits;
}

/** Throws a RangeError for what is no rate: of 0 bytes/s nothing would ever come. */
export function withChanges(limits: RateLimits, changes: LimitChanges): RateLimits {
  for (const [name, rate] of Object.entries(changes)) {
    if (!LIMIT_NAMES.includes(name as LimitName)) throw new RangeError(`no limit is called ${name}`);
    if (!(rate > 0)) throw new RangeError(`the limit ${name} must be above 0 bytes/s, not ${rate}`);
  }
  return { ...limits, ...changes };
}
