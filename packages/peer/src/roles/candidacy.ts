import type { CtAnswer } from "@cachetorrent/protocol";

/**
 * May a peer stand for election that wants every file, or skips some? A leader that leaves out files would leave them out
 * for all of its AS; a head only keeps the book.
 */
export function mayStand(policy: CtAnswer["policy"] | undefined, wantsEverything: boolean): boolean {
  if (wantsEverything || policy === undefined) return true;
  if (policy.name === "coordinated") return policy.fetchers === "all";
  return policy.name !== "cache" && policy.name !== "multi";
}
