import type { Clock } from "@cachetorrent/clock";
import {
  type Asn,
  type CtCacheMessage,
  type Endpoint,
  isPeerId,
  LIMITS,
  type PeerId,
  PieceSet,
} from "@cachetorrent/protocol";
import type Wire from "bittorrent-protocol";
import { RateMeter } from "../rates/rate-meter.ts";
import { isWholeBlocks, requestKey } from "./block-request.ts";
import type { ConnectionOptions } from "./connection-options.ts";
import type { ConnectionOwner } from "./connection-owner.ts";
import { ConnectionTrace } from "./connection-trace.ts";
import { ControlFlood } from "./control-flood.ts";
import { CtChannel } from "./ct-channel.ts";
import { TheirWord } from "./extended-handshake.ts";
import type { Landing } from "./landing.ts";
import { Link } from "./link.ts";
import { MetadataChannel } from "./metadata-channel.ts";
import { Outstanding } from "./outstanding.ts";
import { PexChannel } from "./pex-channel.ts";
import type { PexMessage } from "./pex-message.ts";
import { UploadSide } from "./upload-side.ts";

/** Who unchokes us and rejects what we ask for is not asked again at once: it would keep us busy for ever. */
const REJECTED_REST_MS = 250;

/** A connection to one peer about one torrent: socket, guard, wire, and what both sides asked and told. */
export class Connection {
  readonly direction: "in" | "out";
  readonly remote: Endpoint;
  readonly asn: Asn;
  readonly openedAt: number;
  /** Its other side is no peer, but stands for an HTTP server (BEP 19). */
  readonly isWebSeed: boolean;
  /** Pieces the other side announced. */
  theirs: PieceSet;
  /** How many of them we lack and may request: interest is that this is above 0. */
  wanted = 0;
  /** Does what it holds count for what is rare? */
  isCounted = true;
  /** Since when it has nothing for us although we are interested. */
  lingersSince: number | undefined;
  /** What we asked of it. */
  readonly outstanding: Outstanding;
  /** Set while it lets requests lie: it gets one at a time until a block arrives. */
  snubbed = false;
  /** It owes a word and says nothing: it may be cut off. Set until something is heard of it. */
  isSilent = false;
  readonly downRate: RateMeter;
  readonly says: TheirWord;
  /** What we give it. */
  readonly upload: UploadSide;
  /** It is asked for nothing before. */
  restsUntil = 0;
  /** Opened for a follower: we download only, and tell nothing of what we hold. */
  isIndirect: boolean;
  /** As our leader: pieces that it can reach outside. */
  forwarded: PieceSet | undefined;
  /** Messages of `ct_cache` that were out of place. */
  ignored = 0;
  /** How many of these we lack: a leader is interesting for what it forwards, too. */
  wantedIndirectly = 0;
  /** We ended it by choice: the other side did nothing wrong. */
  isClosedByUs = false;
  readonly #owner: ConnectionOwner<Connection>;
  readonly #clock: Clock;
  readonly #flood: ControlFlood;
  readonly #trace: ConnectionTrace;
  readonly #link: Link;
  readonly #wire: Wire;
  readonly #ctChannel: CtChannel;
  readonly #metadata: MetadataChannel;
  readonly #pex: PexChannel | undefined;
  readonly #options: ConnectionOptions;
  #peerId: PeerId | undefined;
  #hasSentMap = false;

  constructor(options: ConnectionOptions) {
    const now = options.clock.now();
    this.#options = options;
    this.direction = options.direction;
    this.remote = options.remote;
    this.asn = options.asn;
    this.openedAt = now;
    this.isWebSeed = options.isWebSeed ?? false;
    this.theirs = new PieceSet(options.shape.pieceCount);
    this.downRate = new RateMeter(now);
    this.#flood = new ControlFlood(now);
    this.#trace = new ConnectionTrace(options, () => this.#ctChannel.theirId);
    this.isIndirect = options.isIndirect ?? false;
    this.#owner = options.owner;
    this.#clock = options.clock;
    this.outstanding = new Outstanding(now);
    this.#link = this.#makeLink();
    this.#wire = this.#link.wire;
    this.says = new TheirWord(this.#wire);
    this.upload = new UploadSide({
      link: this.#link,
      clock: options.clock,
      mayServe: (piece) => this.#owner.mayServe(this, piece),
      requested: (piece) => this.#owner.requested(this, piece),
    });
    this.#ctChannel = new CtChannel({
      wire: this.#wire,
      pieceCount: options.shape.pieceCount,
      clock: options.clock,
      introduced: () => this.#owner.introduced(this),
      received: (message) => this.#owner.told(this, message),
      failed: (why) => this.abort(`protocol error: ${why}`),
    });
    // After `ct_cache`: ids are given in this order.
    this.#metadata = new MetadataChannel({
      link: this.#link,
      clock: options.clock,
      info: options.info,
      failed: (why) => this.abort(`protocol error: ${why}`),
    });
    if (options.exchangesPeers) {
      this.#pex = new PexChannel({
        link: this.#link,
        clock: options.clock,
        heard: (endpoints) => this.#owner.toldOfPeers(this, endpoints),
        failed: (why) => this.abort(`protocol error: ${why}`),
      });
    }
    this.#listenToWire();
    if (options.direction === "out") this.#sendHandshake();
  }

  get peerId(): PeerId | undefined {
    return this.#peerId;
  }

  /** Was the other side told which pieces we hold, or, over an indirect connection, that there are none? */
  get hasSentMap(): boolean {
    return this.#hasSentMap;
  }

  get isHandshaken(): boolean {
    return this.#peerId !== undefined;
  }

  get isOpen(): boolean {
    return this.#link.isOpen;
  }

  /** Is it choking us? */
  get isChoked(): boolean {
    return this.#wire.peerChoking;
  }

  /** When we last unchoked it. */
  get lastUnchokedAt(): number {
    return this.upload.lastUnchokedAt;
  }

  /** When it last had a slot of ours. */
  lastServedAt(now: number): number {
    return this.upload.lastServedAt(now);
  }

  get isInterested(): boolean {
    return this.#wire.peerInterested;
  }

  /** Do we know what the other side speaks? A client without BEP 10 tells nothing. */
  get isIntroduced(): boolean {
    return this.#ctChannel.isIntroduced;
  }

  /** Does the other side speak `ct_cache`? */
  get speaksCtCache(): boolean {
    return this.#ctChannel.isOpen;
  }

  /** Where the other side listens, as far as we know. */
  get endpoint(): Endpoint | undefined {
    const port = this.direction === "out" ? this.remote.port : this.says.listenPort;
    return port === undefined ? undefined : { address: this.remote.address, port };
  }

  /** Bytes/s it gives us. */
  givesRate(now: number): number {
    return this.downRate.rate(now);
  }

  /** Tells which pieces we hold; called once, right after the handshake (BEP 3, BEP 6). */
  sendMap(have: PieceSet): void {
    this.#hasSentMap = true;
    const shown = this.isIndirect ? new PieceSet(have.pieceCount) : have;
    if (this.#wire.hasFast && shown.isFull) this.#wire.haveAll();
    else if (this.#wire.hasFast && shown.size === 0) this.#wire.haveNone();
    else if (shown.size > 0) this.#wire.bitfield(shown.toBitfield());
  }

  sendHave(piece: number): void {
    this.#wire.have(piece);
  }

  /** A `ct_cache` message; false when the other side does not speak it. */
  tell(message: CtCacheMessage): boolean {
    return this.isOpen && this.#ctChannel.send(message);
  }

  /** Does it exchange peers (BEP 11)? */
  get speaksPex(): boolean {
    return this.#pex?.isSpoken ?? false;
  }

  tellPeers(message: PexMessage): void {
    this.#pex?.send(message);
  }

  /** Whether it has anything for us, now or through what it forwards. */
  get isInteresting(): boolean {
    return this.wanted > 0 || this.wantedIndirectly > 0;
  }

  /** Does the other side take us for interested? */
  get isShownInterest(): boolean {
    return this.#wire.amInterested;
  }

  showInterest(interested: boolean): void {
    if (interested === this.#wire.amInterested) return;
    if (interested) this.#wire.interested();
    else this.#wire.uninterested();
  }

  /** For whole blocks of the piece. */
  request(piece: number, begin: number, length: number): void {
    this.outstanding.asked(requestKey(piece, begin, length), this.#clock.now());
    this.#wire.request(piece, begin, length, ignoreOutcome);
  }

  /** Takes a request back: another peer was faster, or this one too slow. */
  cancel(piece: number, begin: number, length: number): void {
    if (!this.outstanding.takeBack(requestKey(piece, begin, length))) return;
    this.#wire.cancel(piece, begin, length);
  }

  idleMs(now: number): number {
    return this.#link.idleMs(now);
  }

  /** How long ago some bytes of a block came that is not whole yet. */
  partOfBlockAgoMs(now: number): number {
    return this.#link.partOfBlockAgoMs(now);
  }

  /** Called by the torrent's sweep. `afterMs`: when nothing was sent for so long. */
  keepAlive(now: number, afterMs: number = LIMITS.peer.keepAliveMs): void {
    if (this.isHandshaken) this.#link.keepAlive(now, afterMs);
    this.#metadata.serve();
  }

  /**
   * Ends the connection: what was written is still sent, and what the other side had under way is still received
   * and counted, until it ends its side too.
   */
  close(reason: string): void {
    if (!this.isOpen) return;
    this.isClosedByUs = true;
    this.#trace.event("out", "close", { reason });
    this.#link.end(reason);
  }

  /** Ends the connection at once: the other side broke the protocol, or our time is up. */
  abort(reason: string): void {
    if (this.isOpen) this.#trace.event("out", "close", { reason });
    this.#link.abort(reason);
  }

  #makeLink(): Link {
    return new Link({
      ...this.#options,
      onReceived: (message, length) => this.#onMessage(message, length),
      land: (piece, begin, length) => this.#land(piece, begin, length),
      ...(this.#trace.isEnabled
        ? { onSent: (message, length) => this.#trace.message("out", message, length) }
        : {}),
      onDrain: () => {
        this.#metadata.serve();
        if (!this.upload.queue.isEmpty) this.#owner.requested(this);
      },
      onEnding: () => this.#giveUpRequests(),
      onClosed: (reason) => this.#owner.closed(this, reason),
    });
  }

  #sendHandshake(): void {
    this.#trace.event("out", "handshake", { peerId: this.#options.peerId });
    this.#wire.handshake(this.#options.infoHash, this.#options.peerId, {
      fast: true,
      dht: this.#options.dht !== undefined,
    });
  }

  #listenToWire(): void {
    const wire = this.#wire;
    wire.on("handshake", (infoHash, peerId, { dht }) => this.#onHandshake(infoHash, peerId, dht));
    wire.on("port", (port) => this.#options.dht?.hearOfNode({ address: this.remote.address, port }));
    wire.on("choke", () => this.#onChoke());
    wire.on("unchoke", () => this.#owner.unchoked(this));
    wire.on("interested", () => this.#owner.interestChanged(this));
    wire.on("uninterested", () => this.#owner.interestChanged(this));
    wire.on("have", (piece) => {
      if (this.theirs.add(piece)) this.#owner.has(this, piece);
    });
    wire.on("bitfield", (bitfield) => {
      const map = PieceSet.fromBitfield(bitfield.buffer, this.#options.shape.pieceCount);
      if (map) this.#onMap(map);
      else this.abort("protocol error: spare bits set in the bitfield");
    });
    wire.on("have-all", () => this.#onMap(PieceSet.full(this.#options.shape.pieceCount)));
    wire.on("reject", (piece, begin, length) => {
      const key = requestKey(piece, begin, length);
      if (!this.outstanding.rejected(key)) return;
      this.restsUntil = this.#clock.now() + REJECTED_REST_MS;
      this.#owner.released(this, [key]);
    });
    wire.on("piece", (piece, begin, block) => this.#onBlock(piece, begin, block));
  }

  #onHandshake(infoHash: string, peerId: string, hasDht: boolean): void {
    if (!isPeerId(peerId) || infoHash !== this.#options.infoHash) {
      this.abort("handshake for another torrent");
      return;
    }
    this.#peerId = peerId;
    this.#trace.event("in", "handshake", { peerId });
    if (!this.#owner.handshaken(this)) return;
    if (this.direction === "in") this.#sendHandshake();
    this.#owner.ready(this);
    const { dht } = this.#options;
    if (dht && hasDht) this.#wire.port(dht.port);
  }

  #onMap(map: PieceSet): void {
    if (this.theirs.size === 0) {
      this.theirs = map;
      this.#owner.mapped(this);
      return;
    }
    // A later bitfield stands for haves (aria2); what was announced before is not taken back.
    for (const piece of map) if (this.theirs.add(piece)) this.#owner.has(this, piece);
  }

  #onChoke(): void {
    this.#owner.choked(this);
    // Without the fast extension a choke drops all requests; with it each is rejected by name.
    if (this.#wire.hasFast || this.outstanding.size === 0) return;
    this.#owner.released(this, this.outstanding.dropAll());
  }

  #onBlock(piece: number, begin: number, block: Uint8Array): void {
    // Blocks nobody asked for, or cut otherwise, count for nothing, neither as data nor as merit.
    if (!isWholeBlocks(this.#options.shape, piece, begin, block.length)) return;
    const now = this.#clock.now();
    if (!this.outstanding.answered(requestKey(piece, begin, block.length), now)) return;
    if (this.snubbed) this.restsUntil = now;
    this.snubbed = false;
    this.downRate.add(block.length, now);
    this.#owner.block(this, piece, begin, block);
  }

  /** Only what is waited for gets a place: anything else is told whole, and counts for nothing. */
  #land(piece: number, begin: number, length: number): Landing | undefined {
    if (!isWholeBlocks(this.#options.shape, piece, begin, length)) return undefined;
    if (!this.outstanding.waitsFor(requestKey(piece, begin, length))) return undefined;
    return this.#owner.land(piece, begin, length);
  }

  /** Whatever comes, before the wire gets it: also what the wire keeps to itself. */
  #onMessage(message: Uint8Array, length: number): void {
    this.#trace.message("in", message, length);
    if (!this.#flood.isMadeBy(message, this.upload.isChoking, this.#clock.now())) return;
    this.abort("protocol error: too many choke, interest and have messages, or requests while choked");
  }

  /** Nothing more will be served here, nor waited for; blocks that still arrive are counted. */
  #giveUpRequests(): void {
    this.upload.queue.takeAll();
    const keys = this.outstanding.takeBackAll();
    if (keys.length > 0) this.#owner.released(this, keys);
  }
}

/** The outcome of a request reaches us as the wire's `piece`, `reject` and `choke` events. */
function ignoreOutcome(): void {
  // Nothing to do here.
}
