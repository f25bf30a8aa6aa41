import { seededRandom } from "@cachetorrent/clock";
import { SuperSeed } from "../../src/exchange/super-seed.ts";

/** A swarm around a super-seeding seed: what each peer was told, and what it announced. */
export class SuperSeedSwarm {
  readonly pieceCount: number;
  readonly seed: SuperSeed<string>;
  readonly told = new Map<string, Set<number>>();
  readonly announced = new Map<string, Set<number>>();
  readonly unchoked = new Set<string>();
  /** Nobody but these may be told of the piece. */
  readonly only = new Map<number, string>();
  now = 0;

  constructor(pieceCount: number, seed = 1) {
    this.pieceCount = pieceCount;
    this.seed = new SuperSeed({
      pieceCount,
      random: seededRandom(seed),
      holds: (peer, piece) => this.announced.get(peer)?.has(piece) ?? false,
      mayReveal: (peer, piece) => [undefined, peer].includes(this.only.get(piece)),
    });
  }

  get remaining(): number[] {
    return Array.from({ length: this.pieceCount }, (_, p) => p).filter((p) => !this.seed.isOut(p));
  }

  join(...peers: string[]): void {
    for (const peer of peers) {
      this.told.set(peer, new Set());
      this.announced.set(peer, new Set());
      this.seed.joined(peer);
      this.reveal(peer);
    }
  }

  leave(peer: string): void {
    this.seed.left(peer);
    this.told.delete(peer);
    this.announced.delete(peer);
    this.unchoked.delete(peer);
  }

  unchoke(...peers: string[]): void {
    for (const peer of peers) {
      this.unchoked.add(peer);
      this.seed.unchoked(peer);
      this.reveal(peer);
    }
  }

  fallSilent(peer: string): void {
    this.seed.fellSilent(peer);
    this.reveal(peer);
  }

  speakAgain(peer: string): void {
    this.seed.spokeAgain(peer);
    this.reveal(peer);
  }

  choke(peer: string): void {
    this.unchoked.delete(peer);
    this.seed.choked(peer);
    this.reveal(peer);
  }

  reveal(peer: string): number[] {
    const news = this.seed.reveal(peer, this.now);
    for (const piece of news) this.told.get(peer)?.add(piece);
    return news;
  }

  revealAll(): void {
    for (const peer of this.told.keys()) this.reveal(peer);
  }

  ask(peer: string, piece: number): void {
    this.seed.asked(peer, piece, this.now);
    this.reveal(peer);
  }

  upload(peer: string, piece: number): void {
    this.seed.uploaded(peer, piece);
    this.reveal(peer);
  }

  announce(peer: string, piece: number): void {
    this.announced.get(peer)?.add(piece);
    this.seed.announced(peer, piece);
  }

  open(peer: string): number[] {
    return [...this.seed.openAt(peer)];
  }

  first(peer: string): number {
    const [piece] = this.open(peer);
    if (piece === undefined) throw new Error(`nothing is open at ${peer}`);
    return piece;
  }
}
