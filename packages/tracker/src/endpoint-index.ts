import { type Endpoint, formatEndpoint } from "@cachetorrent/protocol";

/** Who is at an endpoint. Nearly always one, and then no list is kept for it: trackers hold millions of these. */
export class EndpointIndex<T extends object> {
  readonly #entries = new Map<string, T | T[]>();

  at(endpoint: Endpoint): readonly T[] {
    const entry = this.#entries.get(formatEndpoint(endpoint));
    if (entry === undefined) return [];
    return Array.isArray(entry) ? entry : [entry];
  }

  add(endpoint: Endpoint, item: T): void {
    const others = this.at(endpoint).filter((other) => other !== item);
    this.#set(endpoint, [...others, item]);
  }

  remove(endpoint: Endpoint, item: T): void {
    this.#set(
      endpoint,
      this.at(endpoint).filter((other) => other !== item),
    );
  }

  #set(endpoint: Endpoint, items: T[]): void {
    const key = formatEndpoint(endpoint);
    const [only] = items;
    if (only === undefined) this.#entries.delete(key);
    else this.#entries.set(key, items.length === 1 ? only : items);
  }
}
