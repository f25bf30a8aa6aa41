import { LIMITS } from "@cachetorrent/protocol";
import Type, { type Static } from "typebox";
import { DEFAULT_ENCRYPTION, ENCRYPTION_MODES } from "./encryption/encryption-mode.ts";
import { parseScheduleEntry } from "./rates/schedule.ts";

const { peer, tracker } = LIMITS;

/** Where daemons listen for orders unless they are told. */
export const DEFAULT_CONTROL = "127.0.0.1:6880";

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

function patterns(description: string) {
  return Type.Array(Type.String({ minLength: 1, placeholder: "PATTERN" }), { description, default: [] });
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
    state: path(
      "remember in this folder what was verified, so that the next start need not read it (default: $XDG_STATE_HOME/cachetorrent, else ~/.local/state/cachetorrent)",
      "DIR",
    ),
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
    "limit-up": rate("send no faster than this, over all torrents"),
    "limit-down": rate("receive no faster than this, over all torrents"),
    "limit-up-internal": rate("of that, to peers of the own AS"),
    "limit-up-external": rate("of that, to peers of other ASes; an unknown AS is another one"),
    "limit-down-internal": rate("of that, from peers of the own AS"),
    "limit-down-external": rate("of that, from peers of other ASes"),
    "limit-up-torrent": rate("send no faster than this for each torrent"),
    "limit-down-torrent": rate("receive no faster than this for each torrent"),
    "limit-schedule": Type.Array(Type.String({ placeholder: "ENTRY", check: parseScheduleEntry }), {
      description:
        'other limits for some hours, in local time, such as "mon-fri 08:00-18:00 up=2MB/s up-external=500kB/s"; of several for one time the last wins',
      default: [],
    }),
    files: patterns("download only files that match, or lie in a folder that does; the others are skipped"),
    "skip-files": patterns("skip files that match, or lie in a folder that does"),
    "web-seed": Type.Array(
      Type.String({
        pattern: "^[Hh][Tt][Tt][Pp][Ss]?://",
        expected: "an http or https URL such as http://198.18.0.2/release.iso",
        placeholder: "URL",
      }),
      {
        description:
          "fetch from this HTTP server too, as from those that a torrent names (BEP 19); a URL that ends in a slash is the folder of the content. Only what is named here may be at a local address. With --daemon it is for the torrents named here, too",
        default: [],
      },
    ),
    sequential: flag("fetch the first pieces first, instead of the rarest"),
    "max-connections": Type.Integer({
      description: "open connections over all torrents",
      default: peer.connectionsInAll,
      minimum: 1,
      maximum: 65535,
      placeholder: "N",
    }),
    "max-connections-torrent": Type.Integer({
      description: "of these, connections of one torrent",
      default: peer.connectionsPerTorrent,
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
    encryption: Type.Union(
      ENCRYPTION_MODES.map((mode) => Type.Literal(mode)),
      {
        description:
          "of connections with peers (MSE/PE): off refuses it, allow accepts it, prefer dials so first, require refuses all else",
        default: DEFAULT_ENCRYPTION,
        placeholder: "MODE",
      },
    ),
    numwant: Type.Integer({
      description: "peers to ask the tracker for",
      default: tracker.numwantDefault,
      minimum: 0,
      maximum: tracker.numwantMost,
      placeholder: "N",
    }),
    "no-pex": flag("exchange no peers with other peers (BEP 11); never done about private torrents"),
    "local-discovery": flag("find peers in the same network by multicast (BEP 14)"),
    dht: flag("find peers by the DHT (BEP 5), UDP at the port of --listen; never of private torrents"),
    "dht-bootstrap": Type.Array(
      Type.String({
        pattern: "^(\\[[0-9a-fA-F:.]+\\]|[^\\s:[\\]]+):\\d{1,5}$",
        expected: "a host and port such as router.bittorrent.com:6881",
      }),
      {
        description: "node of the DHT to begin with",
        default: ["router.bittorrent.com:6881", "dht.transmissionbt.com:6881", "dht.libtorrent.org:25401"],
        placeholder: "HOST:PORT",
      },
    ),
    "start-when": path(
      "join no swarm before there is a file of this name: peers of an experiment that are to begin together",
      "FILE",
    ),
    "exit-on-complete": flag("exit with 0 when every torrent is complete, instead of seeding on"),
    "stop-ratio": Type.Optional(
      Type.Number({
        description:
          "stop a torrent that is complete and has sent so many times its size, in this run or, with --daemon, since it was added",
        minimum: 0,
        placeholder: "R",
      }),
    ),
    "stop-after": Type.Optional(
      Type.Integer({
        description:
          "stop a torrent that was seeded for so long, in this run or, with --daemon, since it was added, such as 90s, 30m, 12h, 7d",
        minimum: 0,
        notation: "duration",
        placeholder: "TIME",
      }),
    ),
    "exit-on-stop": flag("exit with 0 when these rules have stopped every torrent, instead of waiting"),
    "on-complete": path(
      "shell command to run when a torrent has been downloaded (not for one that was complete at the start); finds CT_INFO_HASH, CT_NAME and CT_DIR in its environment",
      "CMD",
    ),
    daemon: flag(
      "wait for torrents: take them, and orders about them, by the control interface, and have them again after a restart",
    ),
    control: Type.Optional(
      Type.String({
        description: `where a daemon listens for orders, an address of this machine alone (default: ${DEFAULT_CONTROL})`,
        notation: "listen",
        placeholder: "HOST:PORT",
      }),
    ),
    "allow-dir": Type.Array(Type.String({ minLength: 1, placeholder: "DIR" }), {
      description: "folder that a daemon may be told to use besides --dir and what is in it",
      default: [],
    }),
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
