import { type Asn, type InfoHash, isInternal, type PeerId, UNKNOWN_ASN } from "@cachetorrent/protocol";

/** Amounts by AS number in decimal; "0" is the unknown AS. */
export type ByAsn = { readonly [asn: string]: number };

/** One span of time in one role; `to` is null while it lasts. Times are milliseconds since the Unix epoch. */
export interface RoleSpan {
  readonly role: string;
  readonly from: number;
  readonly to: number | null;
  /** Payload bytes of `piece` messages, by the sender's AS. */
  readonly bytesByAsn: ByAsn;
  /** Verified pieces, by the AS that the verified copy came from. */
  readonly piecesByAsn: ByAsn;
}

/** The accounts of one torrent as the ledger file has them; what has not happened yet is null. */
export interface TorrentAccounts {
  readonly infoHash: InfoHash;
  /** The peer's own AS, 0 while unknown. */
  readonly asn: Asn;
  readonly startedAt: number;
  readonly firstAnnounceAt: number | null;
  readonly completedAt: number | null;
  readonly roles: readonly RoleSpan[];
  /** Payload bytes of `piece` messages, by the receiver's AS. */
  readonly sentByAsn: ByAsn;
  readonly escapes: number;
  /** Of the payload, what came from web seeds; it is in `bytesByAsn` too, as of an unknown AS. */
  readonly webSeedBytes: number;
  /** The pieces of which any payload came from another AS: a bitfield (BEP 3) in hex, as long as its last piece needs. */
  readonly externalPieces: string;
}

/** What one torrent moved: payload bytes by the other side's AS. */
export interface TorrentTraffic {
  /** The peer's own AS, 0 while unknown. */
  readonly asn: Asn;
  readonly receivedByAsn: ByAsn;
  readonly sentByAsn: ByAsn;
}

/** The ledger file. */
export interface LedgerAccounts {
  readonly peerId: PeerId;
  readonly torrents: readonly TorrentAccounts[];
}

/** The accounts of one peer, pure: whoever calls brings the time. */
export class Ledger {
  readonly #peerId: PeerId;
  readonly #torrents = new Map<InfoHash, TorrentLedger>();

  constructor(peerId: PeerId) {
    this.#peerId = peerId;
  }

  /** The torrent's accounts, begun `now` (in the role `pending`) unless they exist. */
  torrent(infoHash: InfoHash, now: number): TorrentLedger {
    let torrent = this.#torrents.get(infoHash);
    if (!torrent) {
      torrent = new TorrentLedger(infoHash, now);
      this.#torrents.set(infoHash, torrent);
    }
    return torrent;
  }

  /** As `TorrentLedger.beginAnew`, where there are accounts of this torrent. */
  beginAnew(infoHash: InfoHash): void {
    this.#torrents.get(infoHash)?.beginAnew();
  }

  /** Grows with every entry, so that a writer knows whether there is anything new. */
  get entries(): number {
    let entries = this.#torrents.size;
    for (const torrent of this.#torrents.values()) entries += torrent.entries;
    return entries;
  }

  /** As the accounts have it, without what takes long to tell. */
  get traffic(): TorrentTraffic[] {
    return [...this.#torrents.values()].map((torrent) => torrent.traffic);
  }

  toJSON(): LedgerAccounts {
    return {
      peerId: this.#peerId,
      torrents: [...this.#torrents.values()].map((torrent) => torrent.toJSON()),
    };
  }
}

export class TorrentLedger {
  readonly #infoHash: InfoHash;
  readonly #startedAt: number;
  readonly #roles: OpenSpan[];
  readonly #sent = new Amounts();
  readonly #received = new Amounts();
  /** Of these, what does not count in the sums any more. */
  #sentBefore = 0;
  #receivedBefore = new Amounts();
  readonly #piecesFrom = new Map<Asn, Pieces>();
  #asn: Asn = UNKNOWN_ASN;
  #firstAnnounceAt: number | null = null;
  #completedAt: number | null = null;
  #escapes = 0;
  #webSeedBytes = 0;
  #entries = 0;

  constructor(infoHash: InfoHash, now: number) {
    this.#infoHash = infoHash;
    this.#startedAt = Math.round(now);
    this.#roles = [new OpenSpan("pending", now)];
  }

  /** Payload bytes of a `piece` message of this piece that came from a peer of `asn`. */
  received(asn: Asn, bytes: number, piece: number): void {
    let pieces = this.#piecesFrom.get(asn);
    if (!pieces) {
      pieces = new Pieces();
      this.#piecesFrom.set(asn, pieces);
    }
    pieces.add(piece);
    this.#received.add(asn, bytes);
    this.#span.bytes.add(asn, bytes);
    this.#entries++;
  }

  /** So many of the bytes that were received came from a web seed. */
  fromWebSeed(bytes: number): void {
    this.#webSeedBytes += bytes;
  }

  /** Payload bytes of a `piece` message that went to a peer of `asn`. */
  sent(asn: Asn, bytes: number): void {
    this.#sent.add(asn, bytes);
    this.#entries++;
  }

  /** A piece stands verified on the disk; it came from `asn`. */
  pieceVerified(asn: Asn): void {
    this.#span.pieces.add(asn, 1);
    this.#entries++;
  }

  /** The peer acts as `role` from `now` on; the role it has already changes nothing. */
  roleChanged(role: string, now: number): void {
    if (role === this.#span.role) return;
    this.#span.to = Math.round(now);
    this.#roles.push(new OpenSpan(role, now));
    this.#entries++;
  }

  /** As what the peer acts now. */
  get role(): string {
    return this.#span.role;
  }

  /** An announce was answered; only the first counts, completion is measured from it. */
  announced(now: number): void {
    if (this.#firstAnnounceAt !== null) return;
    this.#firstAnnounceAt = Math.round(now);
    this.#entries++;
  }

  get hasAnnounced(): boolean {
    return this.#firstAnnounceAt !== null;
  }

  /** The last piece stands verified on the disk; only the first time counts. */
  completed(now: number): void {
    if (this.#completedAt !== null) return;
    this.#completedAt = Math.round(now);
    this.#entries++;
  }

  /** No leader answered and the peer fetched from outside on its own. */
  escaped(): void {
    this.#escapes++;
    this.#entries++;
  }

  get asn(): Asn {
    return this.#asn;
  }

  set asn(asn: Asn) {
    if (asn === this.#asn) return;
    this.#asn = asn;
    this.#entries++;
  }

  /** The torrent was removed and is added again: the sums are 0, the accounts go on, for they are of the whole run. */
  beginAnew(): void {
    this.#sentBefore = this.#sent.total;
    this.#receivedBefore = this.#received.copy();
  }

  /** Bytes received from the peer's own AS. All are external while that is unknown. */
  get internalBytes(): number {
    if (!isInternal(this.#asn, this.#asn)) return 0;
    return this.#received.of(this.#asn) - this.#receivedBefore.of(this.#asn);
  }

  get externalBytes(): number {
    return this.#received.total - this.#receivedBefore.total - this.internalBytes;
  }

  get sentBytes(): number {
    return this.#sent.total - this.#sentBefore;
  }

  get traffic(): TorrentTraffic {
    return { asn: this.#asn, receivedByAsn: this.#received.toJSON(), sentByAsn: this.#sent.toJSON() };
  }

  get entries(): number {
    return this.#entries;
  }

  toJSON(): TorrentAccounts {
    return {
      infoHash: this.#infoHash,
      asn: this.#asn,
      startedAt: this.#startedAt,
      firstAnnounceAt: this.#firstAnnounceAt,
      completedAt: this.#completedAt,
      roles: this.#roles.map((span) => span.toJSON()),
      sentByAsn: this.#sent.toJSON(),
      escapes: this.#escapes,
      webSeedBytes: this.#webSeedBytes,
      externalPieces: this.#externalPieces().toHex(),
    };
  }

  /** Which AS is our own may become known after the first bytes: so this is told by what is known now. */
  #externalPieces(): Pieces {
    const pieces = new Pieces();
    for (const [from, some] of this.#piecesFrom) if (!isInternal(this.#asn, from)) pieces.addAll(some);
    return pieces;
  }

  get #span(): OpenSpan {
    return this.#roles.at(-1) as OpenSpan;
  }
}

class OpenSpan {
  readonly role: string;
  readonly from: number;
  to: number | null = null;
  readonly bytes = new Amounts();
  readonly pieces = new Amounts();

  constructor(role: string, now: number) {
    this.role = role;
    this.from = Math.round(now);
  }

  toJSON(): RoleSpan {
    return {
      role: this.role,
      from: this.from,
      to: this.to,
      bytesByAsn: this.bytes.toJSON(),
      piecesByAsn: this.pieces.toJSON(),
    };
  }
}

/** A set of pieces of a torrent of which it is not known how many there are: a bitfield that grows. */
class Pieces {
  #bits = Buffer.alloc(16);

  add(piece: number): void {
    const at = piece >> 3;
    this.#reach(at + 1);
    this.#bits[at] = (this.#bits[at] ?? 0) | (0x80 >> (piece & 7));
  }

  addAll(other: Pieces): void {
    this.#reach(other.#bits.length);
    for (const [at, bits] of other.#bits.entries()) this.#bits[at] = (this.#bits[at] ?? 0) | bits;
  }

  /** As long as the last piece needs. */
  toHex(): string {
    let bytes = this.#bits.length;
    while (bytes > 0 && this.#bits[bytes - 1] === 0) bytes--;
    return this.#bits.toString("hex", 0, bytes);
  }

  #reach(bytes: number): void {
    if (bytes <= this.#bits.length) return;
    const grown = Buffer.alloc(Math.max(bytes, 2 * this.#bits.length));
    this.#bits.copy(grown);
    this.#bits = grown;
  }
}

/** Running sums by AS. */
class Amounts {
  readonly #byAsn = new Map<Asn, number>();
  total = 0;

  add(asn: Asn, amount: number): void {
    this.#byAsn.set(asn, this.of(asn) + amount);
    this.total += amount;
  }

  of(asn: Asn): number {
    return this.#byAsn.get(asn) ?? 0;
  }

  copy(): Amounts {
    const copy = new Amounts();
    for (const [asn, amount] of this.#byAsn) copy.add(asn, amount);
    return copy;
  }

  toJSON(): ByAsn {
    return Object.fromEntries([...this.#byAsn].sort(([a], [b]) => a - b));
  }
}
