import type { Role } from "./role.ts";

/** Plain BitTorrent: the peer's AS is unknown, or the policy has no leaders. Everything is allowed. */
export class IndependentRole implements Role {
  readonly name = "independent";
  readonly #slots: number;

  constructor(slots: number) {
    this.#slots = slots;
  }

  mayUpload(): boolean {
    return true;
  }

  reveals(): boolean {
    return true;
  }

  mayRequest(): boolean {
    return true;
  }

  slots(): number {
    return this.#slots;
  }

  keeps(): boolean {
    return false;
  }
}
