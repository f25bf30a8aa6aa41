import type { LimitChanges, PeerDaemon } from "@cachetorrent/peer";
import { limitChanges, limitValues } from "./limit-values.ts";
import type { SavedState } from "./saved-state.ts";

type SavedLimits = Pick<SavedState, "limits" | "schedule">;

/** Limits over all torrents, and their schedule, as far as they were set by order: they go before those of the configuration, also after a restart. */
export class OrderedLimits {
  readonly #peer: Pick<PeerDaemon, "changeLimits" | "changeSchedule">;
  #limits: LimitChanges = {};
  /** Undefined as long as that of the configuration holds. */
  #schedule: readonly string[] | undefined;

  constructor(peer: Pick<PeerDaemon, "changeLimits" | "changeSchedule">) {
    this.#peer = peer;
  }

  /** As the list in the state folder has them. */
  get saved(): SavedLimits {
    return {
      limits: limitValues(this.#limits),
      ...(this.#schedule ? { schedule: [...this.#schedule] } : {}),
    };
  }

  restore({ limits, schedule }: SavedLimits): void {
    this.change(limitChanges(limits));
    if (schedule) this.changeSchedule(schedule);
  }

  /** Throws a RangeError for what is no rate. */
  change(changes: LimitChanges): void {
    this.#peer.changeLimits(changes);
    this.#limits = { ...this.#limits, ...changes };
  }

  /** Throws CT_ERR_QUANTITY that quotes the entry which is none. */
  changeSchedule(entries: readonly string[]): void {
    this.#peer.changeSchedule(entries);
    this.#schedule = entries;
  }

  forget(): void {
    this.#limits = {};
    this.#schedule = undefined;
  }
}
