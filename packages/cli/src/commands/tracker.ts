import { systemClock, systemRandom } from "@cachetorrent/clock";
import { formatEndpoint } from "@cachetorrent/protocol";
import {
  type RunningTracker,
  startTracker,
  type TrackerConfig,
  TrackerConfigSchema,
} from "@cachetorrent/tracker";
import type { Command } from "commander";
import type { Logger } from "pino";
import { addConfigOptions, readConfig } from "../config-options.ts";
import type { Context } from "../context.ts";
import { createLogger } from "../logger.ts";
import { endingSignal, runDaemon } from "../run-daemon.ts";

const ENV_PREFIX = "CACHETORRENT_TRACKER_";

export function define(command: Command, context: Context): void {
  command
    .description(
      "Run a BitTorrent tracker over HTTP that knows which autonomous system, or site, each peer is in, and hands out peers accordingly.",
    )
    .usage("[options]")
    .allowExcessArguments(false)
    .action(async () => {
      const config = await readConfig(command, TrackerConfigSchema, {
        env: context.env,
        envPrefix: ENV_PREFIX,
        print: (text) => context.stdout.write(text),
      });
      if (config !== undefined) context.finish(await run(config, context));
    });
  addConfigOptions(command, TrackerConfigSchema, ENV_PREFIX);
  command.addHelpText("after", EXAMPLES);
}

async function run(config: TrackerConfig, context: Context): Promise<number> {
  const log = createLogger(config["log-level"], context.stderr, { readable: context.stderr.isTTY === true });
  const tracker = await startTracker(config, { clock: systemClock, random: systemRandom, log });
  process.on("SIGHUP", () => void reload(tracker, log));
  const signalled = endingSignal("SIGINT", "SIGTERM");
  context.stdout.write(`listening on http://${formatEndpoint(tracker.endpoint)}/announce\n`);
  return runDaemon(tracker, [signalled]);
}

async function reload(tracker: RunningTracker, log: Logger): Promise<void> {
  try {
    await tracker.reload();
  } catch (err) {
    log.error({ err, event: "not reloaded" }, "not reloaded: all of what was in force stays");
  }
}

const EXAMPLES = `
SIGHUP makes it read allow-list, tokens, AS table and route databases again, all or, if one cannot be used, none.

Examples:
  Plain BitTorrent, at a port that the system picks and the tracker prints:
    cachetorrent tracker --listen 127.0.0.1:0

  Two sites, told apart by their addresses: each byte enters each of them once:
    cachetorrent tracker \\
      --as-prefix 198.18.1.0/24=64501 --as-prefix 198.18.2.0/24=64502

  The same two; nine of ten peers handed out are of the asker's own site:
    cachetorrent tracker --policy biased --external-percent 10 \\
      --as-prefix 198.18.1.0/24=64501 --as-prefix 198.18.2.0/24=64502

  All of the Internet's autonomous systems, elections kept over restarts, behind a proxy on the same machine:
    cachetorrent tracker --route-db asn-ipv4.csv --state /var/lib/cachetorrent --trust-proxy 127.0.0.1/32`;
