import {
  type AnnounceEvent,
  type Endpoint,
  encodeAnnounceRequest,
  encodeLeadersQuery,
  encodeLocateQuery,
  type InfoHash,
  idBytes,
  type MemberAnnounce,
  type PeerId,
  percentEncode,
} from "@cachetorrent/protocol";
import type { Dice } from "./dice.ts";
import { anyPeerId } from "./handshakes.ts";
import type { Input } from "./input.ts";
import { mutate } from "./mutate.ts";
import type { World } from "./world.ts";

const NASTY_VALUES = [
  "",
  "-1",
  "0",
  "1e9",
  "NaN",
  "65536",
  "18446744073709551615",
  "99999999999999999999999",
  "%",
  "%00",
  "%zz",
  "%ff%fe",
  "__proto__",
  "[::]:0",
  "127.0.0.1:1",
  "<script>",
  "\u00e9",
  "a".repeat(300),
  "b".repeat(17_000),
];
const ROUTES = ["announce", "announce", "announce", "leaders", "locate", "scrape"] as const;
/** Few, so that what a tracker keeps of them stays as it is. */
const SWARMS = 20;
const IDS = 200;

/** One to twenty requests over one connection. */
export function announceInput(dice: Dice, world: World): Input {
  const route = dice.pick(ROUTES);
  const count = dice.chance(0.3) ? 1 : dice.between(2, 20);
  const requests = Array.from({ length: count }, () => request(dice, path(dice, world, route)));
  const bytes = Buffer.concat(requests);
  const isBroken = dice.chance(0.1);
  return {
    target: "tracker",
    kind: isBroken ? "broken HTTP" : route,
    bytes: isBroken ? mutate(dice, bytes) : bytes,
    ...(dice.chance(0.02) && bytes.length < 2000 ? { chunk: 1 } : {}),
    lingerMs: 20 + dice.length(300),
  };
}

function request(dice: Dice, target: string): Uint8Array {
  const method = dice.chance(0.95) ? "GET" : dice.pick(["HEAD", "POST", "OPTIONS", "BREW"]);
  const forwarded = dice.chance(0.2) ? `X-Forwarded-For: ${dice.pick(NASTY_VALUES).slice(0, 300)}\r\n` : "";
  return Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: tracker\r\n${forwarded}\r\n`, "latin1");
}

function path(dice: Dice, world: World, route: (typeof ROUTES)[number]): string {
  if (dice.chance(0.05))
    return dice.pick(["/stats.json", "/metrics", "/healthz", "/", "/%zz/announce", "//"]);
  const query = mutatedQuery(dice, queryOf(dice, world, route));
  return `${dice.chance(0.03) ? "/token" : ""}/${route}?${query}`;
}

function queryOf(dice: Dice, world: World, route: (typeof ROUTES)[number]): string {
  const peer = { infoHash: anyInfoHash(dice, world), peerId: somePeerId(dice, world) };
  switch (route) {
    case "leaders":
      return encodeLeadersQuery({ ...peer, term: dice.pick([0, 1, Number.MAX_SAFE_INTEGER]) });
    case "locate":
      return encodeLocateQuery({
        ...peer,
        endpoints: Array.from({ length: dice.between(1, 60) }, () => anyEndpoint(dice)),
      });
    case "scrape":
      return Array.from(
        { length: dice.between(1, 70) },
        () => `info_hash=${encoded(anyInfoHash(dice, world))}`,
      ).join("&");
    case "announce":
      return announceQuery(dice, world, peer);
  }
}

function announceQuery(dice: Dice, world: World, peer: { infoHash: InfoHash; peerId: PeerId }): string {
  const events: readonly (AnnounceEvent | undefined)[] = [
    "started",
    "stopped",
    "completed",
    undefined,
    undefined,
  ];
  const event = dice.pick(events);
  return encodeAnnounceRequest({
    ...peer,
    port: 1024 + dice.below(IDS),
    uploaded: dice.length(1e9),
    downloaded: dice.length(1e9),
    left: dice.pick([0, 1, 1e6, Number.MAX_SAFE_INTEGER]),
    numwant: dice.pick([0, 1, 50, 200, 1e9]),
    compact: dice.chance(0.8),
    noPeerId: dice.chance(0.2),
    ...(event ? { event } : {}),
    ...(dice.chance(0.3) ? { key: dice.pick(["00", "0badcafe", "ff".repeat(64)]) } : {}),
    ...(dice.chance(0.7) ? { member: anyMember(dice, world) } : {}),
  });
}

function anyMember(dice: Dice, world: World): MemberAnnounce {
  const rate = () => dice.pick([0, 1, 1e6, Number.MAX_SAFE_INTEGER]);
  return {
    term: dice.pick([0, 1, Number.MAX_SAFE_INTEGER]),
    externalBytes: dice.length(1e9),
    internalBytes: dice.length(1e9),
    ...(dice.chance(0.6) ? { capacity: { up: rate(), down: rate() } } : {}),
    ...(dice.chance(0.2) ? { local: anyEndpoint(dice) } : {}),
    ...(dice.chance(0.3) ? { stalled: somePeerId(dice, world) } : {}),
  };
}

/** Another value, no value, a key twice or too many of them, in a query that made sense. */
function mutatedQuery(dice: Dice, query: string): string {
  if (dice.chance(0.3)) return query;
  const pairs = query.split("&");
  for (let times = dice.between(1, 3); times > 0; times--) {
    const at = dice.below(pairs.length);
    const [key = ""] = (pairs[at] ?? "").split("=");
    const other = `${key}=${dice.pick(NASTY_VALUES)}`;
    if (dice.chance(0.5)) pairs[at] = other;
    else pairs.splice(at, dice.below(2), other, ...(dice.chance(0.2) ? [key, "=", "&&"] : []));
  }
  return pairs.join("&").replaceAll(/[\r\n ]/g, "+");
}

function anyInfoHash(dice: Dice, { infoHash }: World): InfoHash {
  return dice.chance(0.1)
    ? infoHash
    : (dice.below(SWARMS).toString(16).padStart(2, "0").repeat(20) as InfoHash);
}

function somePeerId(dice: Dice, { peerIds }: World): PeerId {
  if (dice.chance(0.2)) return dice.pick([...peerIds, anyPeerId(dice)]);
  return Buffer.from(`-FZ0100-${String(dice.below(IDS)).padStart(12, "0")}`).toString("hex") as PeerId;
}

function anyEndpoint(dice: Dice): Endpoint {
  const address = dice.pick(["127.1.0.1", "127.2.0.1", "127.3.66.9", "198.18.0.1", "2001:db8::1", "::1"]);
  return { address, port: dice.pick([1, 6881, 65535]) } as Endpoint;
}

function encoded(infoHash: InfoHash): string {
  return percentEncode(idBytes(infoHash));
}
