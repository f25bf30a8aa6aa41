import {
  type FilePatterns,
  type LimitChanges,
  type Magnet,
  type Metainfo,
  type PeerTorrent,
  parseMagnet,
  parseMetainfo,
  type Shared,
  type StopRule,
  type TorrentWishes,
} from "@cachetorrent/peer";
import { limitChanges, limitValues } from "./limit-values.ts";
import type { SavedTorrent, StopRuleChanges } from "./saved-state.ts";

/** A torrent as it is given: the bytes of a .torrent, or a magnet link. */
export type GivenTorrent = { readonly bytes: Uint8Array } | { readonly magnet: string };

/** How a torrent is wished for; what is left out is as the daemon's configuration has it. */
export interface GivenWishes {
  /** Within the folders that are allowed; relative to the daemon's own. */
  readonly dir?: string;
  readonly isPaused?: boolean;
  readonly isSequential?: boolean;
  /** Patterns of the files that are wanted, and of those that are not. */
  readonly files?: readonly string[];
  readonly skipFiles?: readonly string[];
  readonly limits?: LimitChanges;
  readonly stopRule?: StopRuleChanges;
  /** May be at local addresses. */
  readonly webSeeds?: readonly string[];
}

/** What has to be remembered of a torrent besides what it tells itself. */
export interface Kept {
  readonly magnet: string | undefined;
  readonly addedAt: number;
  readonly isSequential: boolean | undefined;
  readonly choose: FilePatterns | undefined;
  readonly webSeeds: readonly string[] | undefined;
  stopRule: StopRule | undefined;
}

/** The torrent as the list in the state folder has it. */
export function savedOf(torrent: PeerTorrent, kept: Kept): SavedTorrent {
  const { dir, files, infoHash, isPaused, ownLimits } = torrent;
  const { addedAt, choose, isSequential, magnet, stopRule, webSeeds } = kept;
  return {
    infoHash,
    ...(magnet === undefined ? {} : { magnet }),
    dir,
    addedAt,
    isPaused,
    verifiedBytes: torrent.status().verifiedBytes,
    ...(isSequential === undefined ? {} : { isSequential }),
    ...(files ? { files: Object.fromEntries(files) } : {}),
    ...(choose ? { choose: { files: [...choose.files], skip: [...choose.skip] } } : {}),
    limits: limitValues(ownLimits),
    ...(stopRule ? { stopRule } : {}),
    ...(webSeeds ? { webSeeds: [...webSeeds] } : {}),
    shared: wholeAmounts(torrent.shared),
  };
}

/** As the list has them: what is beyond that, it would not be read with again. */
export function wholeAmounts({ seededMs, sentBytes }: Shared): Shared {
  const whole = (amount: number) => Math.min(Math.round(amount), Number.MAX_SAFE_INTEGER);
  return { sentBytes: whole(sentBytes), seededMs: whole(seededMs) };
}

/** Rejects with the CtError of what is no torrent; it calls the bytes `name`. */
export async function sourceOf(given: GivenTorrent, name: string): Promise<Metainfo | Magnet> {
  return "bytes" in given ? parseMetainfo(given.bytes, name) : parseMagnet(given.magnet);
}

/** The rule with these changes. */
export function changedRule(rule: StopRule, changes: StopRuleChanges): StopRule {
  const { afterMs, ratio } = { ...rule, ...changes };
  return { ...(ratio == null ? {} : { ratio }), ...(afterMs == null ? {} : { afterMs }) };
}

export function keptOf({ addedAt, choose, isSequential, magnet, stopRule, webSeeds }: SavedTorrent): Kept {
  return { magnet, addedAt, isSequential, choose, stopRule, webSeeds };
}

/** As it is to be started again. */
export function wishesOf(saved: SavedTorrent): TorrentWishes {
  const { dir, files, isPaused, isSequential, limits, shared, stopRule, verifiedBytes = 0, webSeeds } = saved;
  return {
    dir,
    isPaused,
    isRestored: true,
    verifiedBytes,
    limits: limitChanges(limits),
    ...(isSequential === undefined ? {} : { isSequential }),
    ...(stopRule === undefined ? {} : { stopRule }),
    ...(shared === undefined ? {} : { shared }),
    ...(webSeeds === undefined ? {} : { webSeeds }),
    ...(files ? { files: new Map(Object.entries(files).map(([file, is]) => [Number(file), is])) } : {}),
  };
}
