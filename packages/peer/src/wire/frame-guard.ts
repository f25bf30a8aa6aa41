import { asDict, decodeBencodeDict, get, LIMITS } from "@cachetorrent/protocol";
import type { Landing, LandingPlace } from "./landing.ts";
import { MESSAGE_ID, readUint32 } from "./message.ts";
import { givePart, takePart } from "./part-memory.ts";
import type { OnMessage } from "./sent-messages.ts";

/** What the guard must know of a torrent to tell a legal frame from an attack. */
export interface TorrentShape {
  readonly pieceCount: number;
  /** Bytes of a piece; the last may be shorter. */
  pieceSize(piece: number): number;
  /** Its metadata is still to come: `pieceCount` and `pieceSize` are the most there can be. */
  readonly isUnknown?: true;
}

const HANDSHAKE_BYTES = 68;
/** Of a block: length, id, piece and begin. */
const BLOCK_HEAD_BYTES = 13;
/** The wire keeps the names of all extended handshakes of a connection, and there may be any number of those. */
const EXTENSIONS_MOST = 64;
const EXTENSION_NAME_MOST = 255;

/**
 * Stands in front of the wire and lets only whole, well-formed frames through. The wire reads lengths as signed
 * numbers without a bound, takes negative and foreign indices, bitfields of any size and truncated messages, and
 * concatenates leftovers quadratically: each is a way to kill or fill the process, so none reaches it.
 */
export class FrameGuard {
  readonly #shape: TorrentShape;
  readonly #pass: (frames: Uint8Array) => void;
  readonly #onMessage: OnMessage;
  readonly #place: LandingPlace | undefined;
  /** The frame that began in an earlier chunk: its first `#filled` bytes are there. Of one that lands it is the head alone. */
  #partial: Uint8Array = new Uint8Array(HANDSHAKE_BYTES);
  #filled = 0;
  #partialSize = HANDSHAKE_BYTES;
  /** Where the block in that frame goes. */
  #landing: Landing | undefined;
  #handshakeDone = false;
  #mapClosed = false;
  #isAllTold = false;
  #hasEnded = false;
  readonly #extensions = new Set<string>();
  /** Somebody may keep bytes of the message that was checked last: it is none of blocks, requests and the like. */
  #isKept = false;

  /**
   * `onMessage` gets each message before it is passed on, without its length: a keep-alive is empty. After `pass` the bytes of a block that
   * came in parts are others; those that `place` takes are not passed.
   */
  constructor(
    shape: TorrentShape,
    pass: (frames: Uint8Array) => void,
    onMessage: OnMessage = () => undefined,
    place?: LandingPlace,
  ) {
    this.#shape = shape;
    this.#pass = pass;
    this.#onMessage = onMessage;
    this.#place = place;
  }

  /** Is a block on its way in, of which some bytes are there? */
  get isWithinBlock(): boolean {
    return this.#handshakeDone && this.#filled >= 5 && this.#partial[4] === MESSAGE_ID.piece;
  }

  /** Takes bytes as the socket gives them, which are others once it returns. Returns why the connection must be closed, or undefined. */
  push(chunk: Uint8Array): string | undefined {
    if (this.#hasEnded) return undefined;
    let at = 0;
    if (!this.#handshakeDone || this.#filled > 0) {
      const finished = this.#continuePartial(chunk);
      if (typeof finished === "string") return finished;
      at = finished;
    }
    let start = at;
    while (at + 4 <= chunk.length) {
      const length = readUint32(chunk, at);
      if (length > 0 && at + 5 > chunk.length) break;
      const wrong = this.#checkLength(length, chunk[at + 4]);
      if (wrong) return wrong;
      if (at + 4 + length > chunk.length) break;
      const malformed = this.#checkMessage(chunk.subarray(at + 4, at + 4 + length));
      if (malformed) return malformed;
      const end = at + 4 + length;
      if (this.#isKept) {
        if (at > start) this.#pass(chunk.subarray(start, at));
        // By itself: whoever keeps some bytes of it keeps all that is in the same memory.
        this.#pass(new Uint8Array(chunk.subarray(at, end)));
        start = end;
      }
      at = end;
    }
    // One write for all whole frames in between: fewer, larger writes are what made the data path fast.
    if (at > start) this.#pass(chunk.subarray(start, at));
    if (at < chunk.length) this.#beginPartial(chunk.subarray(at));
    return undefined;
  }

  /** Nothing more is taken. */
  end(): void {
    this.#hasEnded = true;
    this.#landing?.end();
  }

  #beginPartial(rest: Uint8Array): void {
    // From 5 bytes on the size is known and was checked: a mere claim of 1 MiB allocates nothing.
    this.#partialSize = rest.length >= 5 ? 4 + readUint32(rest, 0) : 4;
    const isBlock = rest.length >= 5 && rest[4] === MESSAGE_ID.piece;
    if (isBlock && this.#beginLanding(rest)) return;
    this.#partial = isBlock
      ? takePart(this.#partialSize)
      : Buffer.allocUnsafe(Math.max(this.#partialSize, 5));
    this.#partial.set(rest);
    this.#filled = rest.length;
  }

  /** False where the block, of which the size was checked, does not go to its place. */
  #beginLanding(rest: Uint8Array): boolean {
    if (!this.#place || rest.length < BLOCK_HEAD_BYTES) return false;
    const [piece, begin] = [readUint32(rest, 5), readUint32(rest, 9)];
    const length = this.#partialSize - BLOCK_HEAD_BYTES;
    // What is wrong with it is told when it is whole, as of any other message.
    if (this.#checkBlock(piece, begin, length)) return false;
    this.#landing = this.#place.land(piece, begin, length);
    if (!this.#landing) return false;
    this.#partial = new Uint8Array(rest.subarray(0, BLOCK_HEAD_BYTES));
    this.#landing.add(rest.subarray(BLOCK_HEAD_BYTES));
    this.#filled = rest.length;
    return true;
  }

  /** Returns how many bytes of the chunk it took. */
  #continueLanding(landing: Landing, chunk: Uint8Array): number {
    const take = Math.min(this.#partialSize - this.#filled, chunk.length);
    landing.add(chunk.subarray(0, take));
    this.#filled += take;
    if (this.#filled === this.#partialSize) this.#landed(landing);
    return take;
  }

  #landed(landing: Landing): void {
    const [piece, begin] = [readUint32(this.#partial, 5), readUint32(this.#partial, 9)];
    this.#filled = 0;
    this.#landing = undefined;
    this.#mapClosed = true;
    this.#onMessage(this.#partial.subarray(4), this.#partialSize - 4);
    this.#place?.landed(piece, begin, landing.bytes);
    landing.end();
  }

  /** Returns how many bytes of the chunk it took, or why the connection must be closed. */
  #continuePartial(chunk: Uint8Array): number | string {
    if (this.#landing) return this.#continueLanding(this.#landing, chunk);
    let at = 0;
    for (;;) {
      const take = Math.min(this.#partialSize - this.#filled, chunk.length - at);
      this.#partial.set(chunk.subarray(at, at + take), this.#filled);
      this.#filled += take;
      at += take;
      if (this.#filled < this.#partialSize) return at;
      const next = this.#partialFilled();
      if (typeof next === "string") return next;
      if (next) return at;
    }
  }

  /** What was waited for is there: true when it is a whole frame, now passed; false when it told how much follows. */
  #partialFilled(): boolean | string {
    if (!this.#handshakeDone) {
      const wrong = this.#checkHandshake();
      if (wrong) return wrong;
      this.#handshakeDone = true;
      this.#passPartial();
      return true;
    }
    const length = readUint32(this.#partial, 0);
    if (this.#filled === 4 && length > 0) {
      this.#partialSize = 5;
      return false;
    }
    if (this.#filled === 5) {
      const wrong = this.#checkLength(length, this.#partial[4]);
      if (wrong) return wrong;
      if (length > 1) {
        this.#beginPartial(this.#partial.subarray(0, 5));
        return false;
      }
    }
    const wrong = this.#checkMessage(this.#partial.subarray(4, this.#partialSize));
    if (wrong) return wrong;
    this.#passPartial();
    return true;
  }

  #passPartial(): void {
    const frame = this.#partial.subarray(0, this.#partialSize);
    const isBlock = this.isWithinBlock;
    this.#filled = 0;
    this.#pass(frame);
    if (isBlock) givePart(this.#partial);
  }

  #checkHandshake(): string | undefined {
    const protocol = Buffer.from(this.#partial.subarray(0, 20)).toString("latin1");
    return protocol === "\x13BitTorrent protocol" ? undefined : "does not speak the BitTorrent protocol";
  }

  #checkLength(length: number, id: number | undefined): string | undefined {
    if (length === 0) return undefined;
    const bits = Math.ceil(this.#shape.pieceCount / 8);
    switch (id) {
      case MESSAGE_ID.choke:
      case MESSAGE_ID.unchoke:
      case MESSAGE_ID.interested:
      case MESSAGE_ID.uninterested:
      case MESSAGE_ID.haveAll:
      case MESSAGE_ID.haveNone:
        return length === 1 ? undefined : wrongLength(id, length);
      case MESSAGE_ID.have:
      case MESSAGE_ID.suggest:
      case MESSAGE_ID.allowedFast:
        return length === 5 ? undefined : wrongLength(id, length);
      case MESSAGE_ID.bitfield:
        return length === 1 + bits || (this.#shape.isUnknown && length <= 1 + bits)
          ? undefined
          : `a bitfield of ${length - 1} bytes instead of ${bits}`;
      case MESSAGE_ID.request:
      case MESSAGE_ID.cancel:
      case MESSAGE_ID.reject:
        return length === 13 ? undefined : wrongLength(id, length);
      case MESSAGE_ID.piece:
        return length > 9 && length <= 9 + LIMITS.peer.requestBytesMost ? undefined : wrongLength(id, length);
      case MESSAGE_ID.port:
        return length === 3 ? undefined : wrongLength(id, length);
      case MESSAGE_ID.extended:
        return length >= 2 && length <= 2 + LIMITS.peer.extensionBytes ? undefined : wrongLength(id, length);
      default:
        // Unknown messages are skipped (BEP 3 leaves room for new ones), as long as they stay small.
        return length <= LIMITS.peer.extensionBytes ? undefined : wrongLength(id, length);
    }
  }

  #checkMessage(message: Uint8Array): string | undefined {
    this.#isKept = false;
    const wrong = this.#checkBody(message);
    if (!wrong) this.#onMessage(message, message.length);
    return wrong;
  }

  #checkBody(body: Uint8Array): string | undefined {
    const id = body[0];
    switch (id) {
      case MESSAGE_ID.bitfield:
        // Later ones are legal: aria2 sends one in place of as many haves. The connection only ever adds them up.
        this.#mapClosed = true;
        this.#isKept = true;
        return undefined;
      case MESSAGE_ID.haveAll:
        // A late one, in place of the last haves, is aria2's as well. Once: each costs a look at all pieces.
        if (this.#isAllTold) return "have all twice";
        this.#isAllTold = true;
        this.#mapClosed = true;
        return undefined;
      case MESSAGE_ID.haveNone:
        // A later one would let a peer take back what it announced (BEP 6).
        if (this.#mapClosed) return "have none after other messages";
        this.#mapClosed = true;
        return undefined;
      case MESSAGE_ID.extended:
        this.#isKept = true;
        return body[1] === 0 ? this.#checkExtendedHandshake(body.subarray(2)) : undefined;
      case MESSAGE_ID.port:
        return undefined;
      case MESSAGE_ID.suggest:
      case MESSAGE_ID.allowedFast:
        return this.#checkPiece(readUint32(body, 1));
      case MESSAGE_ID.have:
        this.#mapClosed = true;
        return this.#checkPiece(readUint32(body, 1));
      case MESSAGE_ID.request:
      case MESSAGE_ID.cancel:
      case MESSAGE_ID.reject:
        this.#mapClosed = true;
        return this.#checkBlock(readUint32(body, 1), readUint32(body, 5), readUint32(body, 9));
      case MESSAGE_ID.piece:
        this.#mapClosed = true;
        return this.#checkBlock(readUint32(body, 1), readUint32(body, 5), body.length - 9);
      default:
        this.#isKept = true;
        return undefined;
    }
  }

  /** The wire calls `toString` on whatever stands in `m`. */
  #checkExtendedHandshake(payload: Uint8Array): string | undefined {
    const decoded = decodeBencodeDict(payload, { bytes: LIMITS.peer.extensionBytes, items: 2000 });
    if (!decoded.ok) return `extended handshake: ${decoded.error.message}`;
    const names = get(decoded.value, "m");
    if (names === undefined) return undefined;
    const map = asDict(names);
    if (!map) return "extended handshake: m is no dictionary";
    for (const [name, id] of Object.entries(map)) {
      if (typeof id !== "number" || id < 0 || id > 255)
        return "extended handshake: an extension id that is no byte";
      if (name.length > EXTENSION_NAME_MOST)
        return `extended handshake: an extension name of ${name.length} characters`;
      this.#extensions.add(name);
    }
    if (this.#extensions.size <= EXTENSIONS_MOST) return undefined;
    return `extended handshake: ${this.#extensions.size} extensions`;
  }

  #checkPiece(piece: number): string | undefined {
    return piece < this.#shape.pieceCount ? undefined : `piece ${piece} of ${this.#shape.pieceCount}`;
  }

  #checkBlock(piece: number, begin: number, length: number): string | undefined {
    const wrong = this.#checkPiece(piece);
    if (wrong) return wrong;
    const fits =
      length > 0 && length <= LIMITS.peer.requestBytesMost && begin + length <= this.#shape.pieceSize(piece);
    return fits ? undefined : `block ${begin}+${length} of piece ${piece}`;
  }
}

function wrongLength(id: number | undefined, length: number): string {
  return `message ${id} of ${length} bytes`;
}
