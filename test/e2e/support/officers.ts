import type { Asn } from "@cachetorrent/protocol";
import type { SwarmPeer, SwarmRun } from "@cachetorrent/testbed";
import { eventually } from "./e2e.ts";

/** Head and standby of an AS, as the tracker has them. */
export async function officersOf(run: SwarmRun, asn: Asn): Promise<[SwarmPeer, SwarmPeer]> {
  return eventually(
    `head and standby of AS ${asn}`,
    async () => {
      const swarm = await run.tracker.swarm(run.infoHash);
      const leaders = swarm?.electorates.find((one) => one.asn === asn)?.leaders ?? [];
      const peers = leaders.map(({ endpoints }) => run.peers.find((one) => one.endpoint === endpoints[0]));
      const [head, standby] = peers;
      return head && standby ? [head, standby] : undefined;
    },
    20_000,
  );
}
