import { ManualClock } from "@cachetorrent/clock";
import { type ClaimMessage, type Endpoint, LIMITS, type PeerId, type Policy } from "@cachetorrent/protocol";
import { aTorrent, PIECE, serve } from "./following.ts";
import { COORDINATED, type Led, MeetingPoint } from "./meeting-point.ts";
import { RawLeader } from "./raw-leader.ts";
import { RawPeer } from "./raw-peer.ts";
import { endpoint } from "./samples.ts";
import { numberedPeerId, TestPeer, type TestPeerOptions } from "./test-peer.ts";
import { type GivenTorrent, noise, torrentOf } from "./torrents.ts";
import { advanceUntil } from "./until.ts";

export { PIECE };

/** What the peer of the story is in its AS. */
export type Office = "none" | "head" | "standby";

export interface ClaimingGiven extends Partial<TestPeerOptions> {
  readonly office?: Office;
  /** How many others are in office: 2 unless said for somebody who is not, else 1. */
  readonly others?: number;
  readonly policy?: Partial<Extract<Policy, { name: "coordinated" }>>;
  readonly pieces?: number;
  /** Instead of so many. */
  readonly torrent?: GivenTorrent;
  /** Of a piece; 1 unless said. */
  readonly blocks?: number;
}

export interface NeighbourGiven {
  readonly have?: "all" | "none" | readonly number[];
  readonly ctCache?: false;
  readonly fast?: false;
  readonly peerId?: PeerId;
  /** What it says of itself (BEP 10, `ct`). */
  readonly isInitialSeed?: true;
  /** It says nothing of itself: else it sends a keep-alive every second, as a member does that owes a word. */
  readonly isSilent?: true;
}

export interface ClaimGiven {
  readonly n?: number;
  readonly term?: number;
  readonly up?: number;
  readonly from?: Endpoint;
}

const FROM = endpoint("127.2.0.9:7009");

/**
 * A peer at 127.1.0.100 in AS 1 under `coordinated`, on a clock that the test moves. Whoever deals with it is raw: head and standby of
 * its AS, other members, and peers of AS 2.
 */
export class Claiming {
  readonly clock = new ManualClock(1_700_000_000_000);
  readonly torrent: GivenTorrent;
  readonly tracker: MeetingPoint;
  /** In the order of their offices. */
  readonly officers: RawLeader[] = [];
  /** Those of them that say nothing any more. */
  readonly silent = new Set<RawLeader>();
  /** Those of them that deny every claim that nobody has answered, for want of room. */
  readonly denying = new Set<RawLeader>();
  peer!: TestPeer;
  readonly #answered = new Map<RawPeer, number>();
  #q = 0;
  readonly #saidAt = new Map<RawLeader, number>();

  private constructor(torrent: GivenTorrent, tracker: MeetingPoint) {
    this.torrent = torrent;
    this.tracker = tracker;
  }

  static async begin(given: ClaimingGiven = {}): Promise<Claiming> {
    const { blocks = 1, office = "none", policy, pieces = 40, ...rest } = given;
    const { others = office === "none" ? 2 : 1, torrent: _, ...options } = rest;
    const content = [{ path: ["a"], content: noise(pieces * blocks * PIECE) }];
    const torrent =
      given.torrent ?? (blocks === 1 ? await aTorrent(pieces) : await torrentOf(content, blocks * PIECE));
    const story = new Claiming(torrent, await MeetingPoint.open());
    for (let n = 1; n <= others; n++) story.officers.push(await RawLeader.listen(torrent, n));
    const { clock, tracker } = story;
    tracker.tell({ policy: { ...COORDINATED, ...policy } as Policy });
    // Who is complete and leads nothing hears of a result when it announces.
    if (options.seeds) tracker.intervalS = 10;
    story.peer = await TestPeer.start(torrent, { at: "127.1.0.100", tracker, clock, ...options });
    const led: (RawLeader | "us")[] = [...story.officers];
    if (office !== "none") led.splice(office === "head" ? 0 : 1, 0, "us");
    await story.elect(led);
    await story.until("it has its role", () => story.role !== "pending");
    await story.until("it is connected with who is in office", () =>
      led.slice(0, 2).every((officer) => officer === "us" || officer.isConnected),
    );
    const { head } = story;
    if (office !== "head" && head) {
      await story.until("it looks on the head as such", () => story.toldTo(head, "open").length > 0);
    }
    return story;
  }

  get role(): string {
    return this.peer.torrent.status().role;
  }

  get head(): RawLeader {
    return this.officers[0] as RawLeader;
  }

  get standby(): RawLeader {
    return this.officers[1] as RawLeader;
  }

  /** Those in office are said to be these from now on, in this order; `us` among them. */
  async elect(leaders: readonly (RawLeader | "us")[], policy?: Partial<Policy>): Promise<number> {
    const us: Led = { peerId: this.peer.peerId, endpoint: this.peer.endpoint };
    const term = this.tracker.tell({
      leaders: leaders.map((one) => (one === "us" ? us : one)),
      ...(policy ? { policy: { ...COORDINATED, ...policy } as Policy } : {}),
    });
    await this.until("it knows the new term", () => this.peer.torrent.status().term === term);
    return term;
  }

  /** Those in office that are not silent say something each second. */
  async until(what: string, isSo: () => boolean, stepMs = 50): Promise<void> {
    await advanceUntil(
      this.clock,
      what,
      () => {
        this.#keepAlive();
        for (const officer of this.denying) this.#deny(officer);
        return isSo();
      },
      stepMs,
    );
  }

  /** Lets so much time go by, with everybody answering in it. */
  async pass(ms: number, stepMs = ms > 15_000 ? 200 : 50): Promise<void> {
    const end = this.clock.now() + ms;
    await this.until(`${ms} ms are over`, () => this.clock.now() >= end, stepMs);
  }

  /** The messages of one name that somebody in office got, over all its connections. */
  toldTo<M extends ClaimMessage["m"]>(officer: RawLeader, name: M): (ClaimMessage & { readonly m: M })[] {
    return officer.met.flatMap((one) => one.toldOf(name)) as unknown as (ClaimMessage & { readonly m: M })[];
  }

  /** The claims that the head got. */
  claims(officer = this.head): (ClaimMessage & { readonly m: "claim" })[] {
    return this.toldTo(officer, "claim");
  }

  /** Until it has claimed so many times; returns the last claim. */
  async claimed(times = 1, officer = this.head): Promise<ClaimMessage & { readonly m: "claim" }> {
    await this.until(`${times} claims came`, () => this.claims(officer).length >= times);
    return this.claims(officer).at(-1) as ClaimMessage & { readonly m: "claim" };
  }

  /** Grants these, or else the first `n` that are asked for, to the latest claim. */
  grant(pieces?: readonly number[], ttlMs = 10_000, officer = this.head): readonly number[] {
    const claim = this.claims(officer).at(-1);
    if (!claim) throw new Error("nothing was claimed");
    const granted = pieces ?? claim.pieces.slice(0, claim.n);
    for (const raw of officer.met) this.#answered.set(raw, raw.toldOf("claim").length);
    officer.tell({ m: "grant", q: claim.q, pieces: granted, ttlMs });
    return granted;
  }

  /** A peer of AS 2 that dialled it. */
  async outsider(n: number, given: NeighbourGiven = {}): Promise<RawPeer> {
    const raw = await this.#join(`127.2.0.${n}`, 600_000 + n, 7000 + n, given);
    if (!given.isSilent) this.speak(raw);
    return raw;
  }

  /** From now on it says every second that it is there. */
  speak(raw: RawPeer): void {
    const timer = this.clock.every(LIMITS.claims.outsideKeepAliveMs, () => {
      if (raw.isClosed) timer.cancel();
      else raw.wire.keepAlive();
    });
  }

  /** A member of its own AS that dialled it, neither head nor standby. */
  insider(n: number, given: NeighbourGiven = {}): Promise<RawPeer> {
    return this.#join(`127.1.1.${n}`, 500_000 + n, 7000 + n, given);
  }

  /** The raw peer asks the peer of the story, as its head, for up to `n` of these from 127.2.0.9. */
  claim(
    raw: RawPeer,
    pieces: readonly number[],
    { n = pieces.length, term = this.term, up = 1000, from = FROM }: ClaimGiven = {},
  ): number {
    this.#q++;
    raw.tell({ m: "claim", q: this.#q, pieces, n, from, up }, term);
    return this.#q;
  }

  /** The answer to that claim, once it has come. */
  async answer(raw: RawPeer, q: number): Promise<ClaimMessage & { readonly m: "grant" | "deny" }> {
    const find = () => [...raw.toldOf("grant"), ...raw.toldOf("deny")].find((one) => one.q === q);
    await this.until("the claim is answered", () => find() !== undefined);
    return find() as ClaimMessage & { readonly m: "grant" | "deny" };
  }

  /** Claims these, and returns what is granted: nothing if it is denied. */
  async grantedTo(
    raw: RawPeer,
    pieces: readonly number[],
    given: ClaimGiven = {},
  ): Promise<readonly number[]> {
    const answer = await this.answer(raw, this.claim(raw, pieces, given));
    return answer.m === "grant" ? answer.pieces : [];
  }

  get term(): number {
    return this.peer.torrent.status().term ?? 0;
  }

  /** From now on the raw peer answers requests, those that came too, with the right bytes. */
  serve(raw: RawPeer): void {
    serve(this.torrent, raw);
  }

  /** One block, as an answer. */
  send(raw: RawPeer, piece: number, block = 0): void {
    const start = piece * this.torrent.metainfo.pieceLength + block * PIECE;
    raw.wire.piece(piece, block * PIECE, this.torrent.content.subarray(start, start + PIECE));
  }

  async #join(at: string, n: number, port: number, given: NeighbourGiven): Promise<RawPeer> {
    const { infoHash, pieceCount } = this.torrent.metainfo;
    const { ctCache = true, fast = true, have = "none", peerId = numberedPeerId(n) } = given;
    const raw = await RawPeer.join(this.peer.endpoint, {
      at,
      infoHash,
      peerId,
      port,
      fast,
      clock: this.clock,
      ...(ctCache ? { ctCache: { pieceCount } } : {}),
      ...(given.isInitialSeed ? { ct: { seed: 1 } } : {}),
    });
    if (have === "all") raw.wire.haveAll();
    else if (have !== "none") for (const piece of have) raw.wire.have(piece);
    return raw;
  }

  #deny(officer: RawLeader): void {
    for (const raw of officer.met) {
      const claims = raw.toldOf("claim");
      for (const { q } of claims.slice(this.#answered.get(raw) ?? 0))
        raw.tell({ m: "deny", q, why: "window" });
      this.#answered.set(raw, claims.length);
    }
  }

  #keepAlive(): void {
    for (const officer of this.officers) {
      if (this.silent.has(officer) || !officer.isConnected) continue;
      const last = this.#saidAt.get(officer) ?? 0;
      if (this.clock.now() - last < 500) continue;
      this.#saidAt.set(officer, this.clock.now());
      officer.raw.wire.keepAlive();
    }
  }
}

/** The pieces that were asked for in blocks, in their order, each as often as it was. */
export function requests(raw: RawPeer): number[] {
  return raw.messages.filter(([name]) => name === "request").map(([, piece = -1]) => piece);
}

export const haves = (raw: RawPeer): number[] =>
  raw.messages.filter(([name]) => name === "have").map(([, piece = -1]) => piece);
