import type { Endpoint, InfoHash } from "@cachetorrent/protocol";

/** A torrent whose peers may be looked for elsewhere than at its trackers. */
export interface Discoverable {
  readonly infoHash: InfoHash;
  /** Is it to be looked for now? Not a private one (BEP 27), nor one that does not run. */
  readonly isDiscoverable: boolean;
  /** Peers that somebody else than a tracker knows of. */
  hearOf(endpoints: readonly Endpoint[]): void;
}
