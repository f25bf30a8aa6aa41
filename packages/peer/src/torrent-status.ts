import type { PeerId } from "@cachetorrent/protocol";
import type { TorrentLedger } from "./accounts/ledger.ts";
import type { ActiveTorrent } from "./active-torrent.ts";
import type { Announcer } from "./announcing/announcer.ts";
import type { Content } from "./disk/content.ts";
import type { Metainfo } from "./metainfo/metainfo.ts";
import type { TorrentState, TorrentStatus } from "./status.ts";
import type { TorrentLife } from "./torrent-life.ts";

/** Those of a torrent's parts that its status is made of. */
export interface StatusParts {
  readonly metainfo: Metainfo;
  readonly life: TorrentLife;
  readonly content: Content;
  readonly ledger: TorrentLedger;
  readonly announcer: Announcer;
  readonly peerId: PeerId;
  /** Once its files are checked. */
  readonly active: ActiveTorrent | undefined;
}

/** The state of its status, for who asks for no more. */
export function torrentState({ content, life }: Pick<StatusParts, "content" | "life">): TorrentState {
  const isHeldUp = content.lack !== undefined && (life.state === "downloading" || life.state === "checking");
  return isHeldUp ? "paused" : life.state;
}

export function torrentStatus(parts: StatusParts, now: number): TorrentStatus {
  const { active, announcer, content, ledger, life, metainfo, peerId } = parts;
  const { rateIn, rateOut } = flow(parts, now);
  const { lack } = content;
  const wanted = active?.wanted;
  const left = wanted ? wanted.left : content.left;
  const { leaders, policy, trouble } = announcer;
  const state = torrentState(parts);
  const webSeeds = active?.webSeeds.status(now) ?? [];
  return {
    infoHash: metainfo.infoHash,
    name: metainfo.name,
    state,
    length: metainfo.length,
    verifiedBytes: metainfo.length - content.left,
    ...(wanted && !wanted.selection.isEverything
      ? { wanted: { length: wanted.length, verifiedBytes: wanted.length - wanted.left } }
      : {}),
    checkedFraction: content.checkedFraction,
    rateIn,
    rateOut,
    internalBytes: ledger.internalBytes,
    externalBytes: ledger.externalBytes,
    sentBytes: ledger.sentBytes,
    peers: [...(active?.exchange.connections ?? [])].filter((one) => one.isHandshaken && !one.isWebSeed)
      .length,
    role: ledger.role,
    asn: announcer.asn,
    leads: leaders?.leaders.some((leader) => leader.peerId === peerId) ?? false,
    ...(leaders ? { term: leaders.term } : {}),
    ...(policy ? { policy: policy.name === "unknown" ? policy.said : policy.name } : {}),
    ...(trouble && !life.isOver ? { tracker: trouble } : {}),
    ...(state === "downloading" && rateIn >= 1 ? { etaMs: (left / rateIn) * 1000 } : {}),
    ...(active && policy?.name === "coordinated" ? { claims: active.duties.claims } : {}),
    ...(webSeeds.length > 0 ? { webSeeds } : {}),
    ...(state === "paused" && lack !== undefined ? { paused: lack } : {}),
    ...(life.error ? { error: life.error.message } : {}),
  };
}

/** Once stopped they are 0 at once, and once complete what comes in: a meter would remember the last seconds. */
function flow({ active, life }: StatusParts, now: number): { rateIn: number; rateOut: number } {
  if (!active || life.isOver) return { rateIn: 0, rateOut: 0 };
  const { inRate, outRate } = active.exchange;
  return { rateIn: life.state === "seeding" ? 0 : inRate.rate(now), rateOut: outRate.rate(now) };
}
