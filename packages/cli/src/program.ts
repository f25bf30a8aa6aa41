import { didYouMean, nearestName } from "@cachetorrent/protocol";
import { Command } from "commander";
import type { Context } from "./context.ts";
import { describeError, EXIT, exitCodeOf } from "./exit.ts";
import { VERSION } from "./version.ts";

interface CommandEntry {
  readonly name: string;
  readonly summary: string;
  /** Loaded only when it is asked for: `info` need not wait for a web server's modules. */
  load(): Promise<{ define(command: Command, context: Context): void }>;
}

const COMMANDS: readonly CommandEntry[] = [
  {
    name: "tracker",
    summary: "run a tracker that knows autonomous systems",
    load: () => import("./commands/tracker.ts"),
  },
  { name: "peer", summary: "download and share torrents", load: () => import("./commands/peer.ts") },
  {
    name: "status",
    summary: "show what a daemon has and does",
    load: () => import("./commands/status.ts"),
  },
  { name: "add", summary: "give torrents to a daemon", load: () => import("./commands/add.ts") },
  {
    name: "remove",
    summary: "have a daemon drop torrents",
    load: () => import("./commands/remove.ts"),
  },
  {
    name: "pause",
    summary: "have torrents of a daemon leave their swarms",
    load: () => import("./commands/pause.ts"),
  },
  {
    name: "resume",
    summary: "have torrents of a daemon go on",
    load: () => import("./commands/resume.ts"),
  },
  { name: "limit", summary: "show and change limits of a daemon", load: () => import("./commands/limit.ts") },
  {
    name: "files",
    summary: "show and choose files of a torrent of a daemon",
    load: () => import("./commands/files.ts"),
  },
  {
    name: "create",
    summary: "make a .torrent of a file or a folder",
    load: () => import("./commands/create.ts"),
  },
  { name: "info", summary: "show what a .torrent describes", load: () => import("./commands/info.ts") },
  {
    name: "verify",
    summary: "check content on disk against a .torrent",
    load: () => import("./commands/verify.ts"),
  },
  { name: "as", summary: "show the AS of addresses", load: () => import("./commands/as.ts") },
  {
    name: "testbed",
    summary: "compare policies with many peers on this machine",
    load: () => import("./commands/testbed.ts"),
  },
];

/** Runs one command line, given without the program's name. Resolves with its exit code and never rejects. */
export async function runCommandLine(
  argv: readonly string[],
  context: Omit<Context, "finish">,
): Promise<number> {
  let exitCode: number = EXIT.done;
  const finish = (code: number) => {
    exitCode = code;
  };
  try {
    const program = await buildProgram(argv, { ...context, finish });
    await program.parseAsync(argv, { from: "user" });
    return exitCode;
  } catch (error) {
    const code = exitCodeOf(error);
    // Commander has said what was wrong by the time it throws.
    if (!isCommanderError(error)) context.stderr.write(`${describeError(error)}\n`);
    return code;
  }
}

async function buildProgram(argv: readonly string[], context: Context): Promise<Command> {
  const program = new Command("cachetorrent")
    .description("BitTorrent that knows autonomous systems: bytes enter a site as few times as possible.")
    .version(VERSION, "-V, --version")
    .addHelpText("after", EXAMPLES)
    .showHelpAfterError("(cachetorrent --help lists the commands)");
  configure(program, context);
  const wanted = argv.filter((word) => !word.startsWith("-"));
  for (const entry of COMMANDS) {
    const command = program.command(entry.name).summary(entry.summary).description(entry.summary);
    configure(command, context);
    command.showHelpAfterError(`(cachetorrent ${entry.name} --help explains its options)`);
    // The name may also follow `help`; a value of an option that looks like a name only costs a load.
    if (!wanted.includes(entry.name)) continue;
    (await entry.load()).define(command, context);
    for (const nested of command.commands)
      nested.showHelpAfterError(`(cachetorrent ${entry.name} ${nested.name()} --help explains its options)`);
  }
  return program;
}

/** Commander reports and throws; it neither exits nor writes anywhere but to the context. */
function configure(command: Command, context: Context): void {
  command.showSuggestionAfterError(false);
  command.exitOverride().configureOutput({
    writeOut: (text) => context.stdout.write(text),
    writeErr: (text) => context.stderr.write(text),
    outputError: (text, write) => write(withSuggestion(text.replace(/^error:/, "cachetorrent:"), command)),
    getOutHelpWidth: () => Math.min(context.stdout.columns || 80, 110),
    getErrHelpWidth: () => Math.min(context.stderr.columns || 80, 110),
  });
}

/** Commander's own suggestions leave out names that are much longer than what was typed. */
function withSuggestion(text: string, command: Command): string {
  const [, kind, name = ""] = /unknown (option|command) '([^'=]+)/.exec(text) ?? [];
  if (kind === undefined) return text;
  if (kind === "command") {
    const known = command.commands.map((subcommand) => subcommand.name());
    return `${text.trimEnd()}${didYouMean(name, known)}\n`;
  }
  // Dashes are no likeness: --all is not --help.
  const known = ["help", ...command.options.flatMap(({ long }) => long?.slice(2) ?? [])];
  const nearest = nearestName(name.replace(/^-+/, ""), known);
  return `${text.trimEnd()}${nearest === undefined ? "" : ` (did you mean --${nearest}?)`}\n`;
}

function isCommanderError(error: unknown): boolean {
  return error instanceof Error && error.name === "CommanderError";
}

const EXAMPLES = `
Examples:
  A tracker for two sites, told apart by their addresses:
    cachetorrent tracker --as-prefix 198.18.1.0/24=64501 --as-prefix 198.18.2.0/24=64502

  A torrent of a folder, and its first peer, which has the content already:
    cachetorrent create ./release --tracker http://198.18.0.1:6969/announce
    cachetorrent peer release.torrent --dir .

  On every other machine:
    cachetorrent peer release.torrent --dir /srv/downloads

  A daemon, and a torrent for it:
    cachetorrent peer --daemon --dir /srv/downloads
    cachetorrent add release.torrent
    cachetorrent status --follow

"cachetorrent COMMAND --help" explains a command.
Exit codes: 0 done, 1 failed, 2 wrong usage or input, 129, 130 and 143 ended by SIGHUP, SIGINT and SIGTERM.`;
