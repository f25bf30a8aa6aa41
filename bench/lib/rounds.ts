import { CLIENTS, type ClientName } from "./clients/index.ts";

/** Each round begins with another: whoever comes first finds the machine cooler than who comes last. */
export function inTurns<T>(all: readonly T[], round: number): T[] {
  const first = round % Math.max(1, all.length);
  return [...all.slice(first), ...all.slice(0, first)];
}

/** Rejects with what is missing. */
export async function versionsOf(names: readonly ClientName[]): Promise<Record<string, string>> {
  const versions: Record<string, string> = {};
  for (const name of names) versions[name] = await CLIENTS[name].version();
  return versions;
}
