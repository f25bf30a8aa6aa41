import {
  type CtCacheBody,
  type Endpoint,
  formatEndpoint,
  type PeerId,
  PieceSet,
  type Refusal,
} from "@cachetorrent/protocol";
import { RawPeer } from "./raw-peer.ts";
import { numberedPeerId } from "./test-peer.ts";
import type { GivenTorrent } from "./torrents.ts";

/** What a leader does about every `leader_start`. */
export type Manner = "starts" | "forwards" | "starts and stops" | "silent" | Refusal;

/** A leader in AS 1 whose every move the test makes, but for its answers to `leader_start`. */
export class RawLeader {
  readonly peerId: PeerId;
  readonly endpoint: Endpoint;
  manner: Manner;
  /** Of those that dial it: shakes hands. A leader that does not is one whose process stands still. */
  greets = true;
  /** What it says as soon as hands are shaken. */
  firstWord: CtCacheBody | undefined;
  /** Everybody who ever dialled it. */
  readonly met: RawPeer[] = [];

  readonly #pieceCount: number;

  private constructor(peerId: PeerId, endpoint: Endpoint, manner: Manner, pieceCount: number) {
    this.#pieceCount = pieceCount;
    this.peerId = peerId;
    this.endpoint = endpoint;
    this.manner = manner;
  }

  /** Listens at 127.1.0.n. */
  static async listen(torrent: GivenTorrent, n: number, manner: Manner = "starts"): Promise<RawLeader> {
    const { infoHash, pieceCount } = torrent.metainfo;
    const peerId = numberedPeerId(800_000 + n);
    let leader: RawLeader | undefined;
    const options = { infoHash, at: `127.1.0.${n}`, peerId, ctCache: { pieceCount } };
    const endpoint = await RawPeer.listen(options, (peer) => leader?.greet(peer));
    leader = new RawLeader(peerId, endpoint, manner, pieceCount);
    return leader;
  }

  /** The connection that stands, or the last one. */
  get raw(): RawPeer {
    const peer = this.met.findLast((one) => !one.isClosed) ?? this.met.at(-1);
    if (!peer) throw new Error("nobody has dialled the leader");
    return peer;
  }

  get isConnected(): boolean {
    return this.met.some((one) => !one.isClosed && one.count("extended") > 0);
  }

  /** The destinations that it was asked for, in their order, over all connections. */
  get asked(): string[] {
    return this.met.flatMap((one) => one.toldOf("leader_start").map(({ dest }) => formatEndpoint(dest)));
  }

  /** The destinations it was told to forward nothing more of. */
  get stopped(): string[] {
    return this.met.flatMap((one) => one.toldOf("leader_stop").map(({ dest }) => formatEndpoint(dest)));
  }

  /** The pieces that were wanted of it, in their order. */
  get wanted(): number[] {
    return this.met.flatMap((one) => one.toldOf("want").flatMap(({ pieces }) => pieces));
  }

  tell(body: CtCacheBody): void {
    this.raw.tell(body);
  }

  greet(peer: RawPeer): void {
    this.met.push(peer);
    if (this.greets) peer.handshake();
    // Behind the peer's own listener: it has the message by now.
    peer.wire.on("extended", () => {
      const message = peer.told.at(-1);
      if (!message && this.firstWord) peer.tell(this.firstWord);
      if (message?.m !== "leader_start") return;
      this.#answer(peer, message.dest);
    });
  }

  #answer(peer: RawPeer, dest: Endpoint): void {
    switch (this.manner) {
      case "silent":
        return;
      case "starts":
      case "forwards":
      case "starts and stops":
        peer.tell({ m: "leader_started", dest });
        break;
      default:
        peer.tell({ m: "leader_refused", dest, why: this.manner });
        return;
    }
    if (this.manner === "starts") return;
    const bits = PieceSet.full(this.#pieceCount).toBitfield();
    peer.tell({ m: "fwd_bitfield", bits, from: 0 });
    if (this.manner === "starts and stops") peer.tell({ m: "leader_stop", dest });
  }
}
