import { join } from "node:path";
import { formatSize } from "@cachetorrent/protocol";
import { type ContentFile, type DaemonProcess, writeSeededContent } from "@cachetorrent/testbed";
import { type Outcome, runBench, type Stage } from "./lib/bench.ts";
import { GateTracker } from "./lib/gate-tracker.ts";
import { asMegabytes, asPercent, asSeconds, atMost } from "./lib/goals.ts";
import { count, size } from "./lib/options.ts";
import { renderTable } from "./lib/table.ts";
import { hashFile, writeTorrent } from "./lib/torrents.ts";
import { measureRest, usageNow } from "./lib/waiting.ts";

const START_MOST_S = 5;
const CPU_MOST = 2;
const MEMORY_MOST = 300e6;
const CEILING_MS = 600_000;
const COMPLETE = /: complete$/;

const options = {
  torrents: count(1000, "torrents that are seeded", 5000),
  size: size("256KiB", "bytes of each"),
  "piece-length": size("64KiB", "length of pieces"),
  settle: count(10, "seconds between the last announce and the measurement of rest", 600),
  seconds: count(30, "seconds that rest is measured for", 3600),
};

await runBench({
  name: "peer-torrents",
  about:
    "A daemon with many torrents that it seeds to nobody, each announced to a tracker: how long it takes to start when everything was\nverified before and is unchanged since, and what it takes at rest.",
  options,
  bytesNeeded: (values) => values.torrents * (values.size + 2 ** 14),
  async run(stage, values): Promise<Outcome> {
    const tracker = await GateTracker.start(stage.clock, { isOpen: true });
    const torrentFiles = await makeTorrents(stage, values, tracker.announceUrl);
    const first = await startSeed(stage, "first start", torrentFiles);
    stage.print(`first start, everything is read: ${first.seconds.toFixed(2)} s`);
    await first.daemon.stop();

    // Which torrents it has it remembers.
    const second = await startSeed(stage, "second start", torrentFiles.length);
    stage.print(`second start, nothing is read: ${second.seconds.toFixed(2)} s`);
    const startCpuSeconds = (await usageNow(second.daemon)).cpuSeconds;
    await tracker.seeds(values.torrents);
    const rest = await measureRest(stage.clock, second.daemon, {
      settleSeconds: values.settle,
      seconds: values.seconds,
    });
    const { peakBytes } = await usageNow(second.daemon);
    await second.daemon.stop();
    tracker.stop();

    const lines = [
      `${values.torrents} torrents of ${formatSize(values.size)}, at rest over ${values.seconds} s`,
      ...renderTable([
        ["", "first start s", "second start s", "its CPU s", "CPU % at rest", "memory MB", "peak MB"],
        [
          `${values.torrents} torrents`,
          first.seconds.toFixed(2),
          second.seconds.toFixed(2),
          startCpuSeconds.toFixed(2),
          rest.cpuPercent.toFixed(1),
          (rest.residentBytes / 1e6).toFixed(0),
          (peakBytes / 1e6).toFixed(0),
        ],
      ]),
    ];
    return {
      lines,
      goals: [
        atMost("start, verified before", second.seconds, START_MOST_S, asSeconds),
        atMost("CPU at rest", rest.cpuPercent, CPU_MOST, asPercent),
        atMost("memory at rest", rest.residentBytes, MEMORY_MOST, asMegabytes),
      ],
      figures: {
        firstStartSeconds: first.seconds,
        secondStartSeconds: second.seconds,
        startCpuSeconds,
        rest,
        peakBytes,
      },
    };
  },
});

async function makeTorrents(
  stage: Stage,
  values: { readonly torrents: number; readonly size: number; readonly "piece-length": number },
  announceUrl: string,
): Promise<string[]> {
  const files: ContentFile[] = Array.from({ length: values.torrents }, (_, at) => ({
    path: `content-${String(at + 1).padStart(4, "0")}.bin`,
    bytes: values.size,
  }));
  await writeSeededContent(join(stage.dir, "content"), files, 1);
  const torrentFiles: string[] = [];
  for (const { path } of files) {
    const file = join(stage.dir, "torrents", `${path}.torrent`);
    const hashed = await hashFile(join(stage.dir, "content", path), path, values["piece-length"]);
    await writeTorrent(file, hashed, { announceUrl });
    torrentFiles.push(file);
  }
  return torrentFiles;
}

/**
 * Given these, or with so many that it has. Resolves when all of them are complete. Its report is for people: that of `--json` tells of every
 * torrent every second.
 */
async function startSeed(
  stage: Stage,
  name: string,
  torrents: readonly string[] | number,
): Promise<{ readonly daemon: DaemonProcess; readonly seconds: number }> {
  const [files, howMany] = typeof torrents === "number" ? [[], torrents] : [torrents, torrents.length];
  const startedAt = stage.clock.now();
  const daemon = await stage.start(name, stage.program, [
    ...["peer", "--daemon", ...files],
    ...["--control", "127.0.0.1:0"],
    ...["--dir", join(stage.dir, "content")],
    ...["--state", join(stage.dir, "state")],
    ...["--listen", "127.0.0.1:0"],
    ...["--log-level", "error"],
  ]);
  for (let seen = 0, complete = 0; complete < howMany; ) {
    await daemon.waitForLine(COMPLETE, { timeoutMs: CEILING_MS, from: seen });
    while (seen < daemon.lines.length) if (COMPLETE.test(daemon.lines[seen++]?.text ?? "")) complete++;
  }
  return { daemon, seconds: (stage.clock.now() - startedAt) / 1000 };
}
