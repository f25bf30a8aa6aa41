import type { Address, Asn } from "@cachetorrent/protocol";
import { type AsResolver, resolverChain } from "./as-resolver.ts";
import type { PrefixTable } from "./prefix-table.ts";
import type { RouteDatabase } from "./route-database.ts";

/** What an operator configured about ASes, and how much it is. */
export interface AsKnowledge extends AsResolver {
  readonly isEmpty: boolean;
  /** Blocks of addresses in the operator's own table. */
  readonly prefixes: number;
  /** Routes by database file. */
  readonly routes: Readonly<Record<string, number>>;
}

/** The operator's table first, then the route databases in their order. */
export function asKnowledge(
  table: PrefixTable,
  databases: readonly { readonly file: string; readonly database: RouteDatabase }[],
): AsKnowledge {
  const chain = resolverChain([table, ...databases.map(({ database }) => database)]);
  return {
    isEmpty: table.isEmpty && databases.length === 0,
    prefixes: table.size,
    routes: Object.fromEntries(databases.map(({ file, database }) => [file, database.size])),
    resolve: (address) => chain.resolve(address),
  };
}

/** Holds the knowledge in force; it can be replaced while the tracker runs. */
export class CurrentAsKnowledge implements AsKnowledge {
  #knowledge: AsKnowledge;

  constructor(knowledge: AsKnowledge) {
    this.#knowledge = knowledge;
  }

  replace(knowledge: AsKnowledge): void {
    this.#knowledge = knowledge;
  }

  get isEmpty(): boolean {
    return this.#knowledge.isEmpty;
  }

  get prefixes(): number {
    return this.#knowledge.prefixes;
  }

  get routes(): Readonly<Record<string, number>> {
    return this.#knowledge.routes;
  }

  resolve(address: Address): Asn | undefined {
    return this.#knowledge.resolve(address);
  }
}
