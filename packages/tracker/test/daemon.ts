import { Agent, get } from "node:http";
import { ManualClock, seededRandom, systemClock } from "@cachetorrent/clock";
import {
  type AnnounceAnswer,
  type CtAnswer,
  decodeAnnounceAnswer,
  decodeLeadersAnswer,
  encodeLeadersQuery,
  formatEndpoint,
  type Result,
  unwrap,
} from "@cachetorrent/protocol";
import { type RunningTracker, startTracker, type TrackerConfig } from "@cachetorrent/tracker";
import { pino } from "pino";
import { expect, onTestFinished, vi } from "vitest";
import { type Announce, announceQuery, config, id, SWARM } from "./support.ts";

export { ManualClock, systemClock };

/**
 * A tracker that listens on loopback; stopped at the end of the test. AS N is 127.N.0.0/16, and ::1 is of AS 6. It is under
 * policy bittorrent, unless it says another.
 */
export async function startTestTracker(
  settings: Partial<TrackerConfig> = {},
  clock = systemClock,
  log = pino({ level: "silent" }),
): Promise<RunningTracker> {
  const tracker = await startTracker(
    config({
      listen: "127.0.0.1:0",
      "as-prefix": ["127.1.0.0/16=1", "127.2.0.0/16=2", "::1/128=6"],
      quorum: 1,
      policy: "bittorrent",
      ...settings,
    }),
    { clock, random: seededRandom(1), log },
  );
  onTestFinished(() => tracker.stop());
  return tracker;
}

export interface Response {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly body: Buffer;
  /** The client's side of the connection. */
  readonly localPort: number | undefined;
}

export interface Asking {
  readonly from?: string;
  readonly agent?: Agent;
  readonly signal?: AbortSignal;
  readonly headers?: Readonly<Record<string, string>>;
}

export function request(tracker: RunningTracker, path: string, asking: Asking = {}): Promise<Response> {
  const { promise, resolve, reject } = Promise.withResolvers<Response>();
  const { from, agent = new Agent(), headers = {}, signal } = asking;
  const url = `http://${formatEndpoint(tracker.endpoint)}${path}`;
  const options = {
    agent,
    headers,
    ...(from === undefined ? {} : { localAddress: from }),
    ...(signal ? { signal } : {}),
  };
  const outgoing = get(url, options, (response) => {
    const chunks: Buffer[] = [];
    const { localPort } = response.socket;
    response.on("data", (chunk: Buffer) => chunks.push(chunk));
    response.on("error", reject);
    response.on("end", () =>
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        body: Buffer.concat(chunks),
        localPort,
      }),
    );
  });
  outgoing.on("error", reject);
  return promise;
}

export async function announceTo(
  tracker: RunningTracker,
  name: string,
  { from, path = "/announce", headers = {}, ...announce }: Announce = {},
): Promise<AnnounceAnswer> {
  const asking = { headers, ...(from === undefined ? {} : { from }) };
  const response = await request(tracker, `${path}?${announceQuery(name, announce)}`, asking);
  return unwrap(decodeAnnounceAnswer(response.body));
}

export async function tryPoll(
  tracker: RunningTracker,
  name: string,
  term: number,
  asking: Asking = {},
): Promise<Result<CtAnswer>> {
  const query = encodeLeadersQuery({ infoHash: SWARM, peerId: id(name), term });
  return decodeLeadersAnswer((await request(tracker, `/leaders?${query}`, asking)).body);
}

export async function poll(...asked: Parameters<typeof tryPoll>): Promise<CtAnswer> {
  return unwrap(await tryPoll(...asked));
}

/** Resolves when so many long polls are open. */
export async function untilPolls(tracker: RunningTracker, count: number): Promise<void> {
  await vi.waitFor(async () => {
    const { body } = await request(tracker, "/metrics");
    expect(body.toString()).toContain(`cachetorrent_tracker_long_polls ${count}\n`);
  }, 10_000);
}
