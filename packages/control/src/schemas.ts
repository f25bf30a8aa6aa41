import Type, { type Static, type TSchema } from "typebox";
import {
  LimitsSchema,
  PatternsSchema,
  PrioritySchema,
  ScheduleSchema,
  SharedSchema,
  StopRuleChangesSchema,
  StopRuleSchema,
  WebSeedsSchema,
} from "./saved-state.ts";

const strict = { additionalProperties: false };
const Count = Type.Integer({ minimum: 0 });
const InfoHashText = Type.String({ pattern: "^[0-9a-f]{40}$", description: "info-hash, 40 hex digits" });

export const TorrentParams = Type.Object({ infoHash: InfoHashText });

const wishes = {
  dir: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 4096,
      description:
        "where the content is, or will be; within the folders that the daemon may use, relative to its own",
    }),
  ),
  paused: Type.Optional(Type.Boolean({ description: "take it, and do not start" })),
};

/** One of `magnet` and `torrent`. */
export const AddBody = Type.Object(
  {
    magnet: Type.Optional(Type.String({ minLength: 1 })),
    torrent: Type.Optional(Type.String({ minLength: 1, description: "the .torrent in base64" })),
    ...wishes,
    sequential: Type.Optional(Type.Boolean({ description: "fetch the first pieces first" })),
    files: Type.Optional(PatternsSchema),
    skipFiles: Type.Optional(PatternsSchema),
    limits: Type.Optional(LimitsSchema),
    stopRule: Type.Optional(StopRuleChangesSchema),
    webSeeds: Type.Optional(WebSeedsSchema),
  },
  strict,
);
export type AddBody = Static<typeof AddBody>;

/** Of a query all is text. */
const Flag = Type.Union([Type.Literal("true"), Type.Literal("false")]);
export const AddQuery = Type.Object({ dir: wishes.dir, paused: Type.Optional(Flag) }, strict);
export type AddQuery = Static<typeof AddQuery>;

export const RemoveQuery = Type.Object({ deleteData: Type.Optional(Flag) }, strict);

export const ChangeBody = Type.Object(
  { limits: Type.Optional(LimitsSchema), stopRule: Type.Optional(StopRuleChangesSchema) },
  strict,
);
export type ChangeBody = Static<typeof ChangeBody>;

export const PrioritiesBody = Type.Object(
  {
    priorities: Type.Record(Type.String(), PrioritySchema, {
      description: "by index of the file; what is left out stays",
    }),
  },
  strict,
);
export type PrioritiesBody = Static<typeof PrioritiesBody>;

export const ScheduleBody = Type.Object({ schedule: ScheduleSchema }, strict);
export type ScheduleBody = Static<typeof ScheduleBody>;

/** What is answered may have more than is described: a reader skips what it does not know. */
export const TorrentAnswer = Type.Object(
  {
    infoHash: InfoHashText,
    name: Type.String(),
    state: Type.String({
      description: "metadata, checking, downloading, paused, seeding, stopped or failed",
    }),
    dir: Type.String(),
    addedAt: Type.Number({ description: "ms since 1970" }),
    length: Count,
    verifiedBytes: Count,
    rateIn: Type.Number(),
    rateOut: Type.Number(),
    internalBytes: Count,
    externalBytes: Count,
    sentBytes: Count,
    peers: Count,
    webSeeds: Type.Optional(
      Type.Array(
        Type.Object(
          { url: Type.String(), state: Type.String(), receivedBytes: Count },
          { additionalProperties: true },
        ),
        { description: "web seeds, where there are any" },
      ),
    ),
    role: Type.String(),
    asn: Count,
    limits: LimitsSchema,
    stopRule: StopRuleSchema,
    shared: Type.Optional(SharedSchema),
  },
  { additionalProperties: true, description: "a torrent, with the fields of the --json lines" },
);

export const StatusAnswer = Type.Object(
  {
    version: Type.String(),
    peerId: Type.String(),
    endpoint: Type.String({ description: "where peers connect" }),
    connections: Count,
    limits: LimitsSchema,
    torrents: Type.Array(TorrentAnswer),
  },
  { additionalProperties: true },
);

export const FilesAnswer = Type.Object({
  files: Type.Array(
    Type.Object({
      index: Count,
      path: Type.String(),
      length: Count,
      verifiedBytes: Type.Union([Count, Type.Null()], {
        description: "bytes in pieces that were checked; null while it is not known",
      }),
      priority: PrioritySchema,
    }),
  ),
  paused: Type.Optional(
    Type.String({ description: "why the torrent is paused, where it is: for want of room, or by request" }),
  ),
});

export const PeersAnswer = Type.Object({
  peers: Type.Array(Type.Object({ endpoint: Type.String(), asn: Count }, { additionalProperties: true })),
});

const OrNull = (schema: TSchema, description: string) => Type.Union([schema, Type.Null()], { description });

export const TrackersAnswer = Type.Object({
  trackers: Type.Array(
    Type.Object(
      {
        url: Type.String({ description: "without what may be a passkey" }),
        result: OrNull(Type.String(), "of the last announce: ok, or the error; null before the first"),
        warning: Type.Optional(Type.String()),
        isAsked: Type.Boolean({ description: "an announce is under way" }),
        nextInMs: OrNull(
          Type.Number(),
          "until the next announce; null where none is to come, as of one behind a tracker that works",
        ),
        seeders: OrNull(Count, "by the last answer; null before the first"),
        leechers: OrNull(Count, "as seeders"),
      },
      { additionalProperties: true },
    ),
  ),
});

export const RolesAnswer = Type.Object(
  { role: Type.String(), asn: Count, leads: Type.Boolean() },
  { additionalProperties: true },
);

export const Accounts = Type.Object({}, { additionalProperties: true, description: "as in the ledger file" });
export const RemovedAnswer = Type.Object({ kept: Type.Array(Type.String()) });
export const ErrorAnswer = Type.Object({ code: Type.String(), message: Type.String() });
export const LimitsAnswer = LimitsSchema;

const toldAt = { at: Type.Number({ description: "ms since 1970" }) };
const OfTorrent = Type.Object({ infoHash: InfoHashText, name: Type.String(), ...toldAt });

/** Of each event its data, by its name. */
export const EventsAnswer = Type.Object(
  {
    added: OfTorrent,
    removed: OfTorrent,
    paused: OfTorrent,
    resumed: OfTorrent,
    changed: OfTorrent,
    complete: OfTorrent,
    shared: Type.Object({ ...OfTorrent.properties, reason: Type.String() }),
    failed: Type.Object({ infoHash: InfoHashText, ...ErrorAnswer.properties, ...toldAt }),
    limits: Type.Object({ limits: LimitsSchema, schedule: ScheduleSchema, ...toldAt }),
    progress: Type.Object({
      connections: Count,
      torrents: Type.Array(TorrentAnswer, {
        description: "those of which something has changed; shared is left out",
      }),
    }),
  },
  { description: "server-sent events: the data of each, by the event's name" },
);

/** The answers of a route: what it gives, and what all of them may. */
export function answers(given: TSchema, status = 200): Record<string, TSchema> {
  return { [status]: given, "4xx": ErrorAnswer, "5xx": ErrorAnswer };
}

export type Answer = TSchema;

export function listOf(item: TSchema): TSchema {
  return Type.Array(item);
}
