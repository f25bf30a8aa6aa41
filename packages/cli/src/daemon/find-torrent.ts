import type { TorrentView } from "@cachetorrent/control";
import { CtError } from "@cachetorrent/protocol";

const PREFIX = /^[0-9a-f]{4,40}$/i;
const TOO_SHORT = /^[0-9a-f]{1,3}$/i;

/** The torrent that is meant: by its info-hash, the beginning of it (4 digits at least), or its whole name. Throws CT_ERR_USAGE where two are. */
export function findTorrent(torrents: readonly TorrentView[], text: string): TorrentView {
  const prefix = text.toLowerCase();
  const byHash = PREFIX.test(text) ? torrents.filter(({ infoHash }) => infoHash.startsWith(prefix)) : [];
  const byName = torrents.filter(
    ({ infoHash, name }) => name === text && !byHash.some((one) => one.infoHash === infoHash),
  );
  // Whoever names a torrent chooses its name: the whole info-hash of another one must still mean that one.
  const isWhole = text.length === 40 && byHash.length > 0;
  const found = isWhole ? byHash : [...byHash, ...byName];
  const [first, second] = found;
  if (!first)
    throw new CtError(
      "CT_ERR_NO_TORRENT",
      TOO_SHORT.test(text)
        ? `the daemon has no torrent named ${text}; of an info-hash write at least 4 digits, as status lists them`
        : `the daemon has no torrent ${text}; status lists what it has`,
    );
  if (second)
    throw new CtError(
      "CT_ERR_USAGE",
      `${text} may be ${found.map(({ infoHash }) => infoHash).join(" or ")}: write more of the info-hash`,
    );
  return first;
}
