import { type Clock, Seldom } from "@cachetorrent/clock";
import { type Endpoint, formatEndpoint, type InfoHash, LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { type EncryptionMode, offeredBy } from "../encryption/encryption-mode.ts";
import type { Transport } from "../wire/transport.ts";
import type { Dialer } from "./dialer.ts";

export interface ApproachParts {
  readonly clock: Clock;
  readonly dialer: Dialer;
  readonly encryption: EncryptionMode;
  readonly infoHash: InfoHash;
  readonly log: Logger;
}

type Way = "plain" | "encrypted";

interface Experience {
  readonly way: Way;
  /** How often it hung up before it said who it is. */
  readonly rebuffs: number;
}

const TAKES_NO_ENCRYPTION = "does not take encryption, and --encryption is require";

/** How a torrent's peers are dialled: encrypted or not, and the other way where that failed. */
export class Approach {
  readonly #parts: ApproachParts;
  /** Of those that did not go the first way; forgotten when there are too many. */
  readonly #known = new Map<string, Experience>();
  readonly #passedOver: Seldom<string>;

  constructor(parts: ApproachParts) {
    this.#parts = parts;
    // Whoever requires encryption has to see that it keeps him from somebody, and not a line for each attempt.
    this.#passedOver = new Seldom(parts.clock, (why, { count, last }) =>
      parts.log.info({ endpoint: last, event: "passed over", count }, why),
    );
  }

  /** As `Dialer.dial`. */
  async dial(endpoint: Endpoint): Promise<Transport | undefined> {
    const { dialer, encryption, infoHash } = this.#parts;
    if (this.#wayTo(endpoint) === "plain") return dialer.dial(endpoint);
    const secrecy = { infoHash, offered: offeredBy(encryption) };
    const transport = await dialer
      .dialEncrypted(endpoint, secrecy)
      .catch((error: unknown) => this.#failed(endpoint, error));
    if (transport !== "refused") return transport;
    if (encryption === "require") {
      this.#passedOver.add(TAKES_NO_ENCRYPTION, formatEndpoint(endpoint));
      return undefined;
    }
    this.#learn(endpoint, { way: "plain", rebuffs: this.#rebuffsOf(endpoint) });
    return dialer.dial(endpoint);
  }

  /**
   * It hung up before it said who it is. Maybe it is full, and maybe it will have nothing but encryption: the next dial finds
   * out. Not at once: whoever is full would be dialled twice as often. And seldom: mostly it is full, keys cost both sides more than
   * all else of a dial, and it may be dialled by everybody.
   */
  rebuffed(endpoint: Endpoint): void {
    const rebuffs = this.#rebuffsOf(endpoint) + 1;
    const isTried = this.#parts.encryption === "prefer" || isPowerOfFour(rebuffs);
    this.#learn(endpoint, { way: isTried ? "encrypted" : "plain", rebuffs });
  }

  /** Tells of what was only counted so far. */
  stop(): void {
    this.#passedOver.stop();
  }

  /** It costs this connection, and not the process. */
  #failed(to: Endpoint, err: unknown): undefined {
    const event = "internal error";
    this.#parts.log.error({ err, endpoint: formatEndpoint(to), event }, "internal error: please report it");
  }

  #wayTo(endpoint: Endpoint): Way {
    const { encryption } = this.#parts;
    if (encryption === "off") return "plain";
    if (encryption === "require") return "encrypted";
    return (
      this.#known.get(formatEndpoint(endpoint))?.way ?? (encryption === "prefer" ? "encrypted" : "plain")
    );
  }

  #rebuffsOf(endpoint: Endpoint): number {
    return this.#known.get(formatEndpoint(endpoint))?.rebuffs ?? 0;
  }

  #learn(endpoint: Endpoint, experience: Experience): void {
    if (this.#known.size >= LIMITS.peer.knownPeersPerTorrent) this.#known.clear();
    this.#known.set(formatEndpoint(endpoint), experience);
  }
}

function isPowerOfFour(number: number): boolean {
  return Math.log2(number) % 2 === 0;
}
