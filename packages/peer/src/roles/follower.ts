import { type Asn, isInternal } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { Role } from "./role.ts";

/** What a member without a leader that answers does on its own: see `Escape`. */
export interface WayOut {
  /** No leader answers: outside connections are wanted. */
  readonly isOpen: boolean;
  /** The one piece that it may fetch outside. */
  readonly piece: number | undefined;
}

/** Uploads to anybody, and downloads inside its AS only: what is outside comes through its leaders. */
export class FollowerRole implements Role {
  readonly name = "follower";
  readonly #slots: number;
  readonly #asn: Asn;
  readonly #wayOut: WayOut;

  constructor(slots: number, asn: Asn, wayOut: WayOut) {
    this.#slots = slots;
    this.#asn = asn;
    this.#wayOut = wayOut;
  }

  mayUpload(): boolean {
    return true;
  }

  reveals(): boolean {
    return true;
  }

  mayRequest(connection: Connection, piece: number): boolean {
    return isInternal(connection.asn, this.#asn) || piece === this.#wayOut.piece;
  }

  slots(): number {
    return this.#slots;
  }

  keeps(): boolean {
    return this.#wayOut.isOpen;
  }
}
