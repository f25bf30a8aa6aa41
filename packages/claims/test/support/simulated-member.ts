import { randomBelow } from "@cachetorrent/clock";
import { type ClaimMessage, type Endpoint, PieceSet } from "@cachetorrent/protocol";
import { ClaimBook, ClaimClient, type HeadPort, LocalHeadPort } from "../../src/index.ts";
import { PIECE_LENGTH } from "./as-conditions.ts";
import { endpoint } from "./endpoints.ts";
import type { OutsidePeer } from "./outside-peer.ts";
import type { SimulatedAs } from "./simulated-as.ts";

/** An internal neighbour that has not served in this time is held for one that does not. */
const UNSERVED_MS = 10_000;
const INSIDE_RATE = 40_000;

interface InsideLink {
  readonly member: SimulatedMember;
  /** What it announced. */
  readonly said: PieceSet;
}

/** A member: a client, a book that follows along, a store, and links. */
export class SimulatedMember {
  readonly endpoint: Endpoint;
  readonly isLiar: boolean;
  readonly has: PieceSet;
  readonly book: ClaimBook<SimulatedMember>;
  readonly client: ClaimClient<OutsidePeer>;
  isHere = true;
  readonly #as: SimulatedAs;
  readonly #links = new Map<SimulatedMember, InsideLink>();
  readonly #port: LocalHeadPort;
  #head: SimulatedMember | undefined;
  #term = 0;
  /** How often its connection with the head broke: what was under way on an earlier one is lost. */
  #breaks = 0;
  /** The head that it is not connected with for a while. */
  #cutOff: SimulatedMember | undefined;
  /** Bytes in hand of each piece begun. */
  readonly #bytes = new Map<number, number>();
  readonly #unchokedBy = new Set<OutsidePeer>();
  /** What is fetched inside now. */
  #inside:
    | { readonly piece: number; readonly link: InsideLink; bytes: number; readonly since: number }
    | undefined;
  /** Who did not serve which piece. */
  readonly #unserved = new Map<SimulatedMember, Set<number>>();

  constructor(as: SimulatedAs, n: number, isLiar: boolean) {
    this.#as = as;
    this.isLiar = isLiar;
    this.endpoint = endpoint(n + 1);
    const { pieces } = as.conditions;
    this.has = new PieceSet(pieces);
    this.#port = new LocalHeadPort(
      (body) => this.#bookReceives(this, body, this.#term),
      (body) => this.client.received(body, as.time.now),
    );
    this.book = new ClaimBook<SimulatedMember>({
      pieceCount: pieces,
      tell: (member, body) => this.#bookTells(member, body),
      endpointOf: (member) => member.endpoint,
      random: as.random,
      now: 0,
    });
    this.client = new ClaimClient<OutsidePeer>({
      pieceCount: pieces,
      pieceLength: PIECE_LENGTH,
      up: 100_000,
      port: () => this.#portToHead(),
      candidates: (peer, most, isOpen) => this.#candidates(peer, most, isOpen),
      has: (peer, piece) => peer.has.has(piece),
      rate: (peer) => (this.#unchokedBy.has(peer) ? peer.rate : 0),
      headRttMs: () => as.conditions.delayMs,
      neighbourRttMs: () => 30,
      endpointOf: (peer) => peer.endpoint,
      hasBytesOf: (piece) => (this.#bytes.get(piece) ?? 0) > 0,
      missingCount: () => pieces - this.has.size,
      internalHas: (piece) => this.#holdersInside(piece).length > 0,
      granted: () => undefined,
      lost: () => undefined,
      takenChanged: () => undefined,
      headStalled: (fault) => as.accused.push(`${fault} at ${Math.round(as.time.now)}`),
      connectTo: (endpoints, piece) => this.#connectTo(endpoints, piece),
    });
  }

  start(): void {
    for (const member of this.#as.members) this.book.joined(member, { claims: true }, 0);
    const { time, random } = this.#as;
    if (this.isLiar) {
      // Says that it holds half of the pieces, which it does not.
      time.after(random() * 8000, () => {
        for (let piece = 0; piece < this.has.pieceCount; piece++) if (random() < 0.5) this.#announce(piece);
      });
    }
    time.after(random() * 200, () => {
      time.every(200, () => {
        if (!this.isHere) return false;
        this.client.sweep(time.now);
        this.book.sweep(time.now);
        this.#port.flush();
        return true;
      });
    });
    time.every(1000, () => {
      for (let piece = 0; piece < this.has.pieceCount && this.isHere; piece++) {
        if (this.client.isTaken(piece) && !this.has.has(piece) && this.#holdersInside(piece).length === 0) {
          this.client.missing(piece, time.now);
        }
      }
      this.#port.flush();
      return this.isHere;
    });
  }

  linkTo(other: SimulatedMember): void {
    if (this.#links.has(other) || other === this) return;
    this.#link(other);
    other.#link(this);
  }

  /** The tracker named a head, maybe again. */
  appointed(head: SimulatedMember | undefined, term: number): void {
    if (!this.isHere || !head || term <= this.#term) return;
    const before = this.#head;
    this.#term = term;
    this.#head = head;
    const { now } = this.#as.time;
    if (head === this) this.book.takeOver(term, now);
    else if (before === this) this.book.stepDown(undefined, term, now);
    this.client.headChanged(now);
    if (before === this && head !== this) {
      for (const body of this.book.openClaims(now)) this.#portToHead()?.send(body);
    }
    this.#port.flush();
  }

  unchokedBy(peer: OutsidePeer): void {
    this.#unchokedBy.add(peer);
    this.client.neighbourUnchoked(peer, this.#as.time.now);
    this.#port.flush();
  }

  chokedBy(peer: OutsidePeer): void {
    this.#unchokedBy.delete(peer);
    this.client.neighbourChoked(peer, this.#as.time.now);
    this.#port.flush();
  }

  lostOutside(peer: OutsidePeer): void {
    this.#unchokedBy.delete(peer);
    this.client.neighbourGone(peer, this.#as.time.now);
    this.#port.flush();
  }

  outsideHas(peer: OutsidePeer, piece: number): void {
    this.client.neighbourGained(peer, piece, this.#as.time.now);
    this.#port.flush();
  }

  lostMember(member: SimulatedMember): void {
    this.#links.delete(member);
    if (this.#inside?.link.member === member) this.#inside = undefined;
    this.book.left(member, this.#as.time.now);
    this.#as.witness.left(this.book, member);
    if (this.#head === member) this.#head = undefined;
  }

  /** The connection with the head breaks, and is there again after a while. */
  losesHead(forMs: number): void {
    const head = this.#head;
    if (!head || head === this || !head.isHere || !this.isHere) return;
    const { time, witness } = this.#as;
    if (this.#cutOff) return;
    this.#cutOff = head;
    this.#breaks++;
    head.book.left(this, time.now);
    witness.left(head.book, this);
    head.#port.flush();
    time.after(forMs, () => {
      this.#cutOff = undefined;
      if (!this.isHere || !head.isHere) return;
      head.book.joined(this, { claims: true }, time.now);
      head.book.held(this, this.has, time.now);
      this.client.headChanged(time.now);
    });
  }

  /** With a word. */
  leave(): void {
    this.client.close(this.#as.time.now);
    this.#port.flush();
    this.die();
  }

  die(): void {
    this.isHere = false;
    this.#as.gone(this);
  }

  tick(ms: number): void {
    if (this.isLiar) return;
    for (const peer of this.#unchokedBy) this.#fetchOutside(peer, ms);
    this.#fetchInside(ms);
    this.#port.flush();
  }

  #fetchOutside(peer: OutsidePeer, ms: number): void {
    const { now } = this.#as.time;
    if (now < peer.silentUntil) return;
    const piece = this.client.requestable(peer)[0];
    if (piece === undefined) return;
    this.client.bytesCame(peer, now);
    const bytes = (this.#bytes.get(piece) ?? 0) + (peer.rate * ms) / 1000;
    this.#bytes.set(piece, bytes);
    if (bytes < PIECE_LENGTH) return;
    this.#bytes.delete(piece);
    if (this.#as.conditions.unreliableOutside && this.#as.random() < 0.03) {
      this.client.badData(peer, piece, now);
      return;
    }
    this.#as.crossings++;
    this.#gain(piece);
  }

  #fetchInside(ms: number): void {
    const { now } = this.#as.time;
    const inside = this.#inside;
    if (!inside || this.has.has(inside.piece)) {
      this.#inside = undefined;
      const pieces = [...this.#missingInside()];
      const piece = pieces[randomBelow(this.#as.random, pieces.length)];
      const links = piece === undefined ? [] : this.#holdersInside(piece);
      const link = links[randomBelow(this.#as.random, links.length)];
      if (piece !== undefined && link) this.#inside = { piece, link, bytes: 0, since: now };
      return;
    }
    const { piece, link, since } = inside;
    if (!link.member.has.has(piece)) {
      if (now - since < UNSERVED_MS) return;
      const unserved = this.#unserved.get(link.member) ?? new Set();
      this.#unserved.set(link.member, unserved.add(piece));
      this.client.didNotServe(piece, link.member.endpoint);
      this.#inside = undefined;
      return;
    }
    inside.bytes += (INSIDE_RATE * ms) / 1000;
    if (inside.bytes >= PIECE_LENGTH) this.#gain(piece);
  }

  *#missingInside(): Generator<number> {
    for (let piece = 0; piece < this.has.pieceCount; piece++) {
      if (!this.has.has(piece) && this.#holdersInside(piece).length > 0) yield piece;
    }
  }

  /** Neighbours that announced it, less those that did not serve it. */
  #holdersInside(piece: number): InsideLink[] {
    return [...this.#links.values()].filter(
      ({ member, said }) => said.has(piece) && !this.#unserved.get(member)?.has(piece),
    );
  }

  #gain(piece: number): void {
    if (!this.has.add(piece)) return;
    this.#bytes.delete(piece);
    this.client.held(piece, this.#as.time.now);
    this.#announce(piece);
    this.#port.flush();
  }

  #announce(piece: number): void {
    this.#hears(this, piece);
    for (const other of this.#as.members) {
      if (other !== this) this.#as.reliably(this, other, () => other.#hears(this, piece));
    }
  }

  #hears(member: SimulatedMember, piece: number): void {
    this.#links.get(member)?.said.add(piece);
    this.#as.witness.held(this.book, piece);
    this.book.held(member, [piece], this.#as.time.now);
    this.#port.flush();
  }

  #link(other: SimulatedMember): void {
    const said = new PieceSet(this.has.pieceCount);
    for (const piece of other.has) said.add(piece);
    this.#links.set(other, { member: other, said });
  }

  #connectTo(endpoints: readonly Endpoint[], piece: number): void {
    for (const where of endpoints) {
      const other = this.#as.memberAt(where);
      const reaches = other?.isHere && !this.#unserved.get(other)?.has(piece);
      if (!reaches) this.client.didNotServe(piece, where);
      else if (this.#links.has(other)) {
        // It says that it holds it, and never told us: it lies.
        if (!this.#links.get(other)?.said.has(piece)) this.client.didNotServe(piece, where);
      } else {
        this.#as.time.after(this.#as.conditions.delayMs, () => {
          if (!other.isHere || !this.isHere) return;
          this.linkTo(other);
          if (other.isLiar) for (let p = 0; p < this.has.pieceCount; p++) this.#links.get(other)?.said.add(p);
        });
      }
    }
  }

  #candidates(peer: OutsidePeer, most: number, isOpen: (piece: number) => boolean): number[] {
    const pieces = [...peer.has].filter((piece) => !this.has.has(piece) && isOpen(piece));
    const start = randomBelow(this.#as.random, pieces.length);
    return [...pieces.slice(start), ...pieces.slice(0, start)].slice(0, most);
  }

  #portToHead(): HeadPort | undefined {
    const head = this.#head;
    if (!head || head === this.#cutOff) return undefined;
    if (head === this) return this.#port;
    const term = this.#term;
    const breaks = this.#breaks;
    return {
      send: (body) => {
        // A liar keeps what it was granted.
        if (this.isLiar && body.m === "release") return;
        this.#as.send(this, head, () => {
          if (this.#breaks === breaks) head.#bookReceives(this, body, term);
        });
      },
    };
  }

  #bookReceives(member: SimulatedMember, body: ClaimMessage, term: number): void {
    const { now } = this.#as.time;
    this.#as.witness.received(this.book, member, body, now);
    this.book.received(member, body, term, now);
    if (member !== this) this.#port.flush();
  }

  #bookTells(member: SimulatedMember, body: ClaimMessage): void {
    this.#as.toldBy(this, member, body);
    if (member === this) this.#port.tell(body);
    else {
      const breaks = member.#breaks;
      this.#as.send(this, member, () => {
        if (member.#head !== this || member.#breaks !== breaks) return;
        member.client.received(body, this.#as.time.now);
        member.#port.flush();
      });
    }
  }
}
