import { shownUrl } from "../outbound/shown-url.ts";
import type { TrackerState } from "./tracker-state.ts";

/** A tracker of a torrent, as displays show it. */
export interface TrackerDetails {
  /** As logs have it: what may be a passkey is left out. */
  readonly url: string;
  /** How the last announce, or the try, went: `ok`, or the error's text. Null before the first. */
  readonly result: string | null;
  /** What it warned of in its last answer (BEP 3). */
  readonly warning?: string;
  /** An announce is under way. */
  readonly isAsked: boolean;
  /** Ms until the next announce; null where none is to come: one before it in the tiers works, or the torrent has left its swarm. */
  readonly nextInMs: number | null;
  /** By its last answer; null before the first. */
  readonly seeders: number | null;
  readonly leechers: number | null;
}

export function trackerDetails(tracker: TrackerState, nextInMs: number | null): TrackerDetails {
  const { asked, client, leechers, result, seeders, warning } = tracker;
  return {
    url: client.name,
    result: result ?? null,
    ...(warning === undefined ? {} : { warning }),
    isAsked: asked,
    nextInMs,
    seeders: seeders ?? null,
    leechers: leechers ?? null,
  };
}

/** Of one that is never asked because of its `fault`, or is not asked yet. */
export function unaskedTracker(url: string, fault: string | undefined): TrackerDetails {
  return {
    url: shownUrl(url),
    result: fault ?? null,
    isAsked: false,
    nextInMs: null,
    seeders: null,
    leechers: null,
  };
}
