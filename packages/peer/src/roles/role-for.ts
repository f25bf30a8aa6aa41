import type { Asn } from "@cachetorrent/protocol";
import { CoordinatedRole } from "./coordinated.ts";
import { FollowerRole, type WayOut } from "./follower.ts";
import { IndependentRole } from "./independent.ts";
import { LeaderRole } from "./leader.ts";
import { PendingRole } from "./pending.ts";
import type { Grants, Role } from "./role.ts";
import type { Standing } from "./standing.ts";

export interface RoleParts {
  /** Upload slots. */
  readonly slots: number;
  /** Our own AS as far as it is known. */
  asn(): Asn;
  readonly wayOut: WayOut;
  /** Of the policy `coordinated`. */
  readonly grants: Grants;
}

/** The role that a standing result gives us; without one a peer is pending. */
export function roleFor(standing: Standing | undefined, { asn, grants, slots, wayOut }: RoleParts): Role {
  if (standing?.isClaiming) {
    return new CoordinatedRole({
      name: standing.role === "leader" ? "leader" : "member",
      slots,
      grants,
      wayOut,
    });
  }
  switch (standing?.role) {
    case "leader":
      return new LeaderRole({ slots, asn: standing.asn, leads: (piece) => standing.leads(piece), wayOut });
    case "follower":
      return new FollowerRole(slots, standing.asn, wayOut);
    case "independent":
      return new IndependentRole(slots);
    default:
      return new PendingRole(slots, asn);
  }
}
