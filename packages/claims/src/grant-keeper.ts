import { type ClaimMessage, type Endpoint, LIMITS, type ReleaseReason } from "@cachetorrent/protocol";
import type { ClaimClientOptions } from "./claim-client-options.ts";
import type { Grants } from "./grants.ts";
import type { HeadPort } from "./head-port.ts";
import type { Grant, NeighbourClaims } from "./neighbour-claims.ts";
import { patienceMs } from "./patience.ts";
import type { TakenPieces } from "./taken-pieces.ts";

/** Renewals in the time of a claim. */
const RENEWALS = 3;
/** A neighbour that stalled is left alone for so long. */
const STALLED_MS = 5000;

export interface GrantKeeperParts<Neighbour extends object> {
  readonly options: ClaimClientOptions<Neighbour>;
  readonly sides: ReadonlyMap<Neighbour, NeighbourClaims<Neighbour>>;
  readonly grants: Grants<Neighbour>;
  readonly taken: TakenPieces;
}

/** What becomes of a grant until its piece is held: it is renewed, moved to another neighbour, kept for one, or given back. */
export class GrantKeeper<Neighbour extends object> {
  readonly #options: ClaimClientOptions<Neighbour>;
  readonly #sides: ReadonlyMap<Neighbour, NeighbourClaims<Neighbour>>;
  readonly #grants: Grants<Neighbour>;
  readonly #taken: TakenPieces;

  constructor({ grants, options, sides, taken }: GrantKeeperParts<Neighbour>) {
    this.#options = options;
    this.#sides = sides;
    this.#grants = grants;
    this.#taken = taken;
  }

  /** All that is granted there, a few times in the time of a claim: as long as we are patient the head is to be, too. */
  renewAll(side: NeighbourClaims<Neighbour>, now: number): void {
    const [first] = side.grants.values();
    if (!first || now - Math.max(side.renewedAt, first.grantedAt) < first.ttlMs / RENEWALS) return;
    side.renewedAt = now;
    this.#renew([...side.grants.keys()]);
  }

  /** It is free then, and may be claimed again, by us too. */
  release(piece: number, why: ReleaseReason, from: Endpoint): void {
    this.#send({ m: "release", piece, why, from });
    if (!this.#taken.free(piece)) return;
    // Another neighbour may have it.
    for (const side of this.#sides.values()) side.idleUntil = Number.NEGATIVE_INFINITY;
  }

  failed(neighbour: Neighbour, piece: number, why: ReleaseReason, now: number): void {
    const side = this.#grants.at(piece);
    if (side?.neighbour !== neighbour) return;
    side.retryAt = Math.max(side.retryAt, now + STALLED_MS);
    this.#withdraw(side, piece, why);
    this.#taken.tell();
  }

  /** The neighbour serves us no more. What we have bytes of goes to another or is kept, the rest is given back. */
  giveUp(side: NeighbourClaims<Neighbour>, now: number): void {
    const from = this.#options.endpointOf(side.neighbour);
    for (const grant of [...side.grants.values()]) {
      const hasBytes = this.#options.hasBytesOf(grant.piece);
      this.#grants.remove(grant.piece);
      this.#options.lost(side.neighbour, grant.piece);
      if (!hasBytes) this.release(grant.piece, "choked", from);
      else if (!this.#resume(grant, now)) this.#grants.keep({ grant, from });
    }
    this.#taken.tell();
  }

  /** All that is granted there, whatever we have of it. */
  giveBack(side: NeighbourClaims<Neighbour>): void {
    for (const piece of [...side.grants.keys()]) this.#withdraw(side, piece, "choked");
    this.#taken.tell();
  }

  /** The piece, wherever it is fetched, or kept. */
  renounce(piece: number): void {
    const kept = this.#grants.kept.remove(piece);
    if (kept) this.release(piece, "choked", kept.from);
    const side = this.#grants.at(piece);
    if (side) this.#withdraw(side, piece, "choked");
    this.#taken.tell();
  }

  resumeKept(now: number): void {
    for (const { grant } of [...this.#grants.kept]) {
      if (this.#resume(grant, now)) this.#grants.kept.remove(grant.piece);
    }
  }

  sweep(side: NeighbourClaims<Neighbour>, now: number): void {
    // Most neighbours have been granted nothing, most of the time.
    if (side.grants.size === 0) return;
    this.#checkGrants(side, now);
    this.renewAll(side, now);
  }

  sweepKept(now: number): void {
    if (this.#grants.kept.size === 0) return;
    for (const { grant, from } of this.#grants.kept.overdue(now)) {
      this.#grants.kept.remove(grant.piece);
      this.release(grant.piece, "choked", from);
    }
    this.resumeKept(now);
    this.#renew(this.#grants.kept.toRenew(now));
  }

  /** Tells a head that may not know of them of all grants; at least that there are none. */
  declare(port: HeadPort, now: number): void {
    const grants = [...this.#grants.all()];
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at === 0 || at < grants.length; at += most) {
      const part = grants.slice(at, at + most);
      port.send({
        m: "open",
        pieces: part.map(({ piece }) => piece),
        ttlsMs: part.map(({ since, ttlMs }) => Math.max(0, Math.round(since + ttlMs - now))),
      });
    }
  }

  /** We leave: everything is given back. */
  close(): void {
    for (const { grants, neighbour } of this.#sides.values()) {
      for (const piece of grants.keys()) this.release(piece, "leaving", this.#options.endpointOf(neighbour));
    }
    for (const { grant, from } of this.#grants.kept) this.release(grant.piece, "leaving", from);
    this.#grants.clear();
  }

  #send(body: ClaimMessage): void {
    this.#options.port()?.send(body);
  }

  #renew(pieces: readonly number[]): void {
    const most = LIMITS.claims.piecesPerMessage;
    for (let at = 0; at < pieces.length; at += most) {
      this.#send({ m: "renew", pieces: pieces.slice(at, at + most) });
    }
  }

  #withdraw({ neighbour }: NeighbourClaims<Neighbour>, piece: number, why: ReleaseReason): void {
    this.#grants.remove(piece);
    this.release(piece, why, this.#options.endpointOf(neighbour));
    this.#options.lost(neighbour, piece);
  }

  /** At another neighbour, which we did not ask for it. */
  #resume(grant: Grant, now: number): boolean {
    const { piece } = grant;
    const side = this.#grants.move(grant, (neighbour) => this.#options.has(neighbour, piece), now);
    if (!side) return false;
    this.#renew([piece]);
    this.#options.granted(side.neighbour, [piece]);
    return true;
  }

  /** A neighbour that stands still fails once, whatever was queued there. */
  #checkGrants(side: NeighbourClaims<Neighbour>, now: number): void {
    let why: ReleaseReason = "stalled";
    const rate = this.#options.rate(side.neighbour, now);
    for (const { piece, since, ttlMs } of [...side.grants.values()]) {
      if (now - since < patienceMs(rate, ttlMs, this.#options.pieceLength)) continue;
      this.failed(side.neighbour, piece, why, now);
      why = "choked";
    }
  }
}
