import { join } from "node:path";
import { type Clock, ScaledClock, systemClock, systemRandom } from "@cachetorrent/clock";
import { connectToDaemon, type RunningDaemon, startDaemon } from "@cachetorrent/control";
import { PeerConfigSchema } from "@cachetorrent/peer";
import { LIMITS } from "@cachetorrent/protocol";
import { pino } from "pino";
import { Value } from "typebox/value";
import { afterEach, expect, it } from "vitest";
import { eventually, expectEqualContent, useBench } from "./support/e2e.ts";
import { twoAses } from "./support/two-ases.ts";

/** A minute, the shortest period of a schedule, is over in two seconds. */
const SCALE = 30;
const MINUTE_MS = 60_000;
const USUAL = 400_000;
const LESS = 40_000;
/** More than goes out before the period ends. */
const BYTES = 60_000_000;
const bench = useBench("schedule");
let running: RunningDaemon | undefined;

// Before the bench takes its folder away, for it was asked later: what is left when a test has finished writes into that still.
afterEach(() => running?.stop());

/** What had been sent when the limits changed. */
interface Change {
  readonly at: number;
  readonly sent: number;
  readonly limit: number;
  readonly why: string;
}

it("a running daemon keeps to the limit of a period of its schedule when that begins, and to the usual one when it ends", async () => {
  const clock = new ScaledClock(systemClock, SCALE);
  const { content, start } = await twoAses(bench(), BYTES, "bittorrent");
  const changes: Change[] = [];
  const onChange = (why: string) => {
    changes.push({ at: clock.now(), sent: sentBy(seed), limit: seed.peer.limits.up, why });
  };
  const seed = await startSeed(content.parent, clock, onChange);
  const leecher = await start("leecher", "127.2.0.1:0");
  await eventually("it begins to download", async () => sentBy(seed) > 0 || undefined, 30_000);

  const control = await connectToDaemon({ stateDir: seed.stateDir });
  // Orders take a moment, which is many times as long on this clock.
  const begins = Math.ceil((clock.now() + MINUTE_MS / 4) / MINUTE_MS) * MINUTE_MS;
  const entry = `${timeOfDay(begins)}-${timeOfDay(begins + MINUTE_MS)} up=${LESS}B/s`;
  expect(await control.setSchedule([entry])).toEqual([entry]);
  await leecher.complete();
  const completeAt = clock.now();
  await expectEqualContent(content, leecher.dir);

  expect(changes).toMatchObject([
    { limit: LESS, why: "schedule" },
    { limit: USUAL, why: "schedule" },
  ]);
  const [begin, end] = changes as [Change, Change];
  expect(begin.at).toBeGreaterThanOrEqual(begins);
  expect(end.at).toBeGreaterThanOrEqual(begins + MINUTE_MS);
  const secondsUntil = (at: number, from: number) => (at - from) / 1000;
  const within = LESS * secondsUntil(end.at, begin.at);
  // The burst of a full bucket, and the longest request that goes into debt.
  const { blockBytes, requestBytesMost } = LIMITS.peer;
  expect(end.sent - begin.sent).toBeLessThanOrEqual(within + blockBytes + requestBytesMost);
  expect(end.sent - begin.sent).toBeGreaterThan(within / 4);
  const rest = BYTES - end.sent;
  expect(rest, "sent before the period was over: there is too little").toBeGreaterThan(BYTES / 8);
  // Ten times as fast as within the period, but for what the machine takes.
  expect(rest / secondsUntil(completeAt, end.at)).toBeGreaterThan(2 * LESS);
});

/** A daemon in this process, which has the clock from us. `onChange` is called at the moment at which its limits change. */
async function startSeed(dir: string, clock: Clock, onChange: (why: string) => void): Promise<RunningDaemon> {
  const config = Value.Parse(
    PeerConfigSchema,
    Value.Default(PeerConfigSchema, {
      dir,
      state: join(bench().dir, "state"),
      daemon: true,
      listen: "127.1.0.1:0",
      control: "127.0.0.1:0",
      "limit-up": USUAL,
    }),
  );
  const log = pino({}, { write: (line) => tell(JSON.parse(line)) });
  function tell({ event, why }: { event?: string; why?: string }): void {
    if (event === "limits") onChange(String(why));
  }
  const daemon = await startDaemon(config, [join(bench().dir, "content.torrent")], {
    clock,
    random: systemRandom,
    log,
    version: "0.0.0",
  });
  running = daemon;
  return daemon;
}

/** Payload, in bytes. */
function sentBy({ peer }: RunningDaemon): number {
  return peer.traffic.flatMap(({ sentByAsn }) => Object.values(sentByAsn)).reduce((sum, n) => sum + n, 0);
}

/** `08:05`, local. */
function timeOfDay(at: number): string {
  return new Date(at).toTimeString().slice(0, 5);
}
