import { resolve } from "node:path";
import { systemClock, systemRandom } from "@cachetorrent/clock";
import { type PeerConfig, PeerConfigSchema, type PeerDaemon, startPeer } from "@cachetorrent/peer";
import { CtError, formatEndpoint, type InfoHash } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Logger } from "pino";
import { addConfigOptions, readConfig } from "../config-options.ts";
import type { Context } from "../context.ts";
import { EXIT, exitCodeOf } from "../exit.ts";
import { inForeground } from "../foreground.ts";
import { requireTorrentFile } from "../input-file.ts";
import { createLogger } from "../logger.ts";
import { runOnComplete } from "../on-complete.ts";
import { jsonReport } from "../report/json-report.ts";
import { lineReport } from "../report/line-report.ts";
import { liveReport } from "../report/live-report.ts";
import type { PeerReport } from "../report/peer-report.ts";
import { endingSignal, runDaemon } from "../run-daemon.ts";
import { TerminalDisplay } from "../terminal-display.ts";

const ENV_PREFIX = "CACHETORRENT_PEER_";
const PROGRESS_MS = 1000;

export function define(command: Command, context: Context): void {
  command
    .description(
      "Download and share torrents. What is in the folder already is checked and kept; the peer shares on when it has everything, until Ctrl-C.",
    )
    .usage("FILE.torrent... [options]")
    .argument("[FILE.torrent...]", "the torrents")
    .action(async (files: string[]) => {
      const config = await readConfig(command, PeerConfigSchema, {
        env: context.env,
        envPrefix: ENV_PREFIX,
        print: (text) => context.stdout.write(text),
      });
      if (config === undefined) return;
      if (files.length === 0) throw new CtError("CT_ERR_USAGE", "peer: name at least one .torrent file");
      await Promise.all(files.map(requireTorrentFile));
      context.finish(await run(config, files, context));
    });
  addConfigOptions(command, PeerConfigSchema, ENV_PREFIX);
  command.addHelpText("after", EXAMPLES);
}

async function run(config: PeerConfig, files: readonly string[], context: Context): Promise<number> {
  const { log, report } = outputs(config, context);
  let daemon: PeerDaemon;
  try {
    daemon = await startPeer(config, files, { clock: systemClock, random: systemRandom, log });
  } catch (error) {
    if (config.json && error instanceof CtError) report.failed(error);
    throw error;
  }
  const torrents = daemon.status().torrents.map(({ infoHash, name }) => ({ infoHash, name }));
  const signalled = endingSignal("SIGINT", "SIGTERM", "SIGHUP");
  report.listening({ endpoint: formatEndpoint(daemon.endpoint), peerId: daemon.peerId, torrents });
  const hooks: Promise<void>[] = [];
  daemon.events.on("complete", (torrent) => {
    report.complete(torrent);
    const command = config["on-complete"];
    // A seed that starts again has completed nothing.
    if (command === undefined || !torrent.downloaded) return;
    hooks.push(runOnComplete(command, torrent, { dir: resolve(config.dir), env: context.env, log }));
  });
  daemon.events.on("error", ({ infoHash, error }) => {
    report.failed(
      error,
      torrents.find((torrent) => torrent.infoHash === infoHash),
    );
  });
  const progress = systemClock.every(PROGRESS_MS, () => report.progress(daemon.status()));
  const exitCode = await runDaemon(daemon, [signalled, endOf(daemon, config, hooks)]);
  progress.cancel();
  report.stopped(daemon.status());
  return exitCode;
}

/** The exit code of a peer that no signal ends. When nothing is left to do, each torrent has told its error. */
function endOf(daemon: PeerDaemon, config: PeerConfig, hooks: readonly Promise<void>[]): Promise<number> {
  const failed = daemon.failed.then(exitCodeOf);
  if (!config["exit-on-complete"]) return failed;
  const unfinished = new Set(daemon.status().torrents.map((torrent) => torrent.infoHash));
  let exitCode: number = EXIT.done;
  const finished = new Promise<number>((resolve) => {
    const settle = (infoHash: InfoHash) => {
      unfinished.delete(infoHash);
      if (unfinished.size === 0) void Promise.all(hooks).then(() => resolve(exitCode));
    };
    daemon.events.on("complete", ({ infoHash }) => settle(infoHash));
    daemon.events.on("error", ({ infoHash, error }) => {
      exitCode = exitCodeOf(error);
      settle(infoHash);
    });
  });
  return Promise.race([finished, failed]);
}

/** A terminal gets lines redrawn in place with the log above them; pipes and files get plain lines or JSON. */
function outputs(config: PeerConfig, context: Context): { log: Logger; report: PeerReport } {
  const { stdout, stderr } = context;
  const readable = stderr.isTTY === true;
  const writeLine = (line: string) => void stdout.write(`${line}\n`);
  if (config.json || !stdout.isTTY) {
    return {
      log: createLogger(config["log-level"], stderr, { readable }),
      report: config.json ? jsonReport(writeLine, systemClock.now) : lineReport(writeLine),
    };
  }
  const display = new TerminalDisplay(stdout, inForeground);
  process.on("exit", () => display.restore());
  // After Ctrl-Z the shell has written below our lines.
  process.on("SIGCONT", () => display.forget());
  const target = readable ? { write: (line: string) => display.printAbove(line) } : stderr;
  return { log: createLogger(config["log-level"], target, { readable }), report: liveReport(display) };
}

const EXAMPLES = `
RATE is bytes or bits per second with a unit: 2MB/s, 500KiB/s, 16Mbit/s.

Examples:
  Download into the present folder and share until Ctrl-C:
    cachetorrent peer release.torrent

  Download to /srv at no more than 4 MB/s up, tell a script, and leave when complete:
    cachetorrent peer release.torrent --dir /srv --limit-up 4MB/s --on-complete 'echo "$CT_NAME is in $CT_DIR"' \\
      --exit-on-complete

  For a program that reads along: a free port, and one JSON object a line on stdout:
    cachetorrent peer release.torrent --listen 127.0.0.1:0 --json

  Behind a NAT, with other peers of the same site reaching it at 10.0.0.7:
    cachetorrent peer release.torrent --local 10.0.0.7:6881`;
