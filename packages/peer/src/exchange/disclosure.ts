import type { Clock, Random } from "@cachetorrent/clock";
import { isInternal, PieceSet, type SwarmAs } from "@cachetorrent/protocol";
import type { Role } from "../roles/role.ts";
import type { Connection } from "../wire/connection.ts";
import { HaveBatcher } from "./have-batcher.ts";
import { HomeReveal } from "./home-reveal.ts";
import { LateHaves } from "./late-haves.ts";
import { SuperSeed } from "./super-seed.ts";
import { areSameRules, type CoordinatedUploading, type Uploading } from "./uploading.ts";

export interface DisclosureParts {
  /** The pieces we hold, verified. Whoever holds all of them at the start is an initial seed. */
  readonly have: PieceSet;
  readonly clock: Clock;
  readonly random: Random;
  readonly connections: ReadonlySet<Connection>;
  role(): Role;
  /** What was held back is being told now. */
  shown(): void;
}

/**
 * What the others are told of what we hold: at first, with each new piece, and later what was held back from them. Under plain
 * rules that is everything; under `coordinated` an initial seed super-seeds, and its AS keeps to the homes of pieces.
 */
export class Disclosure {
  readonly #parts: DisclosureParts;
  readonly #haves: HaveBatcher;
  readonly #late: LateHaves;
  /** What was told to whom. Who is not here was told everything, and is told of every new piece. */
  readonly #told = new Map<Connection, PieceSet>();
  readonly #isInitialSeed: boolean;
  #uploading: Uploading = "undecided";
  #superSeed: SuperSeed<Connection> | undefined;
  #home: HomeReveal | undefined;
  #wasHeldBack = false;
  #ases: readonly SwarmAs[] = [];
  /** Members of our AS, ourselves included: the most that we have known of. Who is complete, as we are, is no neighbour any more. */
  #membersInAs = 1;

  constructor(parts: DisclosureParts) {
    const { clock, have } = parts;
    this.#parts = parts;
    this.#isInitialSeed = have.isFull;
    this.#haves = new HaveBatcher(clock, (pieces) => this.#announce(pieces));
    this.#late = new LateHaves({
      have,
      isDue: (connection, piece) => this.#isDue(connection, piece),
      tell: (connection, piece) => this.#tell(connection, piece),
      done: (connection) => {
        if (this.#uploading === "plain" && !connection.isIndirect) this.#told.delete(connection);
      },
    });
  }

  get isUndecided(): boolean {
    return this.#uploading === "undecided";
  }

  /** Does an initial seed show its pieces one by one? */
  get isHoldingBack(): boolean {
    return this.#superSeed !== undefined || (this.isUndecided && this.#isInitialSeed);
  }

  /** Is it of another AS, under `coordinated`? */
  isOutside(connection: Connection): boolean {
    return typeof this.#uploading === "object" && !isInternal(connection.asn, this.#uploading.asn);
  }

  /** From now on these rules hold. What was told stays told. */
  uploadBy(uploading: Uploading): void {
    const before = this.#uploading;
    this.#uploading = uploading;
    if (typeof uploading === "object") {
      if (uploading.ases && !areSameAses(uploading.ases, this.#ases)) this.#ases = uploading.ases;
      this.#countMembers();
      if (!areSameRules(before, uploading)) this.#coordinate(uploading, before === "undecided");
      return;
    }
    this.#superSeed = undefined;
    this.#home = undefined;
    if (uploading === "plain") this.#catchUp();
  }

  /** Hands are shaken: the time for our map of pieces. */
  ready(connection: Connection): void {
    const { have } = this.#parts;
    const told = new PieceSet(have.pieceCount);
    if (this.#holdsBackFrom(connection)) {
      connection.sendMap(told);
      this.#told.set(connection, told);
      this.#superSeed?.joined(connection);
      return;
    }
    connection.sendMap(have);
    if (this.#uploading === "plain") return;
    told.addAll(have);
    this.#told.set(connection, told);
  }

  /** The other side has told what it speaks. */
  introduced(connection: Connection): void {
    this.#countMembers();
    this.#superSeeded(connection);
    // It may be of the home of pieces, or none that homes are for.
    if (this.#home?.isInForce && this.#told.has(connection)) this.#late.begin(connection);
  }

  /** The other side has told its map of pieces. */
  mapped(connection: Connection): void {
    // Who comes complete is a seed, or says so, and is hung up on: nothing is known to have come out of us.
    if (!this.#superSeed || connection.theirs.isFull) return;
    connection.theirs.each((piece) => this.#superSeed?.announced(connection, piece));
    this.#superSeeded(connection);
  }

  announced(connection: Connection, piece: number): void {
    this.#superSeed?.announced(connection, piece);
    this.#superSeeded(connection);
  }

  unchoked(connection: Connection): void {
    this.#superSeed?.unchoked(connection);
    this.#superSeeded(connection);
  }

  choked(connection: Connection): void {
    this.#superSeed?.choked(connection);
    this.#superSeeded(connection);
  }

  asked(connection: Connection, piece: number): void {
    this.#superSeed?.asked(connection, piece, this.#parts.clock.now());
    this.#superSeeded(connection);
  }

  /** The whole piece was sent to it. */
  uploaded(connection: Connection, piece: number): void {
    this.#superSeed?.uploaded(connection, piece);
    this.#superSeeded(connection);
  }

  /** It may be cut off, and what came out to it with it. */
  fellSilent(connection: Connection): void {
    this.#superSeed?.fellSilent(connection);
  }

  spokeAgain(connection: Connection): void {
    this.#superSeed?.spokeAgain(connection);
    this.#superSeeded(connection);
  }

  /** May the other side ask for it: was it told of it? */
  mayServe(connection: Connection, piece: number): boolean {
    return this.#wasTold(connection, piece);
  }

  /** A piece is ours now. */
  held(piece: number): void {
    this.#haves.add(piece);
  }

  flush(): void {
    this.#haves.flush();
  }

  /** It was told nothing, and now is a connection like any other. */
  becameDirect(connection: Connection): void {
    // Before its map is sent it will be told in that, and a have ahead of the map would be a breach of BEP 6.
    if (connection.hasSentMap) this.#late.begin(connection);
  }

  left(connection: Connection): void {
    this.#told.delete(connection);
    this.#late.left(connection);
    this.#superSeed?.left(connection);
  }

  sweep(now: number): void {
    const { connections, have } = this.#parts;
    if (this.#home?.isInForce) {
      const told = this.#outside().map((one) => one.theirs);
      this.#home.sweep(now, told, have.size > 0);
    }
    const isHeldBack = this.#home?.isInForce ?? false;
    if (this.#wasHeldBack && !isHeldBack) for (const one of this.#outside()) this.#late.begin(one);
    this.#wasHeldBack = isHeldBack;
    if (this.#superSeed) for (const connection of connections) this.#superSeeded(connection);
    this.#late.sweep();
  }

  #coordinate(uploading: CoordinatedUploading, isFirst: boolean): void {
    const { connections, have, random } = this.#parts;
    this.#home = new HomeReveal({
      asn: uploading.asn,
      pieceCount: have.pieceCount,
      ases: () => this.#ases,
      membersInAs: () => this.#membersInAs,
    });
    for (const connection of connections) {
      if (!connection.hasSentMap || this.#told.has(connection)) continue;
      const told = new PieceSet(have.pieceCount);
      if (!connection.isIndirect) told.addAll(have);
      this.#told.set(connection, told);
    }
    // A seed that has told of everything has nothing to reveal any more.
    if (!isFirst || !this.#isInitialSeed) return;
    const superSeed = new SuperSeed<Connection>({
      pieceCount: have.pieceCount,
      random,
      holds: (connection, piece) => connection.theirs.has(piece),
      mayReveal: (connection, piece) => this.#isAllowed(connection, piece),
    });
    this.#superSeed = superSeed;
    for (const connection of connections) {
      if (!connection.hasSentMap) continue;
      superSeed.joined(connection);
      if (!connection.upload.isChoking) superSeed.unchoked(connection);
      this.mapped(connection);
    }
  }

  /** Reveals what is due to the connection, and ends the super-seeding when everything has come out. */
  #superSeeded(connection: Connection): void {
    const superSeed = this.#superSeed;
    if (!superSeed) return;
    if (superSeed.isOver) {
      this.#superSeed = undefined;
      this.#catchUp();
      return;
    }
    if (!connection.isOpen) return;
    for (const piece of superSeed.reveal(connection, this.#parts.clock.now())) {
      if (!this.#wasTold(connection, piece)) this.#tell(connection, piece);
    }
  }

  /** What was held back follows. */
  #catchUp(): void {
    this.#parts.shown();
    for (const connection of this.#told.keys()) if (!connection.isIndirect) this.#late.begin(connection);
  }

  /** Is it to be told of nothing at its start? */
  #holdsBackFrom(connection: Connection): boolean {
    if (connection.isIndirect || this.#superSeed) return true;
    if (this.isUndecided) return this.#isInitialSeed;
    return this.isOutside(connection) && (this.#home?.isInForce ?? false);
  }

  /**
   * Also what the other side holds, if we hid that we are a seed: else it would never know that we are, nor do we know what it
   * holds of what we revealed, and two complete peers would stay connected for nothing.
   */
  #isDue(connection: Connection, piece: number): boolean {
    if (this.#wasTold(connection, piece) || !this.#reveals(connection, piece)) return false;
    return this.#isInitialSeed || !connection.theirs.has(piece);
  }

  #announce(pieces: readonly number[]): void {
    const role = this.#parts.role();
    for (const connection of this.#parts.connections) {
      if (!connection.isHandshaken || !connection.isOpen) continue;
      for (const piece of pieces) {
        const isNew = !connection.theirs.has(piece) || role.grants?.isBookkeeper(connection);
        if (isNew && this.#reveals(connection, piece)) this.#tell(connection, piece);
      }
    }
  }

  /** Do we tell of it as soon as we hold it? */
  #reveals(connection: Connection, piece: number): boolean {
    if (this.#superSeed || (this.isUndecided && this.#isInitialSeed)) return false;
    return this.#isAllowed(connection, piece);
  }

  #isAllowed(connection: Connection, piece: number): boolean {
    return this.#parts.role().reveals(connection, piece) && (this.#home?.reveals(connection, piece) ?? true);
  }

  #wasTold(connection: Connection, piece: number): boolean {
    return this.#told.get(connection)?.has(piece) ?? true;
  }

  #tell(connection: Connection, piece: number): void {
    connection.sendHave(piece);
    this.#told.get(connection)?.add(piece);
  }

  #countMembers(): void {
    if (typeof this.#uploading === "string") return;
    this.#membersInAs = Math.max(this.#membersInAs, this.#uploading.membersInAs());
  }

  #outside(): Connection[] {
    return [...this.#parts.connections].filter(
      (one) => one.isHandshaken && one.isOpen && !one.isWebSeed && this.isOutside(one),
    );
  }
}

function areSameAses(a: readonly SwarmAs[], b: readonly SwarmAs[]): boolean {
  const isSame = (one: SwarmAs, other: SwarmAs | undefined) =>
    one.asn === other?.asn && one.up === other.up && one.isOrigin === other.isOrigin;
  return a.length === b.length && a.every((one, i) => isSame(one, b[i]));
}
