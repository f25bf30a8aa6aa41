import type { ControlEvent, TorrentView } from "@cachetorrent/control";
import type { InfoHash } from "@cachetorrent/protocol";

interface Told {
  readonly infoHash?: InfoHash;
  readonly torrents?: readonly TorrentView[];
}

/** Torrents of a daemon that somebody waits for until they are complete, by what its events tell of them. */
export class Awaited {
  readonly #torrents: Map<InfoHash, TorrentView>;
  readonly #gone = new Set<InfoHash>();
  #hasBegun = false;

  constructor(torrents: readonly TorrentView[]) {
    this.#torrents = new Map(torrents.map((torrent) => [torrent.infoHash, torrent]));
  }

  /** As they were told of last. */
  get torrents(): readonly TorrentView[] {
    return [...this.#torrents.values()];
  }

  /** The first of those that were removed. */
  get gone(): TorrentView | undefined {
    return this.torrents.find(({ infoHash }) => this.#gone.has(infoHash));
  }

  /** Of each it is known whether it will be complete. */
  get areSettled(): boolean {
    return this.#hasBegun && this.torrents.every((one) => this.#isComplete(one) || this.#isLost(one));
  }

  get areComplete(): boolean {
    return this.torrents.every((one) => this.#isComplete(one));
  }

  /** The part of the event that is of these torrents. */
  take({ data, event }: ControlEvent): ControlEvent | undefined {
    const { infoHash, torrents } = data as Told;
    if (event !== "progress") {
      if (infoHash === undefined || !this.#torrents.has(infoHash)) return undefined;
      if (event === "removed") this.#gone.add(infoHash);
      return { event, data };
    }
    const changed = (torrents ?? []).filter((one) => this.#torrents.has(one.infoHash));
    for (const torrent of changed) this.#torrents.set(torrent.infoHash, torrent);
    // The first one is of all torrents that there are.
    if (!this.#hasBegun) {
      const there = new Set(changed.map((one) => one.infoHash));
      for (const one of this.#torrents.keys()) if (!there.has(one)) this.#gone.add(one);
    }
    this.#hasBegun = true;
    return { event, data: { ...(data as object), torrents: changed } };
  }

  #isComplete({ infoHash, state }: TorrentView): boolean {
    return !this.#gone.has(infoHash) && (state === "seeding" || state === "stopped");
  }

  #isLost({ infoHash, state }: TorrentView): boolean {
    return this.#gone.has(infoHash) || state === "failed";
  }
}
