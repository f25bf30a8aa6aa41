import type { Asn, PeerId } from "@cachetorrent/protocol";
import type { SwarmView } from "../swarm.ts";
import type { SwarmPeer } from "../swarm-peer.ts";

/** Who asks for peers. */
export interface Asker {
  readonly peerId: PeerId;
  readonly asn: Asn;
  /** It speaks the extension: it keeps the rules of policies with leaders, which a stock client does not know. */
  readonly isMember: boolean;
  /** Head and standby of its AS, as far as there are any. */
  readonly seniors: readonly PeerId[];
}

/** Chooses at most `count` peers of a swarm for somebody, who is never among them. */
export type HandOutPolicy = (swarm: SwarmView, asker: Asker, count: number) => SwarmPeer[];
