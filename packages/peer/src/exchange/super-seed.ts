import { type Random, sample } from "@cachetorrent/clock";
import { LIMITS } from "@cachetorrent/protocol";

const { revealLeast, revealMost } = LIMITS.claims;

/** A piece that somebody asked for is given so long to come out there before it is revealed to others, too. */
const COMING_OUT_MS = 10_000;

export interface SuperSeedParts<P> {
  readonly pieceCount: number;
  readonly random: Random;
  /** Did the peer announce the piece? */
  holds(peer: P, piece: number): boolean;
  /** May the peer be told of the piece at all? */
  mayReveal(peer: P, piece: number): boolean;
}

/** Who looks through all pieces and finds none rests a millisecond for each so many: large torrents would be searched for ever. */
const LOOKED_AT_A_MS = 10;

/** What one peer was told. */
interface Shown {
  isUnchoked: boolean;
  /** All pieces revealed to it that are not out: it may ask for them whenever it is unchoked, even for those in the pool again. */
  readonly known: Set<number>;
  /** Of these the ones that are its own to fetch now: those in the pool are nobody's. */
  readonly open: Set<number>;
  /** Of these the ones that it asked for. */
  readonly begun: Set<number>;
  /** Pieces that came out to it and nowhere else, from when it fell silent on. */
  readonly cutOff: Set<number>;
  isSilent: boolean;
  /** Nothing was found for it, and is not looked for before. */
  restsUntil: number;
}

/**
 * The way of an initial seed (BEP 16): it tells nobody that it is one, and reveals its pieces one by one, to each peer others,
 * so that it gives every piece once before it gives any twice. A piece is *out* when it was uploaded whole, or when a peer
 * announces it; if the only peer that is known to have it leaves, it is not out any more. When all are out it is an ordinary seed.
 *
 * A choked peer has one piece open, without which it would not be interested; an unchoked one as many as it has asked
 * for and one more, within 4..16. What is open at a peer that is choked, silent or lost goes back to the pool.
 */
export class SuperSeed<P> {
  readonly #parts: SuperSeedParts<P>;
  readonly #peers = new Map<P, Shown>();
  /** The pieces that are not out, in random order, and where each stands in it. */
  readonly #remaining: number[];
  readonly #at: Int32Array;
  /** At how many unchoked peers each piece is open, and how many were told of it. */
  readonly #offers: Uint16Array;
  readonly #knownBy: Uint16Array;
  /** When each piece was last asked for. */
  readonly #askedAt = new Map<number, number>();
  /** Pieces that are out at one peer only, as far as is known. */
  readonly #onlyAt = new Map<number, P>();
  #isOver = false;

  constructor(parts: SuperSeedParts<P>) {
    const { pieceCount, random } = parts;
    this.#parts = parts;
    const all = Array.from({ length: pieceCount }, (_, piece) => piece);
    this.#remaining = sample(all, pieceCount, random);
    this.#at = new Int32Array(pieceCount);
    this.#remaining.forEach((piece, at) => {
      this.#at[piece] = at;
    });
    this.#offers = new Uint16Array(pieceCount);
    this.#knownBy = new Uint16Array(pieceCount);
  }

  /** Every piece has come out once: from now on it is a seed like any other. */
  get isOver(): boolean {
    return this.#isOver;
  }

  isOut(piece: number): boolean {
    return this.#at[piece] === -1;
  }

  /** The pieces that are the peer's to fetch now. */
  openAt(peer: P): ReadonlySet<number> {
    return this.#peers.get(peer)?.open ?? new Set();
  }

  /** How many pieces the peer is to have open: what it has asked for and one more, within 4..16. */
  windowOf(peer: P): number {
    const shown = this.#peers.get(peer);
    if (!shown) return 0;
    if (!shown.isUnchoked) return 1;
    return Math.min(revealMost, Math.max(revealLeast, shown.begun.size + 1));
  }

  /** A peer that was told of nothing yet. */
  joined(peer: P): void {
    if (this.#peers.has(peer)) return;
    const shown = {
      isUnchoked: false,
      known: new Set<number>(),
      open: new Set<number>(),
      begun: new Set<number>(),
      cutOff: new Set<number>(),
      isSilent: false,
    };
    this.#peers.set(peer, { ...shown, restsUntil: Number.NEGATIVE_INFINITY });
  }

  left(peer: P): void {
    const shown = this.#peers.get(peer);
    if (!shown) return;
    this.#takeBack(shown);
    for (const piece of shown.known) count(this.#knownBy, piece, -1);
    this.#peers.delete(peer);
    for (const [piece, only] of this.#onlyAt) if (only === peer) this.#lost(piece);
  }

  /** It may be cut off: what is open at it is for others, and what nobody else is known to have is not out any more. */
  fellSilent(peer: P): void {
    const shown = this.#peers.get(peer);
    if (!shown || shown.isSilent) return;
    shown.isSilent = true;
    this.#takeBack(shown);
    const audible = [...this.#peers].flatMap(([other, { isSilent }]) => (isSilent ? [] : [other]));
    for (let piece = 0; piece < this.#at.length; piece++) {
      const only = this.#onlyAt.get(piece);
      if (!this.isOut(piece) || (only !== peer && !this.#parts.holds(peer, piece))) continue;
      if (only !== undefined && only !== peer && this.#peers.get(only)?.isSilent === false) continue;
      if (audible.some((other) => this.#parts.holds(other, piece))) continue;
      shown.cutOff.add(piece);
      this.#lost(piece);
    }
  }

  /** What it has is out again. */
  spokeAgain(peer: P): void {
    const shown = this.#peers.get(peer);
    if (!shown?.isSilent) return;
    shown.isSilent = false;
    for (const piece of [...this.#remaining])
      if (shown.cutOff.has(piece) || this.#parts.holds(peer, piece)) this.#cameOut(peer, piece);
    shown.cutOff.clear();
  }

  unchoked(peer: P): void {
    const shown = this.#peers.get(peer);
    if (!shown || shown.isUnchoked) return;
    for (const piece of shown.open) count(this.#offers, piece, 1);
    shown.isUnchoked = true;
  }

  choked(peer: P): void {
    const shown = this.#peers.get(peer);
    if (!shown?.isUnchoked) return;
    this.#takeBack(shown);
    shown.isUnchoked = false;
  }

  /** The peer asks for a block of the piece. */
  asked(peer: P, piece: number, now: number): void {
    const shown = this.#peers.get(peer);
    if (!shown || this.isOut(piece)) return;
    this.#askedAt.set(piece, now);
    if (shown.open.has(piece)) shown.begun.add(piece);
  }

  /** The peer tells that it has the piece. */
  announced(peer: P, piece: number): void {
    const only = this.#onlyAt.get(piece);
    if (only !== undefined && only !== peer) this.#onlyAt.delete(piece);
    if (!this.isOut(piece)) this.#cameOut(peer, piece);
  }

  /** All of the piece was sent to the peer. */
  uploaded(peer: P, piece: number): void {
    if (!this.isOut(piece)) this.#cameOut(peer, piece);
  }

  /** Pieces that the peer is to be told of now. */
  reveal(peer: P, now: number): number[] {
    const shown = this.#peers.get(peer);
    if (!shown || this.#isOver || shown.isSilent || now < shown.restsUntil) return [];
    const news: number[] = [];
    while (shown.open.size < this.windowOf(peer)) {
      const piece = this.#next(peer, shown, now);
      if (piece === undefined) {
        shown.restsUntil = now + Math.floor(this.#remaining.length / LOOKED_AT_A_MS);
        break;
      }
      this.#open(shown, piece);
      if (shown.known.has(piece)) continue;
      shown.known.add(piece);
      count(this.#knownBy, piece, 1);
      news.push(piece);
    }
    return news;
  }

  #next(peer: P, shown: Shown, now: number): number | undefined {
    let best: number | undefined;
    let bestRank = Number.POSITIVE_INFINITY;
    const consider = (piece: number, isKnown: boolean): void => {
      const rank = this.#rank(piece, isKnown);
      if (rank < bestRank && this.#isFor(peer, shown, piece) && this.#isFree(shown, piece, now)) {
        best = piece;
        bestRank = rank;
      }
    };
    for (const piece of shown.known) consider(piece, true);
    for (const piece of this.#remaining) {
      if (bestRank <= UNREVEALED) break;
      consider(piece, false);
    }
    return best;
  }

  /** The order in which pieces are given away: the lowest first. */
  #rank(piece: number, isKnown: boolean): number {
    const offers = this.#offers[piece] ?? 0;
    const knownBy = this.#knownBy[piece] ?? 0;
    return (
      // Open at the fewest who could be fetching it.
      offers * 1e6 +
      // Known to the fewest others: they will ask for it when they have a slot.
      (isKnown ? knownBy - 1 : knownBy) * 10 +
      // What the peer itself knows already, it would ask for anyway, and no message is needed.
      (isKnown ? KNOWN : UNREVEALED)
    );
  }

  #isFor(peer: P, shown: Shown, piece: number): boolean {
    const { holds, mayReveal } = this.#parts;
    return !shown.open.has(piece) && !holds(peer, piece) && mayReveal(peer, piece);
  }

  /**
   * Of what is open at another peer that can fetch it, nobody gets more than one at a time, and nothing that was asked for
   * just now: it would come out twice, while the swarm waits for the rest to come out once.
   */
  #isFree(shown: Shown, piece: number, now: number): boolean {
    if ((this.#offers[piece] ?? 0) === 0) return true;
    const askedAt = this.#askedAt.get(piece) ?? Number.NEGATIVE_INFINITY;
    return shown.open.size === 0 && now - askedAt >= COMING_OUT_MS;
  }

  #open(shown: Shown, piece: number): void {
    if (shown.isUnchoked) count(this.#offers, piece, 1);
    shown.open.add(piece);
  }

  #close(shown: Shown, piece: number): void {
    if (!shown.open.delete(piece)) return;
    if (shown.isUnchoked) count(this.#offers, piece, -1);
    shown.begun.delete(piece);
  }

  /** What it did not fetch is for others. */
  #takeBack(shown: Shown): void {
    for (const piece of [...shown.open]) {
      // Nothing of it comes any more, unless somebody else asked, too.
      if (shown.begun.has(piece)) this.#askedAt.delete(piece);
      this.#close(shown, piece);
    }
  }

  #cameOut(peer: P, piece: number): void {
    const at = this.#at[piece] as number;
    const last = this.#remaining.pop() as number;
    if (last !== piece) {
      this.#remaining[at] = last;
      this.#at[last] = at;
    }
    this.#at[piece] = -1;
    this.#askedAt.delete(piece);
    this.#onlyAt.set(piece, peer);
    for (const shown of this.#peers.values()) {
      this.#close(shown, piece);
      shown.known.delete(piece);
    }
    this.#knownBy[piece] = 0;
    if (this.#remaining.length === 0) this.#isOver = true;
  }

  /** The only peer that had it is gone. */
  #lost(piece: number): void {
    this.#onlyAt.delete(piece);
    if (this.#isOver) return;
    this.#at[piece] = this.#remaining.push(piece) - 1;
  }
}

const KNOWN = 0;
const UNREVEALED = 1;

function count(counts: Uint16Array, piece: number, by: number): void {
  counts[piece] = (counts[piece] ?? 0) + by;
}
