import { FILE_PRIORITIES, type FilePriority, LIMIT_NAMES } from "@cachetorrent/peer";
import { type InfoHash, isInfoHash, LIMITS } from "@cachetorrent/protocol";
import Type, { type Static } from "typebox";

const { patterns, scheduleEntries } = LIMITS.control;
const { webSeeds } = LIMITS;

/** Bytes/s, null for none. */
export const LimitsSchema = Type.Object(
  Object.fromEntries(
    LIMIT_NAMES.map((name) => [
      name,
      Type.Optional(Type.Union([Type.Number({ exclusiveMinimum: 0 }), Type.Null()])),
    ]),
  ),
  { additionalProperties: false, description: "bytes/s of payload; null for no limit" },
);

export const ScheduleSchema = Type.Array(Type.String({ minLength: 1, maxLength: 1000 }), {
  maxItems: scheduleEntries,
  description: "limits for some hours, as --limit-schedule has them: mon-fri 08:00-18:00 up=2MB/s",
});

export const PrioritySchema = Type.Unsafe<FilePriority>({ type: "string", enum: [...FILE_PRIORITIES] });

export const PatternsSchema = Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
  maxItems: patterns,
});

const ratio = Type.Number({ minimum: 0, description: "payload bytes sent for each byte wanted" });
const afterMs = Type.Integer({ minimum: 0, description: "ms since all that is wanted was there" });

export const StopRuleSchema = Type.Object(
  { ratio: Type.Optional(ratio), afterMs: Type.Optional(afterMs) },
  { additionalProperties: false, description: "when the torrent has been shared enough" },
);

/** What is left out stays, null takes that part away. */
export const StopRuleChangesSchema = Type.Object(
  {
    ratio: Type.Optional(Type.Union([ratio, Type.Null()])),
    afterMs: Type.Optional(Type.Union([afterMs, Type.Null()])),
  },
  {
    additionalProperties: false,
    description: "when the torrent has been shared enough; what is left out stays as it is, null lifts it",
  },
);
export type StopRuleChanges = Static<typeof StopRuleChangesSchema>;

const Amount = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER });

export const SharedSchema = Type.Object(
  { sentBytes: Amount, seededMs: Amount },
  {
    additionalProperties: false,
    description: "since it was added: payload sent, and ms in its swarm with all that is wanted",
  },
);

export const WebSeedsSchema = Type.Array(
  Type.String({ pattern: "^[Hh][Tt][Tt][Pp][Ss]?://", maxLength: webSeeds.urlBytes }),
  {
    maxItems: webSeeds.perTorrent,
    description:
      "HTTP servers to fetch it from too, besides those that it names itself; these may be at local addresses",
  },
);

const SavedTorrentSchema = Type.Object(
  {
    infoHash: Type.String(),
    /** Absent where the torrent came as a .torrent, which is kept in a file of its own. */
    magnet: Type.Optional(Type.String()),
    dir: Type.String({ minLength: 1 }),
    addedAt: Type.Number(),
    isPaused: Type.Boolean(),
    /** When it was saved, for one that is paused and so is not looked at. */
    verifiedBytes: Type.Optional(Type.Integer({ minimum: 0 })),
    isSequential: Type.Optional(Type.Boolean()),
    /** Those that are not normal, by index; absent until the files are known. */
    files: Type.Optional(Type.Record(Type.String(), PrioritySchema)),
    choose: Type.Optional(Type.Object({ files: PatternsSchema, skip: PatternsSchema })),
    limits: LimitsSchema,
    stopRule: Type.Optional(StopRuleSchema),
    webSeeds: Type.Optional(WebSeedsSchema),
    /** What that rule goes by. */
    shared: Type.Optional(SharedSchema),
  },
  { additionalProperties: false },
);

/** What a daemon has again after a restart. */
export const SavedStateSchema = Type.Object(
  {
    version: Type.Literal(1),
    /** Limits over all torrents that were set while it ran. */
    limits: LimitsSchema,
    /** Their schedule, if it was. */
    schedule: Type.Optional(ScheduleSchema),
    torrents: Type.Array(SavedTorrentSchema),
  },
  { additionalProperties: false },
);

export type SavedTorrent = Static<typeof SavedTorrentSchema> & { readonly infoHash: InfoHash };
export type SavedState = Static<typeof SavedStateSchema> & { readonly torrents: readonly SavedTorrent[] };

export function areInfoHashes(state: Static<typeof SavedStateSchema>): state is SavedState {
  return state.torrents.every(({ infoHash }) => isInfoHash(infoHash));
}
