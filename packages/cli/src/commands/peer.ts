import { resolve } from "node:path";
import { systemClock, systemRandom } from "@cachetorrent/clock";
import { type RunningDaemon, startDaemon, tokenPath } from "@cachetorrent/control";
import { isMagnet, type PeerConfig, PeerConfigSchema, type PeerDaemon, startPeer } from "@cachetorrent/peer";
import { CtError, formatEndpoint, type InfoHash } from "@cachetorrent/protocol";
import type { Command } from "commander";
import type { Logger } from "pino";
import { addConfigOptions, configPath, readConfig } from "../config-options.ts";
import type { Context } from "../context.ts";
import { checkDaemonOptions } from "../daemon/check-options.ts";
import { EXIT, exitCodeOf } from "../exit.ts";
import { fileAppears } from "../file-appears.ts";
import { inForeground } from "../foreground.ts";
import { requireTorrentFile } from "../input-file.ts";
import { limitsReload } from "../limits-reload.ts";
import { createLogger } from "../logger.ts";
import { runOnComplete } from "../on-complete.ts";
import { jsonReport } from "../report/json-report.ts";
import { lineReport } from "../report/line-report.ts";
import { liveReport } from "../report/live-report.ts";
import type { PeerReport } from "../report/peer-report.ts";
import { returnOwnMemoryAtRest } from "../rest-memory.ts";
import { endingSignal, runDaemon } from "../run-daemon.ts";
import { usualStateFolder } from "../state-folder.ts";
import { TerminalDisplay } from "../terminal-display.ts";
import { VERSION } from "../version.ts";

const ENV_PREFIX = "CACHETORRENT_PEER_";
const PROGRESS_MS = 1000;

export function define(command: Command, context: Context): void {
  command
    .description(
      "Download and share torrents. What is in the folder already is checked and kept; the peer shares on when it has everything, until Ctrl-C.",
    )
    .usage(
      "FILE.torrent|MAGNET... [options]\n       cachetorrent peer --daemon [FILE.torrent|MAGNET...] [options]",
    )
    .argument("[FILE.torrent|MAGNET...]", "the torrents: files, and magnet links (in quotes)")
    .action(async (files: string[]) => {
      const surroundings = {
        env: context.env,
        envPrefix: ENV_PREFIX,
        print: (text: string) => void context.stdout.write(text),
      };
      const read = () => readConfig(command, PeerConfigSchema, surroundings);
      const config = await read();
      if (config === undefined) return;
      checkDaemonOptions(config);
      if (files.length === 0 && !config.daemon)
        throw new CtError("CT_ERR_USAGE", "peer: name at least one .torrent file or magnet link");
      const hasFile = configPath(command, surroundings) !== undefined;
      context.finish(await run(config, files, context, hasFile ? read : undefined));
    });
  addConfigOptions(command, PeerConfigSchema, ENV_PREFIX);
  command.addHelpText("after", EXAMPLES);
}

/** `reread` reads the configuration again, of a peer that has a file of it. */
async function run(
  config: PeerConfig,
  files: readonly string[],
  context: Context,
  reread?: () => Promise<PeerConfig | undefined>,
): Promise<number> {
  const { log, report } = outputs(config, context);
  let running: Running;
  try {
    running = await startRunning(config, files, context, log);
  } catch (error) {
    if (config.json && error instanceof CtError) report.failed(error);
    throw error;
  }
  const daemon = running.peer;
  const torrents = daemon.status().torrents.map(({ infoHash, name }) => ({ infoHash, name }));
  const signalled = reread ? endingSignal("SIGINT", "SIGTERM") : endingSignal("SIGINT", "SIGTERM", "SIGHUP");
  if (reread) {
    const read = async () => (await reread()) ?? config;
    process.on("SIGHUP", limitsReload({ daemon: running, config, log, read }));
  }
  report.listening({
    endpoint: formatEndpoint(daemon.endpoint),
    peerId: daemon.peerId,
    torrents,
    ...(running.control ? { control: running.control } : {}),
  });
  const hooks: Promise<void>[] = [];
  daemon.events.on("complete", (torrent) => report.complete(torrent));
  // Who acts on it may count on the disk.
  daemon.events.on("flushed", (torrent) => {
    const command = config["on-complete"];
    // A seed that starts again has completed nothing.
    if (command === undefined || !torrent.downloaded) return;
    const dir = daemon.torrent(torrent.infoHash)?.dir ?? resolve(config.dir);
    const told = runOnComplete(command, torrent, { dir, env: context.env, log });
    if (!config.daemon) hooks.push(told);
  });
  daemon.events.on("shared", ({ reason, ...torrent }) => report.shared(torrent, reason));
  daemon.events.on("error", ({ infoHash, error }) => {
    const torrent = daemon.torrent(infoHash)?.status();
    report.failed(error, torrent && { infoHash, name: torrent.name });
  });
  let sign = config["start-when"];
  const progress = systemClock.every(PROGRESS_MS, () => {
    if (sign === undefined) report.progress(daemon.status((torrent) => report.hasProgress(torrent)));
    else report.waiting(daemon.status(), sign);
  });
  const memory = returnOwnMemoryAtRest(log);
  const ended = new AbortController();
  if (sign !== undefined) {
    log.info({ event: "start" }, `begins once there is ${sign}`);
    void fileAppears(sign, systemClock, ended.signal).then(() => {
      sign = undefined;
      daemon.startAll();
    });
  }
  const exitCode = await runDaemon(running, reasonsToEnd(running, config, [signalled], hooks)).finally(() =>
    ended.abort(),
  );
  progress.cancel();
  memory?.cancel();
  report.stopped(daemon.status());
  return exitCode;
}

/** A peer, by itself or in a daemon around it. */
interface Running {
  readonly peer: PeerDaemon;
  /** Of a daemon: where it takes orders, and the file with the token that they need. */
  readonly control?: { readonly endpoint: string; readonly tokenFile: string };
  setLimits(config: PeerConfig): void | Promise<void>;
  stop(): Promise<void>;
}

async function startRunning(
  config: PeerConfig,
  files: readonly string[],
  { env }: Context,
  log: Logger,
): Promise<Running> {
  await Promise.all(files.filter((file) => !isMagnet(file)).map(requireTorrentFile));
  const parts = { clock: systemClock, random: systemRandom, log, stateDir: usualStateFolder(env) };
  if (config.daemon) {
    const daemon: RunningDaemon = await startDaemon(config, files, { ...parts, version: VERSION });
    const { control, stateDir } = daemon;
    return { ...daemon, control: { endpoint: formatEndpoint(control), tokenFile: tokenPath(stateDir) } };
  }
  const peer = await startPeer(config, files, { ...parts, holdsBack: config["start-when"] !== undefined });
  return { peer, setLimits: (changed) => peer.setLimits(changed), stop: () => peer.stop() };
}

/** A daemon waits for orders, whatever becomes of its torrents. */
function reasonsToEnd(
  { control, peer }: Running,
  config: PeerConfig,
  signals: readonly Promise<number>[],
  hooks: readonly Promise<void>[],
): readonly Promise<number>[] {
  return control ? signals : [...signals, endOf(peer, config, hooks)];
}

/** The exit code of a peer that no signal ends. When nothing is left to do, each torrent has told its error. */
function endOf(daemon: PeerDaemon, config: PeerConfig, hooks: readonly Promise<void>[]): Promise<number> {
  const failed = daemon.failed.then(exitCodeOf);
  const reasons = [failed];
  if (config["exit-on-complete"]) reasons.push(allHave("flushed", daemon, hooks));
  if (config["exit-on-stop"]) reasons.push(allHave("shared", daemon, hooks));
  return Promise.race(reasons);
}

/** The exit code once every torrent has come so far, or failed. */
function allHave(
  event: "flushed" | "shared",
  daemon: PeerDaemon,
  hooks: readonly Promise<void>[],
): Promise<number> {
  const unfinished = new Set(daemon.status().torrents.map((torrent) => torrent.infoHash));
  let exitCode: number = EXIT.done;
  return new Promise<number>((resolve) => {
    const settle = (infoHash: InfoHash) => {
      unfinished.delete(infoHash);
      if (unfinished.size === 0) void Promise.all(hooks).then(() => resolve(exitCode));
    };
    daemon.events.on(event, ({ infoHash }: { readonly infoHash: InfoHash }) => settle(infoHash));
    daemon.events.on("error", ({ infoHash, error }) => {
      exitCode = exitCodeOf(error);
      settle(infoHash);
    });
  });
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
RATE is bytes or bits per second with a unit: 2MB/s, 500KiB/s, 16Mbit/s. All limits hold together. ENTRY is days, times,
and limits by name: up, down, up-internal and so on, "none" to lift one. On SIGHUP a peer with --config reads its
limits and their schedule again; one without ends.

PATTERN is a glob: "*.iso" and "docs" match a name anywhere in the path, "docs/*.txt" the path from the top.

Examples:
  Download into the present folder and share until Ctrl-C:
    cachetorrent peer release.torrent

  Download to /srv at no more than 4 MB/s up, tell a script, and leave when complete:
    cachetorrent peer release.torrent --dir /srv --limit-up 4MB/s --on-complete 'echo "$CT_NAME is in $CT_DIR"' \\
      --exit-on-complete

  By a magnet link, the torrent's metadata coming from peers:
    cachetorrent peer 'magnet:?xt=urn:btih:c12fe1c06bba254a9dc9f519b335aa7c1367a88a&tr=http%3A%2F%2F198.18.0.1%3A6969%2Fannounce'

  For a program that reads along: a free port, and one JSON object a line on stdout:
    cachetorrent peer release.torrent --listen 127.0.0.1:0 --json

  One file and one folder of it, from the beginning on:
    cachetorrent peer release.torrent --files disk.img --files docs --sequential

  A daemon that stays in the foreground, for systemd, tmux or "&"; status, add, remove, pause, resume, limit and files give it orders:
    cachetorrent peer --daemon --dir /srv

  Behind a NAT, with other peers of the same site reaching it at 10.0.0.7:
    cachetorrent peer release.torrent --local 10.0.0.7:6881`;
