import { ManualClock } from "@cachetorrent/clock";
import { LIMITS, type SwarmAs } from "@cachetorrent/protocol";
import { COORDINATED, MeetingPoint, type Word } from "./meeting-point.ts";
import { RawPeer, type RawPeerOptions } from "./raw-peer.ts";
import { asn } from "./samples.ts";
import { numberedPeerId, TestPeer, type TestPeerOptions } from "./test-peer.ts";
import { type GivenTorrent, KIB, noise, torrentOf } from "./torrents.ts";
import { advanceUntil } from "./until.ts";

export const BLOCK = 16 * KIB;

/** Pieces of two blocks. */
export const aTorrent = (pieces: number) =>
  torrentOf([{ path: ["a"], content: noise(pieces * 2 * BLOCK) }], 2 * BLOCK);

/** A seed in AS 1 that its tracker told of `coordinated`, on a clock that the test moves; whoever deals with it is raw. */
export class Coordinating {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly torrent: GivenTorrent;
  readonly tracker: MeetingPoint;
  seed!: TestPeer;

  private constructor(torrent: GivenTorrent, tracker: MeetingPoint) {
    this.torrent = torrent;
    this.tracker = tracker;
  }

  static async begin(
    given: Partial<TestPeerOptions> & { readonly pieces?: number; readonly word?: Partial<Word> } = {},
  ): Promise<Coordinating> {
    const { pieces = 24, word = {}, ...options } = given;
    const torrent = await aTorrent(pieces);
    const self = new Coordinating(torrent, await MeetingPoint.open());
    self.tracker.tell({ policy: COORDINATED, ...word });
    const { clock, tracker } = self;
    self.seed = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, clock, seeds: true, ...options });
    return self;
  }

  get pieceCount(): number {
    return this.torrent.metainfo.pieceCount;
  }

  /** A member of the AS that the address's second number says, or by `stock` a client that does not speak `ct_cache`. */
  join(
    n: number,
    at: string,
    options: { stock?: boolean; fast?: boolean; interested?: boolean; isSilent?: true } = {},
  ): Promise<RawPeer> {
    const { stock = false, fast = true, interested = false, isSilent } = options;
    const raw: RawPeerOptions = {
      infoHash: this.torrent.metainfo.infoHash,
      at,
      fast,
      peerId: numberedPeerId(800_000 + n),
      clock: this.clock,
      ...(stock ? {} : { ctCache: { pieceCount: this.pieceCount } }),
    };
    return RawPeer.join(this.seed.endpoint, raw).then((peer) => {
      if (interested) peer.wire.interested();
      if (!stock && !isSilent) this.speak(peer);
      return peer;
    });
  }

  /** From now on it says every second that it is there, until what this returns is called. */
  speak(raw: RawPeer): () => void {
    const timer = this.clock.every(LIMITS.claims.outsideKeepAliveMs, () => {
      if (raw.isClosed) timer.cancel();
      else raw.wire.keepAlive();
    });
    return () => timer.cancel();
  }

  when(what: string, isSo: () => boolean, stepMs = 10): Promise<void> {
    return advanceUntil(this.clock, what, isSo, stepMs);
  }

  /** Lets so much time go by, with everybody answering in it. */
  async pass(ms: number): Promise<void> {
    const end = this.clock.now() + ms;
    await this.when(`${ms} ms are over`, () => this.clock.now() >= end, 50);
  }

  /** Asks for both blocks of a piece, and waits until they are here. */
  async fetch(raw: RawPeer, piece: number): Promise<void> {
    const got = () => raw.blocks.filter((block) => block.piece === piece).length;
    for (const begin of [0, BLOCK]) raw.request(piece, begin, BLOCK);
    await this.when(`piece ${piece} came`, () => {
      if (raw.isClosed) throw new Error("closed");
      return got() >= 2;
    });
  }

  /** From now on it fetches, one piece after the other, whatever it is told of while it is unchoked. */
  fetchAll(raw: RawPeer): void {
    const asked = new Set<number>();
    const go = (): void => {
      for (const piece of revealedTo(raw)) {
        if (raw.wire.peerChoking || asked.has(piece)) continue;
        asked.add(piece);
        for (const begin of [0, BLOCK]) raw.request(piece, begin, BLOCK);
      }
    };
    for (const event of ["have", "unchoke", "piece"] as const) raw.wire.on(event, go);
    raw.wire.on("reject", (piece) => void asked.delete(piece));
    go();
  }
}

/** The pieces that came by `have`, in their order. */
export function revealedTo(raw: RawPeer): number[] {
  return raw.messages.flatMap(([name, piece]) => (name === "have" && piece !== undefined ? [piece] : []));
}

export function as(number: number, isOrigin = false, up = 1000): SwarmAs {
  return { asn: asn(number), up, isOrigin };
}
