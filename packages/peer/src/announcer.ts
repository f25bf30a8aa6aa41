import type { Clock, Random } from "@cachetorrent/clock";
import {
  type Address,
  type AnnounceAnswer,
  type Asn,
  type CtAnswer,
  type CtError,
  type Endpoint,
  type InfoHash,
  type Leaders,
  type Located,
  type PeerId,
  UNKNOWN_ASN,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";

/** What an announce tells of the torrent, in bytes. */
export interface Progress {
  readonly uploaded: number;
  readonly downloaded: number;
  readonly left: number;
  readonly externalBytes: number;
  readonly internalBytes: number;
}

export interface AnnouncerOptions {
  /** BEP 12: tiers of announce URLs. */
  readonly tiers: readonly (readonly string[])[];
  readonly infoHash: InfoHash;
  readonly peerId: PeerId;
  /** The port it listens on. */
  readonly port: () => number;
  readonly localAddress?: Address;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Logger;
  readonly progress: () => Progress;
  readonly numwant: () => number;
  /** Bytes/s. Absent: it is no candidate. */
  readonly capacity?: { readonly up: number; readonly down: number };
  /** Its endpoint inside a NAT'd site. */
  readonly local?: Endpoint;
  /** Every successful announce. Only the tracker that is obeyed has `ct` and AS numbers in its answers. */
  readonly onAnswer: (answer: AnnounceAnswer, announceUrl: string) => void;
  /** Every `ct` of the tracker that is obeyed, from announces and from the leaders feed; it may say nothing new. */
  readonly onCt: (ct: CtAnswer) => void;
  readonly onFailure: (error: CtError, retryInMs: number) => void;
}

/** One torrent's talk with its trackers. */
export class Announcer {
  constructor(_options: AnnouncerOptions) {}
  start(): void {}
  completed(): void {}
  async stop(): Promise<void> {}
  announceNow(): void {}
  reportStalled(_leader: PeerId): void {}
  async locate(_endpoints: readonly Endpoint[]): Promise<Located[]> {
    return [];
  }
  setFeeding(_needed: boolean): void {}
  get asn(): Asn {
    return UNKNOWN_ASN;
  }
  get policy(): CtAnswer["policy"] | undefined {
    return undefined;
  }
  get leaders(): Leaders | undefined {
    return undefined;
  }
}
