import { CtError, type InfoHash } from "@cachetorrent/protocol";
import type { SavedTorrent } from "./saved-state.ts";

/** A torrent of an earlier run that could not be started again. */
export interface LostTorrent {
  readonly saved: SavedTorrent;
  /** Why. */
  readonly error: CtError;
}

/** Torrents that could not be started again: they stay in the list until they are removed, added again, or resumed once what is wrong was mended. */
export type LostTorrents = Map<InfoHash, LostTorrent>;

/** What to say to who wants something of a torrent that is not here, or is this one. */
export function notHere(infoHash: InfoHash, lost: LostTorrent | undefined): CtError {
  const fault = lost
    ? `the torrent ${infoHash} could not be started again: ${lost.error.message}; resume it once that is mended, or remove it`
    : `no torrent ${infoHash} is here`;
  return new CtError("CT_ERR_NO_TORRENT", fault);
}

/** What to say to who wants its files deleted. */
export function unknownContent({ error, saved }: LostTorrent): CtError {
  return new CtError(
    "CT_ERR_USAGE",
    `which files in ${saved.dir} are those of ${saved.infoHash} is not known, for it could not be started again (${error.message}): remove it without its data`,
  );
}
