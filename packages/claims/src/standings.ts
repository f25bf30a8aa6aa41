import { type Endpoint, formatEndpoint } from "@cachetorrent/protocol";
import { ClaimWindow } from "./claim-window.ts";

/** Endpoints remembered of members that are gone; of more, those that left first are forgotten. */
const REMEMBERED_MOST = 256;

/** What a member has earned: its window, and which of its holdings had to be dropped. */
export interface Standing {
  readonly window: ClaimWindow;
  readonly dropped: Set<number>;
  /** Those of them that were dropped although others got something else from it: it was slow, and told no lie. */
  readonly overdue: Set<number>;
}

/** The standings of members that are gone: to connect anew is no way out of a pause, nor back to an empty window. */
export class Standings {
  readonly #gone = new Map<string, Standing>();

  get size(): number {
    return this.#gone.size;
  }

  /** What the member had when it was here last, or a new one. */
  recall(endpoint: Endpoint | undefined): Standing {
    const key = endpoint && formatEndpoint(endpoint);
    const known = key === undefined ? undefined : this.#gone.get(key);
    if (key !== undefined) this.#gone.delete(key);
    return known ?? { window: new ClaimWindow(), dropped: new Set(), overdue: new Set() };
  }

  remember(endpoint: Endpoint | undefined, standing: Standing): void {
    if (!endpoint) return;
    this.#gone.set(formatEndpoint(endpoint), standing);
    if (this.#gone.size <= REMEMBERED_MOST) return;
    const first = this.#gone.keys().next();
    if (!first.done) this.#gone.delete(first.value);
  }

  /** In a new term everybody is believed anew. */
  forgive(): void {
    for (const { dropped, overdue } of this.#gone.values()) {
      dropped.clear();
      overdue.clear();
    }
  }
}
