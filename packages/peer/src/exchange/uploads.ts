import type { Clock, Random } from "@cachetorrent/clock";
import { type CtError, LIMITS } from "@cachetorrent/protocol";
import type { PieceSet } from "../piece-set.ts";
import type { Role } from "../roles/role.ts";
import type { Connection } from "../wire/connection.ts";
import { Choker, type ChokerKind } from "./choker.ts";
import type { BlockSource, UploadPump } from "./upload-pump.ts";

export interface UploadsParts {
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly choker: ChokerKind;
  readonly pump: UploadPump;
  readonly connections: ReadonlySet<Connection>;
  role(): Role;
  cached(piece: number): Uint8Array | undefined;
  load(piece: number): Promise<void>;
  sent(connection: Connection, bytes: number): void;
  failed(error: CtError): void;
}

/** Pieces on their way out: who gets a slot, and what is sent to whom. */
export class Uploads {
  readonly #parts: UploadsParts;
  readonly #choker: Choker<Connection>;
  readonly #source: BlockSource;
  #rechokedAt = Number.NEGATIVE_INFINITY;

  constructor(parts: UploadsParts) {
    this.#parts = parts;
    this.#choker = new Choker({
      kind: parts.choker,
      slots: () => parts.role().slots(),
      random: parts.random,
    });
    this.#source = {
      cached: (piece) => parts.cached(piece),
      load: (piece) => this.#load(piece),
      sent: (connection, bytes) => parts.sent(connection, bytes),
    };
  }

  mayServe(connection: Connection, piece: number): boolean {
    return this.#parts.have.has(piece) && this.#parts.role().reveals(connection, piece);
  }

  /** The connection waits for blocks, or has room for them again. */
  requested(connection: Connection): void {
    this.#parts.pump.ready(connection, this.#source);
  }

  left(connection: Connection): void {
    this.#parts.pump.remove(connection);
  }

  /** Somebody became interested, or left: free slots do not wait for the next round. */
  fillSlots(): void {
    const connections = [...this.#parts.connections];
    const unchoked = connections.filter((one) => !one.upload.isChoking && one.isInterested).length;
    const waiting = connections.filter((one) => one.upload.isChoking && this.#mayHaveSlot(one));
    for (const connection of this.#choker.fill(waiting, unchoked)) connection.upload.unchoke();
  }

  /** A round of the choker, if one is due. */
  sweep(now: number): void {
    if (now - this.#rechokedAt < LIMITS.peer.rechokeMs) return;
    this.#rechokedAt = now;
    const contenders = [...this.#parts.connections].filter((one) => this.#mayHaveSlot(one));
    const chosen = this.#choker.choose(contenders, this.#parts.have.isFull, now);
    for (const connection of this.#parts.connections) {
      if (!connection.isHandshaken || !connection.isOpen) continue;
      if (!chosen.has(connection)) connection.upload.choke();
      else if (connection.upload.isChoking) connection.upload.unchoke();
    }
  }

  #mayHaveSlot(connection: Connection): boolean {
    return connection.isHandshaken && connection.isOpen && this.#parts.role().mayUpload(connection);
  }

  async #load(piece: number): Promise<void> {
    try {
      await this.#parts.load(piece);
    } catch (error) {
      this.#parts.failed(error as CtError);
      throw error;
    }
  }
}
