import { Agent, get } from "node:http";
import { ManualClock, seededRandom, systemClock } from "@cachetorrent/clock";
import { type AnnounceAnswer, decodeAnnounceAnswer, formatEndpoint, unwrap } from "@cachetorrent/protocol";
import { type RunningTracker, startTracker, type TrackerConfig } from "@cachetorrent/tracker";
import { pino } from "pino";
import { onTestFinished } from "vitest";
import { type Announce, announceQuery, config } from "./support.ts";

export { ManualClock, systemClock };

/** A tracker that listens on loopback; stopped at the end of the test. AS N is 127.N.0.0/16, and ::1 is of AS 6. */
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
