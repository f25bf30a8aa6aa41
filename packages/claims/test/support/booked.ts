import { seededRandom } from "@cachetorrent/clock";
import type { ClaimMessage, Endpoint } from "@cachetorrent/protocol";
import { ClaimBook, type ClaimBookOptions } from "../../src/index.ts";
import { endpoint } from "./endpoints.ts";

export interface TestMember {
  readonly name: string;
  readonly endpoint: Endpoint | undefined;
  /** What it was told since it was looked at last. */
  told: ClaimMessage[];
}

export type Told<M extends ClaimMessage["m"]> = ClaimMessage & { readonly m: M };

/** A book in office, and its members; what it tells them is kept. Time is moved by hand. */
export class Booked {
  now = 10_000;
  term = 1;
  readonly book: ClaimBook<TestMember>;
  #q = 0;
  #names = 0;

  constructor(options: Partial<ClaimBookOptions<TestMember>> = {}) {
    this.book = new ClaimBook<TestMember>({
      pieceCount: 16,
      tell: (member, body) => member.told.push(body),
      endpointOf: (member) => member.endpoint,
      random: seededRandom(1),
      now: this.now,
      ...options,
    });
  }

  /** In office, with so many members that have claimed nothing yet, and have been told all there is. */
  static with(count: number, options: Partial<ClaimBookOptions<TestMember>> = {}): [Booked, ...TestMember[]] {
    const booked = new Booked(options);
    const members = Array.from({ length: count }, () => booked.join());
    booked.book.takeOver(booked.term, booked.now);
    booked.pass(1000);
    for (const member of members) member.told = [];
    return [booked, ...members];
  }

  join(claims = true, at: Endpoint | undefined = endpoint(this.#names + 1)): TestMember {
    const member = { name: `member ${++this.#names}`, endpoint: at, told: [] };
    this.book.joined(member, { claims }, this.now);
    return member;
  }

  /** Time passes, with a sweep every quarter of a second. */
  pass(ms: number, during: () => void = () => undefined): void {
    const until = this.now + ms;
    while (this.now < until) {
      this.now = Math.min(until, this.now + 250);
      during();
      this.book.sweep(this.now);
    }
  }

  send(member: TestMember, body: ClaimMessage, term = this.term): void {
    this.book.received(member, body, term, this.now);
  }

  /** The answer to a claim. */
  claim(
    member: TestMember,
    pieces: readonly number[],
    { n = pieces.length, from = endpoint(999), up = 1000 } = {},
  ): Told<"grant"> | Told<"deny"> | undefined {
    const q = ++this.#q;
    this.send(member, { m: "claim", q, pieces, n, from, up });
    const answers = member.told.filter((body) => body.m === "grant" || body.m === "deny");
    return answers.find((body) => body.q === q);
  }

  /** The pieces granted. */
  granted(member: TestMember, pieces: readonly number[], options = {}): readonly number[] {
    const answer = this.claim(member, pieces, options);
    return answer?.m === "grant" ? answer.pieces : [];
  }

  /** Why a claim is denied. */
  denial(member: TestMember, pieces: readonly number[], options = {}): string | undefined {
    const answer = this.claim(member, pieces, options);
    return answer?.m === "deny" ? answer.why : undefined;
  }

  hold(member: TestMember, ...pieces: number[]): void {
    this.book.held(member, pieces, this.now);
  }

  /** What a member was told of one kind since the last look. */
  heard<M extends ClaimMessage["m"]>(member: TestMember, m: M): Told<M>[] {
    const heard = member.told.filter((body): body is Told<M> => body.m === m);
    member.told = member.told.filter((body) => body.m !== m);
    return heard;
  }
}

/** The pieces of a map. */
export function piecesOf(bits: Uint8Array | undefined): number[] {
  const pieces: number[] = [];
  for (let piece = 0; piece < (bits?.length ?? 0) * 8; piece++) {
    if (((bits?.[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0) pieces.push(piece);
  }
  return pieces;
}
