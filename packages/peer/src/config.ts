import { LIMITS } from "@cachetorrent/protocol";
import Type, { type Static } from "typebox";

const { peer, tracker } = LIMITS;

/** Bytes per second; written by people as `2MB/s` or `16Mbit/s`. */
function rate(description: string) {
  return Type.Optional(Type.Integer({ description, minimum: 1, notation: "rate", placeholder: "RATE" }));
}

function path(description: string, placeholder: string) {
  return Type.Optional(Type.String({ description, minLength: 1, placeholder }));
}

function flag(description: string) {
  return Type.Boolean({ description, default: false });
}

/**
 * The peer daemon's configuration: one flat key an option. `description`, `placeholder` and `notation`
 * (how people write the value) are what the command line makes its flags and its help of.
 */
export const PeerConfigSchema = Type.Object(
  {
    dir: Type.String({
      description: "where the content is, or will be",
      default: ".",
      minLength: 1,
      placeholder: "DIR",
    }),
    listen: Type.String({
      description: "address and port to accept peers on; port 0 picks a free one",
      default: "0.0.0.0:6881",
      notation: "listen",
      placeholder: "HOST:PORT",
    }),
    local: Type.Optional(
      Type.String({
        description: "where peers of the same NAT'd site reach this one",
        notation: "endpoint",
        placeholder: "HOST:PORT",
      }),
    ),
    "capacity-up": rate("upload capacity to stand for election with (default: --limit-up, else 12.5MB/s)"),
    "capacity-down": rate(
      "download capacity to stand for election with (default: --limit-down, else 12.5MB/s)",
    ),
    "no-candidate": flag("never stand for election"),
    "limit-up": rate("send no faster than this"),
    "limit-down": rate("receive no faster than this"),
    "max-connections": Type.Integer({
      description: `open connections over all torrents, of which one torrent has ${peer.connectionsPerTorrent} at most`,
      default: peer.connectionsInAll,
      minimum: 1,
      maximum: 65535,
      placeholder: "N",
    }),
    "upload-slots": Type.Integer({
      description: "peers uploaded to at a time, and one more at random",
      default: peer.uploadSlots,
      minimum: 0,
      maximum: 1000,
      placeholder: "N",
    }),
    choker: Type.Union([Type.Literal("tit-for-tat"), Type.Literal("random")], {
      description: "whom to upload to: those who give most, or anybody",
      default: "tit-for-tat",
      placeholder: "NAME",
    }),
    numwant: Type.Integer({
      description: "peers to ask the tracker for",
      default: tracker.numwantDefault,
      minimum: 0,
      maximum: tracker.numwantMost,
      placeholder: "N",
    }),
    "exit-on-complete": flag("exit with 0 when every torrent is complete, instead of seeding on"),
    "on-complete": path(
      "shell command to run when a torrent has been downloaded (not for one that was complete at the start); finds CT_INFO_HASH, CT_NAME and CT_DIR in its environment",
      "CMD",
    ),
    json: flag("report on stdout as one JSON object a line"),
    ledger: path(
      "keep the account of bytes by AS and role in this JSON file; one of an earlier run is renamed to FILE.TIME",
      "FILE",
    ),
    trace: path("append the messages exchanged with peers to this file, one JSON object a line", "FILE"),
    "log-level": Type.Union(
      (["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const).map((level) =>
        Type.Literal(level),
      ),
      { description: "least severe messages to log on stderr", default: "info", placeholder: "LEVEL" },
    ),
  },
  { additionalProperties: false },
);

export type PeerConfig = Static<typeof PeerConfigSchema>;
