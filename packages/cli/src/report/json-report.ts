import type { PeerStatus } from "@cachetorrent/peer";
import type { PeerReport } from "./peer-report.ts";

/**
 * One JSON object a line. Scripts rely on these names: more may come, none is renamed. A reader skips events and
 * fields that it does not know.
 *
 * Every event has `event`, its name, and `at`, when: ms since the Unix epoch, whole.
 *
 * | event | when | fields |
 * |---|---|---|
 * | `listening` | once, first: peers can connect | `endpoint` ("HOST:PORT", the port really had), `peerId` (40 hex digits), `torrents`: of each `infoHash` (40 hex digits) and `name`; of a daemon `control`: `endpoint` ("HOST:PORT") and `tokenFile` |
 * | `progress` | every second | `connections` (open ones, over all torrents), `torrents`: see below |
 * | `complete` | when all that is wanted of a torrent is on disk, at the start or by downloading | `infoHash`, `name` |
 * | `shared` | once a torrent that `--stop-ratio` or `--stop-after` has stopped | `infoHash`, `name`, `reason` |
 * | `failed` | once a torrent that cannot go on; or instead of `listening`, without a torrent, when the peer cannot start | `code` ("CT_ERR_…", docs/errors.md), `message`; `infoHash` and `name` of the torrent |
 * | `stopped` | once, last, after `listening`; not when a second signal ends the process, or the stop takes over 5 s | those of `progress`, as they ended |
 *
 * Each of `torrents` in `progress` and `stopped` is a `TorrentStatus` (in the package `peer`):
 *
 * | field | |
 * |---|---|
 * | `infoHash`, `name` | which torrent |
 * | `state` | `metadata` (a magnet link's is fetched), `checking` (what is on disk), `downloading`, `paused`, `seeding`, `stopped`, `failed` |
 * | `length` | bytes of content |
 * | `verifiedBytes` | bytes in pieces whose hash was right |
 * | `wanted` | where files are skipped: `length`, bytes in the pieces that are wanted, and `verifiedBytes`, those of them whose hash was right |
 * | `checkedFraction` | 0 to 1: how far the check at the start is |
 * | `metadata` | only as long as there is none, bytes of it: `received` of `size`, which is 0 while nobody gives it |
 * | `rateIn`, `rateOut` | payload now, bytes/s |
 * | `internalBytes`, `externalBytes` | payload received since the start, or since a daemon was given the torrent in this run, from the own AS and from others; an unknown AS is another one |
 * | `sentBytes` | payload sent, as these |
 * | `peers` | connected peers of this torrent |
 * | `role` | `pending`, `independent`, `follower`, `leader` or `member`: docs/terms.md |
 * | `asn` | the own AS number as the tracker told it; 0: not known |
 * | `leads` | whether this peer is among the elected leaders of its AS |
 * | `term` | number of the newest election result; absent before the first |
 * | `policy` | the swarm's policy as the tracker told it; absent before, and with other trackers |
 * | `tracker` | while none of the trackers that were asked works: `unreachable`, or `refused` where one answered with a refusal; `none` while metadata is fetched, there is no tracker, the DHT is off, and no peer is connected; only then |
 * | `claims` | under the policy `coordinated`, what the books of its AS have seen that it kept: claims `asked` and `denied`, pieces `granted`, grants `expired` |
 * | `webSeeds` | of each web seed `url` (without what in it may be a password), `state` (`idle`, `asking`, `resting`, `dropped`), `receivedBytes`, `restsUntil` (ms since the Unix epoch) while it rests, and `reason` while it rests or is dropped; absent where there are none, and until the files are checked |
 * | `etaMs` | until complete at the present rate; only while downloading, absent while nothing arrives |
 * | `paused` | why it is paused, until it goes on by itself; only then |
 * | `error` | why it failed; only then |
 */
export function jsonReport(writeLine: (line: string) => void, now: () => number): PeerReport {
  const say = (event: string, fields: object) =>
    writeLine(JSON.stringify({ event, at: Math.round(now()), ...fields }));
  const figures = (status: PeerStatus) => ({ connections: status.connections, torrents: status.torrents });
  return {
    listening: (self) => say("listening", self),
    waiting: (status) => say("progress", figures(status)),
    hasProgress: () => true,
    progress: (status) => say("progress", figures(status)),
    complete: ({ infoHash, name }) => say("complete", { infoHash, name }),
    shared: ({ infoHash, name }, reason) => say("shared", { infoHash, name, reason }),
    failed: (error, torrent) =>
      say("failed", {
        ...(torrent && { infoHash: torrent.infoHash, name: torrent.name }),
        code: error.code,
        message: error.message,
      }),
    stopped: (status) => say("stopped", figures(status)),
  };
}
