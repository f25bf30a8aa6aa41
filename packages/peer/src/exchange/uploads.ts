import type { Clock, Random } from "@cachetorrent/clock";
import { type CtError, isInternal, LIMITS } from "@cachetorrent/protocol";
import type { Throttle } from "../rates/throttle.ts";
import type { Role } from "../roles/role.ts";
import type { Wanted } from "../selection/wanted.ts";
import type { BlockRequest } from "../wire/block-request.ts";
import type { Connection } from "../wire/connection.ts";
import { Choker, type ChokerKind } from "./choker.ts";
import { CoordinatedChoker } from "./coordinated-choker.ts";
import type { SlotRules } from "./slot-rules.ts";
import { Transfers } from "./transfers.ts";
import type { BlockSource, UploadPump } from "./upload-pump.ts";
import { areSameRules, type Uploading } from "./uploading.ts";

/** A transfer that is brought to the end of its piece gets so long for it, or four times as long as pieces take. */
const MID_PIECE_MS = 30_000;

export interface UploadsParts {
  /** The pieces still to be fetched: who misses none is a seed. */
  readonly wanted: Wanted;
  readonly clock: Clock;
  readonly random: Random;
  readonly choker: ChokerKind;
  readonly pump: UploadPump;
  readonly connections: ReadonlySet<Connection>;
  readonly watcher: UploadsWatcher;
  role(): Role;
  pieceSize(piece: number): number;
  isAtHand(request: BlockRequest, fromDisk: boolean): boolean;
  atOnce(request: BlockRequest, fromDisk: boolean): Uint8Array | undefined;
  lend(block: Uint8Array): () => void;
  load(request: BlockRequest): Promise<void>;
  /** The upload limits for the connection. */
  throttle(connection: Connection): Throttle;
  sent(connection: Connection, bytes: number): void;
  failed(error: CtError): void;
}

/** Who decides what is revealed must know what becomes of it. */
export interface UploadsWatcher {
  unchoked(connection: Connection): void;
  choked(connection: Connection): void;
  /** It asks for a block of the piece, and will be served. */
  asked(connection: Connection, piece: number): void;
  /** The whole piece was sent to it. */
  uploaded(connection: Connection, piece: number): void;
}

/** Pieces on their way out: who gets a slot, and what is sent to whom. */
export class Uploads {
  readonly #parts: UploadsParts;
  readonly #source: BlockSource;
  readonly #transfers: Transfers<Connection>;
  #uploading: Uploading = "plain";
  #rules: SlotRules<Connection>;
  #rechokedAt = Number.NEGATIVE_INFINITY;
  /** Those that have a slot, be they interested or not. */
  readonly #unchoked = new Set<Connection>();
  /** Not chosen any more, but in the middle of these pieces, each since then: choked when they are whole. */
  readonly #leaving = new Map<Connection, ReadonlyMap<number, number>>();
  /** How many pieces each has got since it was last unchoked. */
  readonly #gotPieces = new Map<Connection, number>();
  /** Chosen in the last round, and waiting for slots of those who are leaving. */
  #next: Connection[] = [];

  constructor(parts: UploadsParts) {
    this.#parts = parts;
    this.#rules = this.#makeRules();
    this.#transfers = new Transfers((piece) => parts.pieceSize(piece));
    this.#source = {
      isAtHand: (request, fromDisk) => parts.isAtHand(request, fromDisk),
      atOnce: (request, fromDisk) => parts.atOnce(request, fromDisk),
      lend: (block) => parts.lend(block),
      load: (request) => this.#load(request),
      sectionBytes: (piece) => Math.min(parts.pieceSize(piece), LIMITS.peer.sectionBytes),
      throttle: (connection) => parts.throttle(connection),
      sent: (connection, request) => this.#sent(connection, request),
    };
  }

  /** From now on slots are given by these rules; who has one keeps it until the next round. */
  uploadBy(uploading: Uploading): void {
    const before = this.#uploading;
    this.#uploading = uploading;
    if (!areSameRules(before, uploading)) this.#rules = this.#makeRules();
  }

  /** The connection waits for blocks, of that piece now too, or has room for them again. */
  requested(connection: Connection, piece?: number): void {
    if (piece !== undefined) this.#parts.watcher.asked(connection, piece);
    this.#parts.pump.ready(connection, this.#source);
  }

  left(connection: Connection): void {
    this.#parts.pump.remove(connection);
    this.#transfers.left(connection);
    this.#unchoked.delete(connection);
    this.#gotPieces.delete(connection);
    this.#leaving.delete(connection);
  }

  /** What it is in the middle of does not get through. */
  fellSilent(connection: Connection): void {
    if (connection.upload.isChoking) return;
    this.#choke(connection);
    this.fillSlots();
  }

  /** Somebody became interested, or left: free slots do not wait for the next round. */
  fillSlots(): void {
    const { clock, wanted } = this.#parts;
    const served = [...this.#unchoked].filter((one) => one.isInterested);
    // Asked many times a second, and mostly there is none.
    if (served.length > this.#parts.role().slots()) return;
    for (; served.length <= this.#parts.role().slots() && this.#next.length > 0; ) {
      const chosen = this.#next.shift() as Connection;
      if (!chosen.upload.isChoking || !this.#mayHaveSlot(chosen)) continue;
      this.#unchoke(chosen);
      served.push(chosen);
    }
    const filled = this.#rules.fill(this.#waiting(), served, wanted.settled.isFull, clock.now());
    for (const connection of filled) this.#unchoke(connection);
  }

  /** A round of the choker, if one is due; and slots that have become free by the passing of time. */
  sweep(now: number): void {
    for (const connection of [...this.#leaving.keys()]) this.#endTransfer(connection, now);
    if (now - this.#rechokedAt >= LIMITS.peer.rechokeMs) this.#round(now);
    this.fillSlots();
  }

  #round(now: number): void {
    this.#rechokedAt = now;
    const contenders = [...this.#parts.connections].filter((one) => this.#mayHaveSlot(one));
    const chosen = this.#rules.choose(contenders, this.#parts.wanted.settled.isFull, now);
    for (const connection of this.#parts.connections) {
      if (!connection.isHandshaken || !connection.isOpen) continue;
      if (chosen.has(connection)) this.#leaving.delete(connection);
      else if (!connection.upload.isChoking) this.#letGo(connection, now);
    }
    this.#next = [...chosen].filter((one) => one.upload.isChoking);
  }

  /** Chokes it, at once or when it has got the whole of what it has in part. */
  #letGo(connection: Connection, now: number): void {
    if (!this.#leaving.has(connection)) {
      const isKept = this.#rules.isKeptInMidPiece(connection);
      this.#leaving.set(connection, isKept ? this.#transfers.under(connection) : new Map());
    }
    this.#endTransfer(connection, now);
  }

  #endTransfer(connection: Connection, now: number): void {
    const pieces = this.#leaving.get(connection);
    if (!pieces) return;
    const under = this.#transfers.under(connection);
    const mostMs = Math.max(MID_PIECE_MS, 4 * this.#transfers.medianMs);
    const goesOn = [...pieces].some(([piece, since]) => under.has(piece) && now - since < mostMs);
    if (goesOn && connection.isInterested) return;
    this.#choke(connection);
  }

  #choke(connection: Connection): void {
    this.#leaving.delete(connection);
    this.#unchoked.delete(connection);
    connection.upload.choke();
    this.#transfers.choked(connection);
    this.#parts.watcher.choked(connection);
  }

  #unchoke(connection: Connection): void {
    this.#gotPieces.delete(connection);
    this.#unchoked.add(connection);
    connection.upload.unchoke();
    this.#parts.watcher.unchoked(connection);
  }

  #sent(connection: Connection, { begin, length, piece }: BlockRequest): void {
    const now = this.#parts.clock.now();
    this.#parts.sent(connection, length);
    if (!this.#transfers.sent(connection, piece, begin, length, now)) return;
    this.#gotPieces.set(connection, (this.#gotPieces.get(connection) ?? 0) + 1);
    this.#parts.watcher.uploaded(connection, piece);
    if (this.#leaving.has(connection)) this.#endTransfer(connection, now);
    else if (this.#isTurnOver(connection, now)) this.#letGo(connection, now);
    else return;
    this.fillSlots();
  }

  #isTurnOver(connection: Connection, now: number): boolean {
    const turn = { ms: now - connection.lastUnchokedAt, pieces: this.#gotPieces.get(connection) ?? 0 };
    return this.#rules.isTurnOver(connection, turn, () => this.#waiting(), this.#parts.wanted.settled.isFull);
  }

  #waiting(): Connection[] {
    return [...this.#parts.connections].filter((one) => one.upload.isChoking && this.#mayHaveSlot(one));
  }

  /** Is it to be thought of where slots are given? */
  #mayHaveSlot(connection: Connection): boolean {
    const { isHandshaken, isInterested, isOpen, isSilent } = connection;
    if (!isInterested || !isHandshaken || !isOpen || isSilent) return false;
    return this.#parts.role().mayUpload(connection);
  }

  #makeRules(): SlotRules<Connection> {
    const { choker: kind, random, role } = this.#parts;
    const options = { kind, slots: () => role().slots(), random };
    const uploading = this.#uploading;
    if (typeof uploading === "string") return new Choker(options);
    return new CoordinatedChoker({
      ...options,
      isOutside: ({ asn }) => !isInternal(asn, uploading.asn),
      membersInAs: () => (typeof this.#uploading === "string" ? 1 : this.#uploading.membersInAs()),
    });
  }

  async #load(request: BlockRequest): Promise<void> {
    try {
      await this.#parts.load(request);
    } catch (error) {
      this.#parts.failed(error as CtError);
      throw error;
    }
  }
}
