import { type Asn, isInternal } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { WayOut } from "./follower.ts";
import type { Role } from "./role.ts";

export interface LeaderRoleParts {
  readonly slots: number;
  readonly asn: Asn;
  /** Is the piece in a range that it leads? Of the other ranges it is a follower. */
  leads(piece: number): boolean;
  readonly wayOut: WayOut;
}

/**
 * The cache at the margin of an AS: downloads from anybody, uploads to anybody, but never over a connection that it
 * opened for a follower: there it would give to another AS what it does not even tell that it holds.
 */
export class LeaderRole implements Role {
  readonly name = "leader";
  readonly #parts: LeaderRoleParts;

  constructor(parts: LeaderRoleParts) {
    this.#parts = parts;
  }

  mayUpload(connection: Connection): boolean {
    return !connection.isIndirect;
  }

  reveals(connection: Connection): boolean {
    return !connection.isIndirect;
  }

  mayRequest(connection: Connection, piece: number): boolean {
    const { asn, leads, wayOut } = this.#parts;
    return isInternal(connection.asn, asn) || leads(piece) || piece === wayOut.piece;
  }

  slots(): number {
    return this.#parts.slots;
  }

  keeps(): boolean {
    return this.#parts.wayOut.isOpen;
  }
}
