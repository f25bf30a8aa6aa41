import type { Connection } from "../wire/connection.ts";
import type { WayOut } from "./follower.ts";
import type { Grants, Role, RoleName } from "./role.ts";

export interface CoordinatedRoleParts {
  /** `member` where all fetch, `leader` where only the leaders do. */
  readonly name: Extract<RoleName, "member" | "leader">;
  readonly slots: number;
  readonly grants: Grants;
  readonly wayOut: WayOut;
}

/**
 * A member that fetches under `coordinated`: inside its AS as in plain BitTorrent, outside only pieces that the head has
 * granted, so that each enters the AS once.
 */
export class CoordinatedRole implements Role {
  readonly name: "member" | "leader";
  readonly grants: Grants;
  readonly #slots: number;
  readonly #wayOut: WayOut;

  constructor({ grants, name, slots, wayOut }: CoordinatedRoleParts) {
    this.name = name;
    this.#slots = slots;
    this.#wayOut = wayOut;
    this.grants = {
      applyTo: (connection) => grants.applyTo(connection),
      granted: (connection) => this.#withEscape(grants.granted(connection)),
      isWorthwhile: (connection) => grants.isWorthwhile(connection) || this.#escapesBy(connection),
      isBookkeeper: (connection) => grants.isBookkeeper(connection),
    };
  }

  mayUpload(connection: Connection): boolean {
    return !connection.isIndirect;
  }

  reveals(connection: Connection): boolean {
    return !connection.isIndirect;
  }

  mayRequest(connection: Connection, piece: number): boolean {
    return !this.grants.applyTo(connection) || this.grants.granted(connection).includes(piece);
  }

  slots(): number {
    return this.#slots;
  }

  /** What is taken today may be free tomorrow, and then there must be somebody to ask. */
  keeps(connection: Connection): boolean {
    return this.grants.applyTo(connection);
  }

  #withEscape(granted: readonly number[]): readonly number[] {
    const { piece } = this.#wayOut;
    return piece === undefined || granted.includes(piece) ? granted : [...granted, piece];
  }

  #escapesBy(connection: Connection): boolean {
    const { piece } = this.#wayOut;
    return piece !== undefined && connection.theirs.has(piece);
  }
}
