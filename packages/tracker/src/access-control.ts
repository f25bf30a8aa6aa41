import type { InfoHash } from "@cachetorrent/protocol";
import { Refusal } from "./refusal.ts";

/** Who may use the tracker, and for what. Without lists: everybody, for everything. */
export interface AccessLists {
  /** The info-hashes served; unset: all. */
  readonly allowList?: ReadonlySet<InfoHash>;
  /** One of them stands before `announce` in the path; unset: none is asked for. */
  readonly tokens?: ReadonlySet<string>;
}

/** Holds the lists in force; they can be replaced while the tracker runs. */
export class AccessControl {
  #lists: AccessLists;
  readonly #listeners = new Set<() => void>();

  constructor(lists: AccessLists = {}) {
    this.#lists = lists;
  }

  /** How many entries the lists in force have; without a list no number. */
  get counts(): { readonly tokens?: number; readonly infoHashes?: number } {
    const { tokens, allowList } = this.#lists;
    return {
      ...(tokens ? { tokens: tokens.size } : {}),
      ...(allowList ? { infoHashes: allowList.size } : {}),
    };
  }

  replace(lists: AccessLists): void {
    this.#lists = lists;
    for (const listener of this.#listeners) listener();
  }

  /** `listener` is called after each replacement, until what is returned is called. */
  onReplaced(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /**
   * The refusal, or undefined. Never shows a token. Who has none any more can change nothing, not even stop: what it
   * announced while it had one expires.
   */
  checkToken(token: string | undefined): Refusal | undefined {
    const { tokens } = this.#lists;
    if (token === undefined) {
      return tokens ? new Refusal("token-missing") : undefined;
    }
    if (!tokens) return new Refusal("token-not-used");
    return tokens.has(token) ? undefined : new Refusal("token-unknown");
  }

  checkInfoHash(infoHash: InfoHash): Refusal | undefined {
    const { allowList } = this.#lists;
    return !allowList || allowList.has(infoHash) ? undefined : new Refusal("info-hash-not-allowed");
  }
}
