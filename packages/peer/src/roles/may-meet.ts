import type { CtAnswer } from "@cachetorrent/protocol";
import type { RoleName } from "./role.ts";

/**
 * Is a peer of use that no tracker has told us of? Inside always. Outside it would undo what the policy is for: a follower
 * has leaders for that, and under `biased` the tracker chooses who is met. A member claims what it fetches there, a
 * leader is there to fetch.
 */
export function mayMeet(
  isInside: boolean,
  role: RoleName | undefined,
  policy: CtAnswer["policy"] | undefined,
): boolean {
  return isInside || (role !== "follower" && role !== "pending" && policy?.name !== "biased");
}
