import type { Clock } from "@cachetorrent/clock";
import {
  type Endpoint,
  formatEndpoint,
  type LeaderEntry,
  LIMITS,
  type PeerId,
  type PieceSet,
  sameEndpoint,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { Standing } from "../roles/standing.ts";
import { Attention } from "../wire/attention.ts";
import type { Connection } from "../wire/connection.ts";

export interface BookkeepersParts {
  readonly clock: Clock;
  readonly log: Logger;
  readonly peerId: PeerId;
  /** The pieces we hold, verified. */
  readonly have: PieceSet;
  readonly connections: ReadonlySet<Connection>;
  dial(endpoint: Endpoint): Promise<Connection | "not now" | undefined>;
  /** Can it never be dialled from here, or is it banned? */
  isOutOfReach(endpoint: Endpoint): boolean;
  /** The tracker is told of one that does not do its duty. */
  report(leader: PeerId): void;
}

/** Who keeps the book for us now: ourselves, the peer over this connection, or nobody whom we reach. */
export type Bookkeeper = "ourselves" | Connection | undefined;

const { claims } = LIMITS;
/** Between two dials of one that was not there. */
const REDIAL_MS = 2000;
/** Whose book was of no use is not asked for so long: as often as that it is reported. Who is no good is voted out meanwhile. */
const DISTRUST_MS = 60_000;

/** The head or the standby of our AS, as we see it. */
interface Office {
  readonly entry: LeaderEntry;
  connection: Connection | undefined;
  isDialling: boolean;
  dialAfter: number;
  /** Dials in vain since there was a connection. */
  failures: number;
  distrustedUntil: number;
  /** When it last answered, or was there and owed nothing. */
  answeredAt: number;
  /** It is complete, and so are we: two that have nothing to say to each other. */
  isOver: boolean;
}

/**
 * The head and the standby of our AS: every member keeps a connection to both. A lost one is dialled again at once, and
 * one that has been silent for 3 s is taken for lost, since a living one says something every second.
 */
export class Bookkeepers {
  readonly #parts: BookkeepersParts;
  readonly #attention: Attention;
  #offices: Office[] = [];
  #isHead = false;
  #isStandby = false;

  constructor(parts: BookkeepersParts) {
    this.#parts = parts;
    this.#attention = new Attention(parts.clock.now());
  }

  /** Are we in one of the two offices? */
  get isInOffice(): boolean {
    return this.#isHead || this.#isStandby;
  }

  /** The head as far as the result names it. */
  get head(): PeerId | undefined {
    return this.#isHead ? this.#parts.peerId : this.#offices[0]?.entry.peerId;
  }

  /** A result under which pieces are claimed; undefined when they are not. */
  follow(standing: Standing | undefined): void {
    const now = this.#parts.clock.now();
    const [head, standby] = standing?.leaders ?? [];
    const ours = this.#parts.peerId;
    this.#isHead = head?.peerId === ours;
    this.#isStandby = standby?.peerId === ours;
    const entries = [head, standby].filter((entry) => entry !== undefined && entry.peerId !== ours);
    this.#offices = entries.map((entry) => this.#officeOf(entry as LeaderEntry, now));
    this.sweep(now);
  }

  /** Whom to ask, as things stand. The standby takes the head's place once it has lost it and does not reach it again. */
  current(): Bookkeeper {
    if (this.#isHead) return "ourselves";
    const [head, standby] = this.#offices;
    if (head && this.#isUsable(head)) return head.connection;
    if (this.#isStandby)
      return head && head.failures === 0 && !this.#isDistrusted(head) ? undefined : "ourselves";
    return standby && this.#isUsable(standby) ? standby.connection : undefined;
  }

  /** Is it the head or the standby, at the other end? */
  isWith(connection: Connection): boolean {
    return this.#offices.some((office) => office.connection === connection);
  }

  /** When one of them last answered, or was there and owed nothing. */
  get answeredAt(): number {
    const now = this.#parts.clock.now();
    if (this.current() === "ourselves") return now;
    return Math.max(0, ...this.#offices.map((office) => office.answeredAt));
  }

  /** It does not do its duty: the other one is asked, and the tracker hears of it. */
  stalled(connection: Connection, why: string): void {
    const office = this.#offices.find((one) => one.connection === connection);
    if (!office) return;
    office.distrustedUntil = this.#parts.clock.now() + DISTRUST_MS;
    this.#report(office, why);
  }

  /** Nothing came although it could be had: neither of them is believed. */
  distrustAll(): void {
    for (const { connection } of this.#offices) if (connection) this.stalled(connection, "grants nothing");
  }

  closed(connection: Connection): void {
    for (const office of this.#offices) if (office.connection === connection) this.#lost(office);
  }

  sweep(now: number): void {
    const maySeeSilence = this.#attention.look(now);
    for (const office of this.#offices) this.#tend(office, now, maySeeSilence);
  }

  #tend(office: Office, now: number, maySeeSilence: boolean): void {
    const connection = this.#connectionWith(office);
    if (!connection) {
      if (office.connection) this.#lost(office);
      this.#dial(office, now);
      return;
    }
    office.connection = connection;
    office.isDialling = false;
    const heardAgoMs = Math.min(connection.idleMs(now), now - connection.openedAt);
    if (maySeeSilence && heardAgoMs > claims.headSilenceMs) {
      connection.abort("silent head");
      return;
    }
    if (!connection.isHandshaken) return;
    office.failures = 0;
    if (!this.#isDistrusted(office) && connection.speaksCtCache) office.answeredAt = now;
  }

  #dial(office: Office, now: number): void {
    const { dial, isOutOfReach } = this.#parts;
    const { endpoint } = office.entry;
    if (office.isDialling || office.isOver || now < office.dialAfter) return;
    office.dialAfter = now + REDIAL_MS;
    if (isOutOfReach(endpoint)) {
      office.failures++;
      return;
    }
    office.isDialling = true;
    void dial(endpoint).then((connection) => {
      office.isDialling = false;
      if (connection === "not now") office.dialAfter = 0;
      else if (connection) office.connection ??= connection;
      else this.#failed(office);
    });
  }

  /** One that did not shake hands was not there: a process that stands still is connected with by its kernel. */
  #lost(office: Office): void {
    const { clock, have } = this.#parts;
    const { connection } = office;
    office.connection = undefined;
    if (!connection?.isHandshaken) {
      this.#failed(office);
      return;
    }
    office.isOver = have.isFull && connection.theirs.isFull;
    // One that lets us in only to hang up is not dialled at every turn.
    if (clock.now() - connection.openedAt > REDIAL_MS) office.dialAfter = 0;
  }

  #failed(office: Office): void {
    if (this.#connectionWith(office) || !this.#offices.includes(office)) return;
    office.failures++;
    if (office.failures === 1) this.#report(office, "cannot be reached");
    else this.#parts.report(office.entry.peerId);
  }

  #report({ entry }: Office, why: string): void {
    const { log, report } = this.#parts;
    const endpoint = formatEndpoint(entry.endpoint);
    log.info({ event: "stalled", endpoint, peerId: entry.peerId }, `bookkeeper ${endpoint} ${why}`);
    report(entry.peerId);
  }

  #isUsable(office: Office): boolean {
    const { connection } = office;
    if (!connection?.isOpen || !connection.speaksCtCache) return false;
    return !this.#isDistrusted(office);
  }

  #isDistrusted(office: Office): boolean {
    return this.#parts.clock.now() < office.distrustedUntil;
  }

  /** Only who is where the tracker says, or comes from there under the listed id, is taken for it. */
  #connectionWith({ connection, entry }: Office): Connection | undefined {
    if (connection?.isOpen) return connection;
    for (const one of this.#parts.connections) {
      if (!one.isOpen) continue;
      const isIt =
        one.direction === "out"
          ? sameEndpoint(one.remote, entry.endpoint)
          : one.peerId === entry.peerId && one.remote.address === entry.endpoint.address;
      if (isIt) return one;
    }
    return undefined;
  }

  /** One that stands where it stood goes on being what it was to us. */
  #officeOf(entry: LeaderEntry, now: number): Office {
    const before = this.#offices.find(
      (office) => office.entry.peerId === entry.peerId && sameEndpoint(office.entry.endpoint, entry.endpoint),
    );
    return (
      before ?? {
        entry,
        connection: undefined,
        isDialling: false,
        dialAfter: 0,
        failures: 0,
        distrustedUntil: Number.NEGATIVE_INFINITY,
        answeredAt: now,
        isOver: false,
      }
    );
  }
}
