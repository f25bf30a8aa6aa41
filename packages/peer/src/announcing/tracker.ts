import type {
  AnnounceAnswer,
  AnnounceRequest,
  CtAnswer,
  LeadersQuery,
  Located,
  LocateQuery,
} from "@cachetorrent/protocol";

/** One tracker, however it is reached. All methods but `close` reject as those of `TrackerClient` do. */
export interface Tracker {
  /** The tracker as messages name it. */
  readonly name: string;
  /** An announce went out to it, whether or not an answer came. */
  readonly mayKnowUs: boolean;
  /** Whether it has a URL for the long poll. */
  readonly hasFeed: boolean;
  announce(request: AnnounceRequest, signal?: AbortSignal): Promise<AnnounceAnswer>;
  leaders(query: LeadersQuery, signal?: AbortSignal): Promise<CtAnswer>;
  locate(query: LocateQuery, signal?: AbortSignal): Promise<Located[]>;
  /** Ends requests in flight too. Idempotent. */
  close(): Promise<void>;
}
