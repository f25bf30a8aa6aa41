import type { Metainfo } from "./metainfo/metainfo.ts";
import type { LimitChanges } from "./rates/rate-limits.ts";
import type { FilePriority } from "./selection/selection.ts";
import type { Shared, StopRule } from "./stop-rule.ts";

/** What somebody wishes of one torrent; whatever is left out is as the configuration has it. */
export interface TorrentWishes {
  /** Where its content is, or will be. */
  readonly dir?: string;
  readonly isPaused?: boolean;
  /** As it was when it was last checked: what is shown while it is paused, and not checked again. */
  readonly verifiedBytes?: number;
  readonly isSequential?: boolean;
  /** As `TorrentOptions.files`, before any `chooseFiles`. */
  readonly files?: ReadonlyMap<number, FilePriority>;
  /** As `files`, once they are known. A CtError that it throws fails the torrent. */
  chooseFiles?(metainfo: Metainfo): ReadonlyMap<number, FilePriority>;
  readonly limits?: LimitChanges;
  readonly stopRule?: StopRule;
  /** As `TorrentOptions.webSeeds`. */
  readonly webSeeds?: readonly string[];
  /** An earlier run had it, and nobody asks for it anew: `TorrentOptions.holdsIfGone`. */
  readonly isRestored?: boolean;
  /** In earlier runs; it counts for the rule. */
  readonly shared?: Shared;
}
