import type { Clock } from "@cachetorrent/clock";
import type {
  Address,
  AnnounceAnswer,
  AnnounceRequest,
  CtAnswer,
  LeadersQuery,
  Located,
  LocateQuery,
} from "@cachetorrent/protocol";
import type { Logger } from "pino";

export interface TrackerClientOptions {
  readonly announceUrl: string;
  readonly localAddress?: Address;
  readonly clock: Clock;
  readonly log: Logger;
}

export class TrackerClient {
  constructor(_options: TrackerClientOptions) {}
  announce(_request: AnnounceRequest, _signal?: AbortSignal): Promise<AnnounceAnswer> {
    throw new Error("to come");
  }
  leaders(_query: LeadersQuery, _signal?: AbortSignal): Promise<CtAnswer> {
    throw new Error("to come");
  }
  locate(_query: LocateQuery, _signal?: AbortSignal): Promise<Located[]> {
    throw new Error("to come");
  }
  async close(): Promise<void> {}
}
