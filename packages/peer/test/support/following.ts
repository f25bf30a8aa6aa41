import { ManualClock } from "@cachetorrent/clock";
import { type Endpoint, formatEndpoint, type Policy } from "@cachetorrent/protocol";
import { CACHE, type Led, MeetingPoint } from "./meeting-point.ts";
import { type Manner, RawLeader } from "./raw-leader.ts";
import { RawPeer } from "./raw-peer.ts";
import { endpoint } from "./samples.ts";
import { numberedPeerId, TestPeer } from "./test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./torrents.ts";
import { advanceUntil } from "./until.ts";

export const PIECE = 16 * KIB;

/** 40 pieces of a block. */
export const aTorrent = (pieces = 40) => torrentOf([{ path: ["a"], content: noise(pieces * PIECE) }], PIECE);

export interface Given {
  readonly leaders?: readonly Manner[];
  /** The tracker lists so many outside peers, who are not there. */
  readonly outside?: number;
  readonly policy?: Policy;
  readonly pieces?: number;
  /** It has everything. */
  readonly seeds?: boolean;
  /** The tracker lists so many outside seeds, who are there. */
  readonly outsideSeeds?: number;
  /** Who leads which range; without it all of them lead. */
  readonly led?: (leaders: readonly RawLeader[]) => readonly Led[];
}

export interface OutsideSeed {
  readonly endpoint: Endpoint;
  /** Who dialled it. */
  readonly met: RawPeer[];
}

/** A follower at 127.1.0.100 in AS 1 on a clock moved by hand, its leaders, and outside peers in AS 2. */
export class Following {
  readonly torrent: GivenTorrent;
  readonly clock: ManualClock;
  readonly tracker: MeetingPoint;
  readonly leaders: readonly RawLeader[];
  readonly outside: readonly Endpoint[];
  readonly outsideSeeds: readonly OutsideSeed[];
  readonly peer: TestPeer;

  private constructor(
    parts: Omit<Following, "until" | "pass" | "join" | "leader" | "dests" | "serve" | "role">,
  ) {
    this.torrent = parts.torrent;
    this.clock = parts.clock;
    this.tracker = parts.tracker;
    this.leaders = parts.leaders;
    this.outside = parts.outside;
    this.outsideSeeds = parts.outsideSeeds;
    this.peer = parts.peer;
  }

  static async begin(given: Given = {}): Promise<Following> {
    const { leaders: manners = ["starts"], policy = CACHE } = given;
    const torrent = await aTorrent(given.pieces);
    const clock = new ManualClock(1_700_000_000_000);
    const tracker = await MeetingPoint.open();
    const leaders = await Promise.all(manners.map((manner, i) => RawLeader.listen(torrent, i + 1, manner)));
    const led = given.led?.(leaders) ?? leaders;
    tracker.tell({ policy, ...(led.length > 0 ? { leaders: led } : {}) });
    const outside = Array.from({ length: given.outside ?? 0 }, (_, i) => endpoint(`127.2.0.1:${7001 + i}`));
    const numbers = Array.from({ length: given.outsideSeeds ?? 0 }, (_, i) => i + 1);
    const outsideSeeds = await Promise.all(numbers.map((n) => outsideSeed(torrent, n)));
    for (const one of [...outside, ...outsideSeeds.map((seed) => seed.endpoint)]) tracker.list(one);
    const seeds = given.seeds ?? false;
    const peer = await TestPeer.start(torrent, { at: "127.1.0.100", tracker, clock, seeds });
    return new Following({ torrent, clock, tracker, leaders, outside, outsideSeeds, peer });
  }

  get role(): string {
    return this.peer.torrent.status().role;
  }

  get leader(): RawLeader {
    return this.leaders[0] as RawLeader;
  }

  /** The outside peers, as text. */
  get dests(): string[] {
    return this.outside.map(formatEndpoint);
  }

  until(what: string, isSo: () => boolean): Promise<void> {
    return advanceUntil(this.clock, what, isSo);
  }

  /** Lets so much time go by, with everybody answering in it. */
  async pass(ms: number, stepMs = ms > 15_000 ? 200 : 50): Promise<void> {
    const end = this.clock.now() + ms;
    await advanceUntil(this.clock, `${ms} ms are over`, () => this.clock.now() >= end, stepMs);
  }

  /** A raw peer that dials the follower from that address. */
  join(at: string, n: number, have: "all" | "none" = "none", port?: number): Promise<RawPeer> {
    const { infoHash, pieceCount } = this.torrent.metainfo;
    const options = {
      at,
      infoHash,
      peerId: numberedPeerId(600_000 + n),
      clock: this.clock,
      ctCache: { pieceCount },
      ...(port ? { port } : {}),
    };
    return RawPeer.join(this.peer.endpoint, options, have);
  }

  /** From now on the raw peer answers requests, those that came too, with the right bytes. */
  serve(raw: RawPeer): void {
    serve(this.torrent, raw);
  }
}

/** From now on the raw peer answers requests, those that came too, with the right bytes; `most` of them. */
export function serve(
  { content, metainfo }: GivenTorrent,
  raw: RawPeer,
  most = Number.POSITIVE_INFINITY,
): void {
  let left = most;
  const answer = (piece: number, begin: number, length: number): void => {
    if (left-- <= 0) return;
    const start = piece * metainfo.pieceLength + begin;
    raw.wire.piece(piece, begin, content.subarray(start, start + length));
  };
  for (const [name, piece = 0, begin = 0, length = 0] of raw.messages) {
    if (name === "request") answer(piece, begin, length);
  }
  raw.wire.on("request", answer);
  raw.wire.unchoke();
}

/** A seed at 127.2.0.n that unchokes whoever dials it, and serves him a hundred requests. */
async function outsideSeed(torrent: GivenTorrent, n: number): Promise<OutsideSeed> {
  const { infoHash } = torrent.metainfo;
  const met: RawPeer[] = [];
  const options = { infoHash, at: `127.2.0.${n}`, peerId: numberedPeerId(700_000 + n) };
  const listening = await RawPeer.listen(options, (peer) => {
    met.push(peer);
    peer.wire.on("handshake", () => {
      peer.handshake();
      peer.wire.haveAll();
      serve(torrent, peer, 100);
    });
  });
  return { endpoint: listening, met };
}
