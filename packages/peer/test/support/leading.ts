import { ManualClock } from "@cachetorrent/clock";
import type { Endpoint, PeerId } from "@cachetorrent/protocol";
import { CACHE, type Led, MeetingPoint, type Word } from "./meeting-point.ts";
import { RawPeer } from "./raw-peer.ts";
import { asn, endpoint } from "./samples.ts";
import { numberedPeerId, TestPeer, type TestPeerOptions } from "./test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./torrents.ts";
import { advanceUntil } from "./until.ts";

const BLOCK = 16 * KIB;
const LOCALHOST = endpoint("127.0.0.1:1").address;

/** 16 pieces of 2 blocks. */
export const aTorrent = (pieces = 16) =>
  torrentOf([{ path: ["a"], content: noise(pieces * 2 * BLOCK) }], 2 * BLOCK);

export interface FollowerOptions {
  readonly at?: string;
  readonly ctCache?: false;
  readonly fast?: boolean;
}

/** Many peers of other ASes, at one port of all addresses. */
export interface Crowd {
  readonly port: number;
  /** When, by the clock of the test, and at which address somebody dialled. */
  readonly dials: { readonly at: number; readonly to: string }[];
}

export interface OutsiderOptions {
  readonly have?: "all" | readonly number[];
  readonly fast?: boolean;
  /** It unchokes whoever dials it and answers every request. */
  readonly serves?: boolean;
  readonly peerId?: PeerId;
}

/** A peer of another AS, found by `locate` and not listed. */
export interface Outsider {
  readonly endpoint: Endpoint;
  readonly options: { readonly at: string; readonly peerId: PeerId };
  /** Who dialled it, hands shaken. */
  readonly visits: RawPeer[];
}

/** A real leader of AS 1, on a clock that the test moves; whoever deals with it is raw. */
export class Leading {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly torrent: GivenTorrent;
  readonly tracker: MeetingPoint;
  leader!: TestPeer;

  private constructor(torrent: GivenTorrent, tracker: MeetingPoint) {
    this.torrent = torrent;
    this.tracker = tracker;
  }

  static async begin(
    options: Partial<TestPeerOptions> & {
      readonly torrent?: GivenTorrent;
      readonly word?: Partial<Word>;
      /** Between the leader's announces. */
      readonly intervalS?: number;
    } = {},
  ): Promise<Leading> {
    const { intervalS = 1800, torrent = await aTorrent(), word = {}, ...rest } = options;
    const given = new Leading(torrent, await MeetingPoint.open());
    given.tracker.intervalS = intervalS;
    given.tracker.tell({ policy: CACHE, ...word });
    // Where a leader that listens at every address comes from.
    given.tracker.places.set(LOCALHOST, asn(1));
    given.leader = await TestPeer.start(torrent, {
      at: "127.1.0.1",
      tracker: given.tracker,
      clock: given.clock,
      ...rest,
    });
    await given.elect([given.leader]);
    return given;
  }

  get pieceCount(): number {
    return this.torrent.metainfo.pieceCount;
  }

  /** Others lead from now on. */
  async elect(leaders: readonly Led[], word: Partial<Word> = {}): Promise<void> {
    const term = this.tracker.tell({ ...word, leaders });
    await this.when("it knows the new term", () => this.leader.torrent.status().term === term);
    if (leaders.some(({ peerId }) => peerId === this.leader.peerId)) {
      await this.when("it leads", () => this.leader.torrent.status().role === "leader");
    }
  }

  /** Small steps: a tracker that answers within 2 s must not be too late. */
  when(what: string, isSo: () => boolean, stepMs = 5): Promise<void> {
    return advanceUntil(this.clock, what, isSo, stepMs);
  }

  /** Until so many messages of that name have come. */
  received(raw: RawPeer, name: string, times = 1): Promise<void> {
    return this.when(`${times} x ${name} came`, () => {
      if (raw.isClosed && raw.count(name) < times) throw new Error(`closed without ${times} x ${name}`);
      return raw.count(name) >= times;
    });
  }

  /** A member of the leader's AS, or whoever else, that dialled it. */
  follower(n: number, options: FollowerOptions = {}): Promise<RawPeer> {
    const { ctCache, fast = true, at = `127.1.1.${n}` } = options;
    return RawPeer.join(this.leader.endpoint, {
      at,
      fast,
      infoHash: this.torrent.metainfo.infoHash,
      peerId: numberedPeerId(800_000 + n),
      clock: this.clock,
      ...(ctCache === false ? {} : { ctCache: { pieceCount: this.pieceCount } }),
    });
  }

  async outsider(n: number, given: OutsiderOptions = {}): Promise<Outsider> {
    const { have = "all", fast = true, serves = false, peerId = numberedPeerId(700_000 + n) } = given;
    const options = { at: `127.2.0.${n}`, peerId, fast, infoHash: this.torrent.metainfo.infoHash };
    const visits: RawPeer[] = [];
    const endpoint = await RawPeer.listen(options, (raw) => {
      raw.wire.on("handshake", () => {
        raw.handshake();
        if (have === "all" && fast) raw.wire.haveAll();
        else raw.wire.bitfield(bitsOf(have, this.pieceCount));
        if (serves) this.serve(raw);
        visits.push(raw);
      });
    });
    return { endpoint, options: { at: options.at, peerId }, visits };
  }

  /** Whoever dials any of them finds a peer that has everything, each with an id of its own. */
  async crowd(): Promise<Crowd> {
    const { infoHash } = this.torrent.metainfo;
    const dials: Crowd["dials"][number][] = [];
    const { port } = await RawPeer.listen({ at: "0.0.0.0", infoHash }, (raw) => {
      dials.push({ at: this.clock.now(), to: raw.socket.localAddress ?? "" });
      const peerId = numberedPeerId(600_000 + dials.length);
      raw.wire.on("handshake", () => {
        raw.wire.handshake(infoHash, peerId, { fast: true });
        raw.wire.haveAll();
      });
    });
    return { port, dials };
  }

  /** Unchokes, and answers each request from now on. */
  serve(raw: RawPeer): void {
    const { content, metainfo } = this.torrent;
    raw.wire.on("request", (piece, begin, length) => {
      const start = piece * metainfo.pieceLength + begin;
      raw.wire.piece(piece, begin, content.subarray(start, start + length));
    });
    raw.wire.unchoke();
  }
}

function bitsOf(have: "all" | readonly number[], pieceCount: number): Uint8Array {
  const bits = Buffer.alloc(Math.ceil(pieceCount / 8));
  const pieces = have === "all" ? Array.from({ length: pieceCount }, (_, piece) => piece) : have;
  for (const piece of pieces) bits[piece >> 3] = (bits[piece >> 3] ?? 0) | (0x80 >> (piece & 7));
  return bits;
}

/** The pieces that were forwarded, in their order, as often as they were. */
export function forwardedTo(raw: RawPeer): number[] {
  return raw.told.flatMap((message) => {
    if (message.m === "fwd_have") return [...message.pieces];
    if (message.m !== "fwd_bitfield") return [];
    const { bits, from } = message;
    return [...bits].flatMap((byte, at) =>
      [0, 1, 2, 3, 4, 5, 6, 7].filter((bit) => byte & (0x80 >> bit)).map((bit) => from + at * 8 + bit),
    );
  });
}
