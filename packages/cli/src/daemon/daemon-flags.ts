import { type ControlClient, connectToDaemon } from "@cachetorrent/control";
import type { Command } from "commander";
import type { Context } from "../context.ts";
import { usualStateFolder } from "../state-folder.ts";

/** How to find the daemon, for every command that gives orders to one. */
export interface DaemonFlags {
  readonly state?: string;
  readonly control?: string;
  readonly tokenFile?: string;
}

export function addDaemonFlags(command: Command): Command {
  return command
    .option(
      "--state <DIR>",
      "the daemon's state folder (default: $CACHETORRENT_PEER_STATE, else as for peer)",
    )
    .option(
      "--control <HOST:PORT>",
      "where the daemon takes orders (default: $CACHETORRENT_PEER_CONTROL, else what its state folder says)",
    )
    .option(
      "--token-file <FILE>",
      "file with the daemon's token (default: $CACHETORRENT_TOKEN has the token, else control.token in its state folder)",
    );
}

/** Rejects with a CtError where there is none to be found. */
export function daemonOf(command: Command, { env }: Context): Promise<ControlClient> {
  const { control, state, tokenFile } = command.opts<DaemonFlags>();
  return connectToDaemon({
    stateDir: state ?? env.CACHETORRENT_PEER_STATE ?? usualStateFolder(env),
    endpoint: control ?? env.CACHETORRENT_PEER_CONTROL,
    tokenFile,
    token: tokenFile === undefined ? env.CACHETORRENT_TOKEN : undefined,
  });
}
