import { LIMITS, type PeerId } from "@cachetorrent/protocol";

/** A newer term that nobody confirmed in this time was made up. */
const SUSPENDED_MS = 10_000;

/** Whose terms may be heeded. */
interface Speaker {
  isTermIgnored: boolean;
}

/**
 * Is this book the head's? It stops granting at the first word of a newer term: two heads cost crossings. Who spoke of one that the
 * tracker does not confirm is not heeded again in this term, else a single liar could stop its AS.
 */
export class Office<Member extends Speaker> {
  #state: "none" | "collecting" | "granting" = "none";
  #term = Number.NEGATIVE_INFINITY;
  #head: PeerId | undefined;
  #collectUntil = 0;
  #suspended: { readonly by: Member; readonly until: number } | undefined;

  get term(): number {
    return this.#term;
  }

  /** Who is head instead of us, as far as we know. */
  get head(): PeerId | undefined {
    return this.#head;
  }

  get isHeld(): boolean {
    return this.#state !== "none";
  }

  get isSuspended(): boolean {
    return this.#suspended !== undefined;
  }

  get isCollecting(): boolean {
    return this.#state === "collecting" && !this.isSuspended;
  }

  get isGranting(): boolean {
    return this.#state === "granting" && !this.isSuspended;
  }

  hears(term: number, from: Member, now: number): void {
    if (!this.isHeld || term <= this.#term || from.isTermIgnored) return;
    this.#suspended ??= { by: from, until: now + SUSPENDED_MS };
  }

  /** True when the term is a new one. */
  takeOver(term: number, now: number): boolean {
    const isNew = this.#enter(term);
    if (!this.isHeld) {
      this.#state = "collecting";
      this.#collectUntil = now + LIMITS.claims.takeOverMs;
    }
    return isNew;
  }

  /** True when the term is a new one. */
  stepDown(head: PeerId | undefined, term: number): boolean {
    this.#state = "none";
    this.#head = head;
    return this.#enter(term);
  }

  /** True when it turns from collecting to granting by this. */
  settles(isSomebodyMissing: () => boolean, now: number): boolean {
    if (!this.isCollecting || (now < this.#collectUntil && isSomebodyMissing())) return false;
    this.#state = "granting";
    return true;
  }

  left(member: Member): void {
    if (this.#suspended?.by === member) this.#suspended = undefined;
  }

  sweep(now: number): void {
    if (!this.#suspended || now < this.#suspended.until) return;
    this.#suspended.by.isTermIgnored = true;
    this.#suspended = undefined;
  }

  #enter(term: number): boolean {
    const isNew = term > this.#term;
    if (isNew) this.#term = term;
    else if (this.#suspended) this.#suspended.by.isTermIgnored = true;
    this.#suspended = undefined;
    return isNew;
  }
}
