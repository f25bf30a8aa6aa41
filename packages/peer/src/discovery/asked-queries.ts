import { asBytes, type BencodeDict, type Endpoint, formatEndpoint, get } from "@cachetorrent/protocol";

/** Queries of ours whose replies are still heard: of so many at most, the newest. */
export class AskedQueries {
  readonly #most: number;
  readonly #keys = new Set<string>();

  constructor(most: number) {
    this.#most = most;
  }

  add(query: BencodeDict, to: Endpoint): void {
    this.#keys.add(queryKey(query, to));
    const [oldest] = this.#keys;
    if (this.#keys.size > this.#most && oldest !== undefined) this.#keys.delete(oldest);
  }

  /** Is this the reply to one of them? Only the first is. */
  take(reply: BencodeDict, from: Endpoint): boolean {
    return this.#keys.delete(queryKey(reply, from));
  }
}

/** The same for a query and its reply. */
export function queryKey(message: BencodeDict, other: Endpoint): string {
  return `${Buffer.from(asBytes(get(message, "t")) ?? []).toString("hex")} ${formatEndpoint(other)}`;
}
