import { type Endpoint, formatEndpoint, LIMITS } from "@cachetorrent/protocol";

/** External peers of which failures are remembered; of more, the ones that failed longest ago are forgotten. */
const SOURCES_MOST = 1024;

interface Failures<Member> {
  /** Who reported the latest ones. */
  readonly reporters: Member[];
  avoidedUntil: number;
}

/**
 * The external peers that failed the AS: nobody fetches from them for a while. One member alone speaks for itself only, so that
 * a liar cannot cut the AS off from its seed.
 */
export class AvoidedSources<Member> {
  readonly #failures = new Map<string, Failures<Member>>();

  get size(): number {
    return this.#failures.size;
  }

  failed(from: Endpoint, reporter: Member, now: number): void {
    const key = formatEndpoint(from);
    const known = this.#failures.get(key);
    const failures = known && !isPast(known, now) ? known : { reporters: [], avoidedUntil: -1 };
    this.#failures.delete(key);
    this.#failures.set(key, failures);
    failures.reporters.push(reporter);
    if (failures.reporters.length > LIMITS.claims.avoidFailures) failures.reporters.shift();
    if (failures.reporters.length === LIMITS.claims.avoidFailures) {
      failures.avoidedUntil = now + LIMITS.claims.avoidMs;
    }
    if (this.#failures.size > SOURCES_MOST) this.#forgetOldest();
  }

  /** A piece came from there. */
  served(from: Endpoint): void {
    this.#failures.delete(formatEndpoint(from));
  }

  isAvoided(from: Endpoint, member: Member, now: number): boolean {
    const failures = this.#failures.get(formatEndpoint(from));
    if (!failures || now >= failures.avoidedUntil) return false;
    const reporters = new Set(failures.reporters);
    return reporters.size > 1 || reporters.has(member);
  }

  #forgetOldest(): void {
    for (const key of this.#failures.keys()) {
      this.#failures.delete(key);
      return;
    }
  }
}

function isPast(failures: Failures<unknown>, now: number): boolean {
  return failures.avoidedUntil >= 0 && now >= failures.avoidedUntil;
}
