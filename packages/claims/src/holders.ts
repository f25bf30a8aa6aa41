import { type Random, sample } from "@cachetorrent/clock";
import { type ClaimMessage, type Endpoint, LIMITS, sameEndpoint } from "@cachetorrent/protocol";
import type { BookMember } from "./book-member.ts";
import { Doubts } from "./doubts.ts";
import type { PieceLedger } from "./piece-ledger.ts";

/** A member of whom others have got something so recently gives. */
const GIVING_MS = 60_000;

export interface HoldersParts<Member> {
  readonly random: Random;
  readonly ledger: PieceLedger<BookMember<Member>>;
  members(): Iterable<BookMember<Member>>;
  /** Has it declared so little upload capacity that what it alone holds is long in coming to the others? */
  isSlow(member: BookMember<Member>): boolean;
  endpointOf(member: Member): Endpoint | undefined;
  /** It can be had inside by now. */
  gained(piece: number): void;
}

/** Which members hold a piece, and what comes of it when none of them serves it. */
export class Holders<Member> {
  readonly #parts: HoldersParts<Member>;
  readonly #doubts = new Doubts<BookMember<Member>>();

  constructor(parts: HoldersParts<Member>) {
    this.#parts = parts;
  }

  /** How many pieces are in doubt. */
  get doubtCount(): number {
    return this.#doubts.size;
  }

  of(piece: number): BookMember<Member>[] {
    return [...this.#parts.members()].filter((member) => member.holds(piece));
  }

  /**
   * The answer to `where`. A member that names all holders as not serving doubts them; but while one of them gives, only one that misses
   * hardly anything else: to the others the piece comes in time, and a second copy from outside would hardly be the sooner.
   */
  answer(asker: BookMember<Member>, body: ClaimMessage & { m: "where" }, now: number): ClaimMessage {
    const { q, piece } = body;
    const not = body.not.slice(0, LIMITS.claims.endpointsExcepted);
    const holders = this.of(piece).filter((holder) => holder !== asker);
    const others = holders
      .map(({ key }) => this.#parts.endpointOf(key))
      .filter((endpoint) => endpoint !== undefined)
      .filter((endpoint) => !not.some((excepted) => sameEndpoint(excepted, endpoint)));
    const isUnserved = holders.length > 0 && others.length === 0 && !asker.said.has(piece) && !asker.isLiar;
    if (isUnserved && (asker.isNearlyDone || !holders.some((holder) => this.#gives(holder, now)))) {
      this.#doubts.add(piece, asker, now);
    }
    return {
      m: "holders",
      q,
      piece,
      endpoints: sample(others, LIMITS.claims.holdersMost, this.#parts.random),
    };
  }

  /** The member has got the piece from somebody inside: from its only holder, if there is but one. */
  spread(piece: number, to: BookMember<Member>, now: number): void {
    const [holder, another] = this.of(piece).filter((member) => member !== to);
    if (holder && !another) holder.gaveAt = now;
  }

  /** Somebody got it, so that there is no doubt that it can be had. */
  settle(piece: number): void {
    this.#doubts.settle(piece);
  }

  left(member: BookMember<Member>): void {
    this.#doubts.left(member);
    for (const piece of member.said) if (member.holds(piece)) this.#parts.ledger.lost(piece);
  }

  /** Holdings doubted for long enough are believed no more; those who turn out liars by it are returned. */
  dropDoubted(now: number): BookMember<Member>[] {
    const liars: BookMember<Member>[] = [];
    for (const piece of this.#doubts.ripe((doubted) => this.#doubtersNeeded(doubted), now)) {
      this.#doubts.settle(piece);
      for (const holder of this.of(piece)) {
        this.#drop(holder, piece, now);
        if (holder.isLiar) liars.push(holder);
      }
    }
    return liars;
  }

  /** In a new term everybody is believed anew. */
  forgive(): void {
    for (const member of this.#parts.members()) {
      member.isTermIgnored = false;
      if (member.standing.dropped.size === 0) continue;
      const dropped = [...member.said].filter((piece) => !member.holds(piece));
      member.forgive();
      for (const piece of dropped) {
        this.#parts.ledger.gained(piece);
        this.#parts.gained(piece);
      }
    }
  }

  /**
   * Of a liar, nothing is believed. One that is slow, or has its hands full, is none: a second copy of what it could not give in time costs one
   * crossing, but that of all it holds a hundred.
   */
  #drop(holder: BookMember<Member>, piece: number, now: number): void {
    const held = [...holder.said].filter((other) => holder.holds(other));
    holder.drop(piece, now - holder.gaveAt < GIVING_MS);
    for (const other of held) if (!holder.holds(other)) this.#parts.ledger.lost(other);
  }

  /** Is it only a question of time until the others have what it holds? */
  #gives(holder: BookMember<Member>, now: number): boolean {
    return now - holder.gaveAt < GIVING_MS && !this.#parts.isSlow(holder);
  }

  /** Two; one where nobody else is there who could miss it. */
  #doubtersNeeded(piece: number): number {
    let others = 0;
    for (const member of this.#parts.members()) if (!member.isStock && !member.holds(piece)) others++;
    return others >= 2 ? 2 : 1;
  }
}
