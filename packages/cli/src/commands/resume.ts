import type { Command } from "commander";
import type { Context } from "../context.ts";
import { defineSwitch } from "../daemon/switch-command.ts";

export function define(command: Command, context: Context): void {
  defineSwitch(command, context, {
    verb: "resume",
    description:
      "Have torrents of a daemon (peer --daemon) go on that were paused, stopped by their rule, or failed.",
  });
}
