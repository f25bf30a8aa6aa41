import type { Clock } from "@cachetorrent/clock";
import type { Address, Asn, Endpoint, Located, PeerEntry } from "@cachetorrent/protocol";
import type { Logger } from "pino";

export interface AsDirectoryOptions {
  /** Asks the tracker, at most 50 endpoints a call. */
  readonly locate: (endpoints: readonly Endpoint[]) => Promise<Located[]>;
  readonly clock: Clock;
  readonly log: Logger;
}

export class AsDirectory {
  constructor(_options: AsDirectoryOptions) {}
  learn(_entries: readonly PeerEntry[]): void {}
  asnOf(_address: Address): Asn | undefined {
    return undefined;
  }
  async locate(_endpoint: Endpoint): Promise<Located> {
    throw new Error("to come");
  }
}
