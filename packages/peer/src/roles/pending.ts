import { type Asn, isInternal } from "@cachetorrent/protocol";
import type { Connection } from "../wire/connection.ts";
import type { Role } from "./role.ts";

/** Before its first leaders: a peer connects, uploads, and downloads inside its AS. It may be a follower in a moment. */
export class PendingRole implements Role {
  readonly name = "pending";
  readonly #slots: number;
  readonly #asn: () => Asn;

  constructor(slots: number, asn: () => Asn) {
    this.#slots = slots;
    this.#asn = asn;
  }

  mayUpload(): boolean {
    return true;
  }

  reveals(): boolean {
    return true;
  }

  mayRequest(connection: Connection): boolean {
    return isInternal(connection.asn, this.#asn());
  }

  slots(): number {
    return this.#slots;
  }

  /** In a few seconds it may be asked for pieces. */
  keeps(): boolean {
    return true;
  }
}
