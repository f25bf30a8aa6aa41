import type { Clock } from "@cachetorrent/clock";
import { type Endpoint, LIMITS } from "@cachetorrent/protocol";
import { extensionNamed, theirIdOf } from "./extension.ts";
import type { Link } from "./link.ts";
import { decodePex, encodePex, type PexMessage, UT_PEX } from "./pex-message.ts";

export interface PexChannelParts {
  readonly link: Link;
  readonly clock: Clock;
  /** The other side told of these. */
  heard(endpoints: readonly Endpoint[]): void;
  /** The other side broke the protocol. */
  failed(why: string): void;
}

const { pexEntries, pexEntriesFirst, pexLeastMs } = LIMITS.discovery;

const PexExtension = extensionNamed(UT_PEX);

/**
 * The `ut_pex` extension (BEP 11) on one link. What comes too soon after the last is not even read: npm's ut_pex hangs up
 * on who sends every minute and is early by a moment, and keeps all endpoints of a connection for ever.
 */
export class PexChannel {
  readonly #parts: PexChannelParts;
  #heardAt = Number.NEGATIVE_INFINITY;

  constructor(parts: PexChannelParts) {
    this.#parts = parts;
    const { wire } = parts.link;
    wire.use(PexExtension);
    wire.on("extended", (name, body) => {
      if (name === UT_PEX) this.#onMessage(body as Uint8Array);
    });
  }

  /** Does the other side speak the extension? */
  get isSpoken(): boolean {
    return theirIdOf(this.#parts.link.wire, UT_PEX) !== undefined;
  }

  send(message: PexMessage): void {
    const { link } = this.#parts;
    if (link.isOpen && this.isSpoken) link.sendExtended(UT_PEX, encodePex(message));
  }

  #onMessage(body: Uint8Array): void {
    const now = this.#parts.clock.now();
    if (now - this.#heardAt < pexLeastMs) return;
    const most = this.#heardAt === Number.NEGATIVE_INFINITY ? pexEntriesFirst : pexEntries;
    this.#heardAt = now;
    const message = decodePex(body);
    if (message.ok) this.#parts.heard(message.value.added.slice(0, most));
    else this.#parts.failed(message.error.message);
  }
}
