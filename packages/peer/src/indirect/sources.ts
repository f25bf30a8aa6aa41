import type { Connection } from "../wire/connection.ts";
import type { Forwarder } from "./forwarder.ts";

/** A connection opened for followers is kept so long after the last of them: another one may ask for it. */
const UNUSED_MS = 30_000;
const NOBODYS = "opened for nobody";

/** The outside connections that a leader forwards from, and which of those that it opened nobody needs any more. */
export class Sources {
  /** Who is told what the other side has. */
  readonly #forwarders = new Map<Connection, Set<Forwarder>>();
  /** Since when nobody needs it. */
  readonly #unused = new Map<Connection, number>();

  /** How many stand that were opened for nobody who is still there. */
  get unused(): number {
    return this.#unused.size;
  }

  of(connection: Connection): Iterable<Forwarder> {
    return this.#forwarders.get(connection) ?? [];
  }

  joined(forwarder: Forwarder): void {
    const { source } = forwarder;
    this.#forwarders.set(source, (this.#forwarders.get(source) ?? new Set()).add(forwarder));
    this.#unused.delete(source);
  }

  left(forwarder: Forwarder, now: number): void {
    const { source } = forwarder;
    const others = this.#forwarders.get(source);
    if (!others?.delete(forwarder) || others.size > 0) return;
    this.#forwarders.delete(source);
    if (source.isIndirect) this.#unused.set(source, now);
  }

  /** The same peer is reached over another connection. */
  move(forwarder: Forwarder, source: Connection): void {
    forwarder.goOnWith(source);
    this.joined(forwarder);
  }

  /** It is gone. Returns who was told what it had. */
  closed(connection: Connection): Forwarder[] {
    const forwarders = [...this.of(connection)];
    this.#forwarders.delete(connection);
    this.#unused.delete(connection);
    return forwarders;
  }

  sweep(now: number): void {
    for (const [connection, since] of this.#unused) {
      if (connection.isIndirect && now - since < UNUSED_MS) continue;
      this.#unused.delete(connection);
      if (connection.isIndirect) connection.close(NOBODYS);
    }
  }

  /** It was opened for a follower that is gone. */
  closeIfUnused(connection: Connection): void {
    if (connection.isIndirect && !this.#forwarders.has(connection)) connection.abort(NOBODYS);
  }
}
