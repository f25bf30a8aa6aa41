import type { Announcer } from "./announcer.ts";

/** With nobody to download from, the tracker is asked again this often (as its min interval allows). */
const LONELY_ANNOUNCE_MS = 15_000;

/** Announces now and then while a torrent that lacks something has no connection. */
export class LonelyAnnounces {
  readonly #announcer: Pick<Announcer, "announceNow">;
  #since: number;

  constructor(announcer: Pick<Announcer, "announceNow">, now: number) {
    this.#announcer = announcer;
    this.#since = now;
  }

  sweep(isLonely: boolean, now: number): void {
    if (!isLonely) this.#since = now;
    if (now - this.#since < LONELY_ANNOUNCE_MS) return;
    this.#since = now;
    this.#announcer.announceNow();
  }
}
