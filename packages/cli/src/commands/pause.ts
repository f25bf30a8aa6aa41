import type { Command } from "commander";
import type { Context } from "../context.ts";
import { defineSwitch } from "../daemon/switch-command.ts";

export function define(command: Command, context: Context): void {
  defineSwitch(command, context, {
    verb: "pause",
    description: "Have torrents of a daemon (peer --daemon) leave their swarms until they are resumed.",
  });
}
