import { LIMITS } from "@cachetorrent/protocol";
import { grantedAhead, requestedAhead } from "./ahead.ts";
import type { ClaimClientOptions } from "./claim-client-options.ts";
import type { NeighbourClaims, Outstanding } from "./neighbour-claims.ts";

/** A claim unanswered for so long: the head has stalled. */
const ANSWER_MS = 10_000;
/** A neighbour that had nothing to claim is looked at again, whatever happens. */
const IDLE_MS = 5000;
/** Claims without an answer that are remembered. */
const VOIDED_MOST = 64;

/** When is claimed, how much, and which claims wait for an answer: one for each neighbour. */
export class Asking<Neighbour extends object> {
  readonly #options: ClaimClientOptions<Neighbour>;
  readonly #sides: ReadonlyMap<Neighbour, NeighbourClaims<Neighbour>>;
  /** What may be claimed from a neighbour. */
  readonly #isOpen: (neighbour: Neighbour) => (piece: number) => boolean;
  /** Claims that we do not wait for any more, the latest. */
  #voided: Outstanding[] = [];
  #q = 0;

  constructor(
    options: ClaimClientOptions<Neighbour>,
    sides: ReadonlyMap<Neighbour, NeighbourClaims<Neighbour>>,
    isOpen: (neighbour: Neighbour) => (piece: number) => boolean,
  ) {
    this.#options = options;
    this.#sides = sides;
    this.#isOpen = isOpen;
  }

  /** A number for a question to the head. */
  nextQ(): number {
    this.#q = (this.#q + 1) % 0x7fffffff;
    return this.#q;
  }

  /** Claims, if it is time to and there is something to claim. */
  claim(side: NeighbourClaims<Neighbour>, now: number): void {
    if (!side.isUnchoked) return;
    this.measure(side, now);
    if (side.outstanding || now < side.retryAt || now < side.idleUntil) return;
    const port = this.#options.port();
    const n = side.requested + side.granted - side.grants.size;
    if (!port || n <= 0) return;
    const pieces = this.#options
      .candidates(side.neighbour, LIMITS.claims.candidates, this.#isOpen(side.neighbour))
      .slice(0, LIMITS.claims.candidates);
    if (pieces.length === 0) {
      side.idleUntil = now + IDLE_MS;
      return;
    }
    const q = this.nextQ();
    const from = this.#options.endpointOf(side.neighbour);
    side.outstanding = { q, at: now, pieces, from };
    side.waitsForRoom = false;
    port.send({ m: "claim", q, pieces, n, from, up: this.#options.up });
  }

  /** What is asked ahead of it, at its rate now. */
  measure(side: NeighbourClaims<Neighbour>, now: number): void {
    const pace = {
      rate: this.#options.rate(side.neighbour, now),
      pieceLength: this.#options.pieceLength,
      neighbourRttMs: this.#options.neighbourRttMs(side.neighbour),
      headRttMs: this.#options.headRttMs(),
      isStarting: side.isStarting,
    };
    if (pace.rate > 0) side.isStarting = false;
    side.requested = requestedAhead(pace);
    side.granted = grantedAhead(pace);
  }

  /** The claim that this answers, which is outstanding no more; and its neighbour, unless it is void. */
  answered(
    q: number,
  ): { readonly claim: Outstanding; readonly side?: NeighbourClaims<Neighbour> } | undefined {
    for (const side of this.#sides.values()) {
      const claim = side.outstanding;
      if (claim?.q !== q) continue;
      side.outstanding = undefined;
      return { claim, side };
    }
    const claim = this.#voided.find((voided) => voided.q === q);
    this.#voided = this.#voided.filter((voided) => voided !== claim);
    return claim && { claim };
  }

  /** Its answer may come yet, and what it grants is to be given back then. */
  void(side: NeighbourClaims<Neighbour>): void {
    const claim = side.outstanding;
    side.outstanding = undefined;
    if (!claim) return;
    this.#voided.push(claim);
    if (this.#voided.length > VOIDED_MOST) this.#voided.shift();
  }

  /** Has the head not answered in time? */
  isOverdue({ outstanding }: NeighbourClaims<Neighbour>, now: number): boolean {
    return outstanding !== undefined && now - outstanding.at >= ANSWER_MS;
  }
}
