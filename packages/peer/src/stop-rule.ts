/** When a torrent has been shared enough. Without any of its parts it never has. */
export interface StopRule {
  /** Payload bytes sent for each byte that is wanted of the torrent. */
  readonly ratio?: number;
  /** So long seeded. */
  readonly afterMs?: number;
}

/** What has been shared of a torrent, in this run and, where somebody remembers them, in earlier ones. */
export interface Shared {
  /** Payload. */
  readonly sentBytes: number;
  /** So long it was in its swarm with everything there that is wanted. */
  readonly seededMs: number;
}

export const NOTHING_SHARED: Shared = { sentBytes: 0, seededMs: 0 };

/** Which part of the rule is met by a torrent that has all it wants, in words; undefined while none is. */
export function metPart(
  { afterMs, ratio }: StopRule,
  { seededMs, sentBytes }: Shared,
  wantedBytes: number,
): string | undefined {
  if (ratio !== undefined && sentBytes >= ratio * wantedBytes) return `it has sent ${ratio} times its size`;
  if (afterMs === undefined || seededMs < afterMs) return undefined;
  return `it has seeded for ${Math.round(afterMs / 1000)} s`;
}

/** How much a torrent has been shared, and whether that is enough by its rule. */
export class Sharing {
  rule: StopRule;
  readonly #sentBytes: () => number;
  /** What is to be added to that count, which may have begun before this torrent did. */
  readonly #sentBefore: number;
  #seededMs: number;
  #since: number | undefined;

  /** `sentBytes` counts the payload; `before` is what was shared until now. */
  constructor(sentBytes: () => number, rule: StopRule = {}, before: Shared = NOTHING_SHARED) {
    this.rule = rule;
    this.#sentBytes = sentBytes;
    this.#sentBefore = before.sentBytes - sentBytes();
    this.#seededMs = before.seededMs;
  }

  /** Everything wanted is there. */
  began(now: number): void {
    this.#since ??= now;
  }

  /** More is wanted than is there: when that has come, the time begins anew. */
  ended(): void {
    this.#since = undefined;
    this.#seededMs = 0;
  }

  /** It leaves its swarm: from here on no time counts. */
  left(now: number): void {
    this.#seededMs = this.#seededUntil(now);
    this.#since = undefined;
  }

  shared(now: number): Shared {
    return { sentBytes: this.#sentBefore + this.#sentBytes(), seededMs: this.#seededUntil(now) };
  }

  /** Which part of the rule is met, in words; undefined while none is, and while something is missing. */
  reasonToStop(wantedBytes: number, now: number): string | undefined {
    if (this.#since === undefined) return undefined;
    return metPart(this.rule, this.shared(now), wantedBytes);
  }

  #seededUntil(now: number): number {
    return this.#seededMs + (this.#since === undefined ? 0 : now - this.#since);
  }
}
