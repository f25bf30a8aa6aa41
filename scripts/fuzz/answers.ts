import {
  type AnnounceAnswer,
  type Asn,
  type Endpoint,
  encodeAnnounceAnswer,
  encodeLeadersAnswer,
  encodeLocateAnswer,
  type PeerEntry,
  type Policy,
  type SwarmAs,
} from "@cachetorrent/protocol";
import type { Dice } from "./dice.ts";
import { anyPeerId } from "./handshakes.ts";
import type { Input } from "./input.ts";
import { mutate } from "./mutate.ts";
import type { World } from "./world.ts";

const POLICIES: readonly Policy[] = [
  { name: "bittorrent" },
  { name: "biased", externalPercent: 10 },
  { name: "cache", leaderPercent: 10, deadlineMs: 5_000 },
  { name: "multi", leaderPercent: 10, deadlineMs: 5_000, ranges: 2 },
  { name: "coordinated", leaderPercent: 10, deadlineMs: 5_000, fetchers: "all", relief: 1 },
  { name: "coordinated", leaderPercent: 10, deadlineMs: 5_000, fetchers: "leaders", relief: 1.5 },
];

/** What a hostile tracker answers to `/announce`, `/leaders` or `/locate`: the raw bytes of HTTP. */
export function answerInput(dice: Dice, world: World, path: string): Input {
  const body = bodyOf(dice, world, path);
  const kind = dice.pick([
    "answer",
    "answer",
    "mutated answer",
    "mutated answer",
    "garbage",
    "broken HTTP",
    "endless",
  ]);
  const bytes = rawAnswer(dice, kind, body);
  const chunk = dice.chance(0.05) && bytes.length < 2000 ? 1 : undefined;
  return { target: "answer", kind, bytes, ...(chunk ? { chunk } : {}), lingerMs: dice.length(500) };
}

function rawAnswer(dice: Dice, kind: string, body: Uint8Array): Uint8Array {
  switch (kind) {
    case "mutated answer":
      return http(mutate(dice, body));
    case "garbage":
      return http(
        dice.pick([dice.bytes(dice.length(5000)), nested(dice), Buffer.from("<html>"), Buffer.alloc(0)]),
      );
    case "broken HTTP":
      return mutate(
        dice,
        http(body, dice.pick(["200 OK", "302 Found", "500 No", "999 x"]), nastyLength(dice, body)),
      );
    case "endless":
      // Longer than a peer reads.
      return http(Buffer.alloc(3 * 1024 * 1024, dice.pick(["l", "0", "d1:a"])), "200 OK", "chunked");
    default:
      return http(body);
  }
}

function nastyLength(dice: Dice, body: Uint8Array): number | "chunked" {
  return dice.pick([0, body.length - 1, body.length + 1, 2 ** 31, 2 ** 53, "chunked"]);
}

function http(body: Uint8Array, status = "200 OK", length: number | "chunked" = body.length): Uint8Array {
  const framing = length === "chunked" ? "Transfer-Encoding: chunked" : `Content-Length: ${length}`;
  const head = Buffer.from(`HTTP/1.1 ${status}\r\nContent-Type: text/plain\r\n${framing}\r\n\r\n`);
  if (length !== "chunked") return Buffer.concat([head, body]);
  return Buffer.concat([
    head,
    Buffer.from(`${body.length.toString(16)}\r\n`),
    body,
    Buffer.from("\r\n0\r\n\r\n"),
  ]);
}

function bodyOf(dice: Dice, world: World, path: string): Uint8Array {
  if (path.endsWith("/locate")) {
    return encodeLocateAnswer(
      Array.from({ length: dice.below(60) }, () => ({ asn: anyAsn(dice), known: true })),
    );
  }
  const ct = {
    asn: anyAsn(dice),
    policy: dice.pick(POLICIES),
    ...(dice.chance(0.7) ? { leaders: anyLeaders(dice, world) } : {}),
    ...(dice.chance(0.5) ? { ases: anyAses(dice) } : {}),
  };
  if (path.endsWith("/leaders")) return encodeLeadersAnswer(ct);
  const answer: AnnounceAnswer = {
    interval: dice.pick([0, 1, 1, 2, 60, Number.MAX_SAFE_INTEGER]),
    minInterval: dice.pick([0, 1]),
    complete: 1,
    incomplete: dice.length(1e9),
    peers: Array.from({ length: dice.length(200) }, () => anyPeer(dice, world)),
    ...(dice.chance(0.5) ? { ct } : {}),
  };
  return encodeAnnounceAnswer(answer, { compact: dice.chance(0.8) });
}

/** Mostly the fuzzer itself, under ever new addresses: who dials it hears hostile frames. */
export function anyPeerEndpoint(dice: Dice, { dialledPort }: World): Endpoint {
  const port = dice.chance(0.7) ? dialledPort : dice.between(1, 65_535);
  return { address: anyAddress(dice), port } as Endpoint;
}

function anyPeer(dice: Dice, world: World): PeerEntry {
  return { endpoint: anyPeerEndpoint(dice, world), asn: anyAsn(dice), peerId: anyPeerId(dice) };
}

function anyLeaders(dice: Dice, world: World) {
  const leaders = Array.from({ length: dice.length(30) }, () => ({
    peerId: dice.chance(0.2) ? dice.pick([...world.peerIds, anyPeerId(dice)]) : anyPeerId(dice),
    endpoint: anyPeer(dice, world).endpoint,
    up: dice.length(1e9),
    down: dice.length(1e9),
  }));
  return { term: dice.pick([0, 1, 2, 1_800_000_000_000, Number.MAX_SAFE_INTEGER]), leaders };
}

function anyAses(dice: Dice): SwarmAs[] {
  return Array.from({ length: dice.length(80) }, () => ({
    asn: anyAsn(dice),
    up: dice.pick([0, 1, dice.length(1e9), Number.MAX_SAFE_INTEGER]),
    isOrigin: dice.chance(0.3),
  }));
}

function anyAddress(dice: Dice): string {
  return `127.${dice.between(1, 4)}.${dice.between(60, 250)}.${dice.between(1, 250)}`;
}

function anyAsn(dice: Dice): Asn {
  return dice.pick([0, 1, 2, 3, 64_512, 0xffffffff]) as Asn;
}

function nested(dice: Dice): Uint8Array {
  const depth = dice.length(200_000);
  return Buffer.from(`${dice.pick(["l", "d1:a"]).repeat(depth)}${"e".repeat(depth)}`);
}
