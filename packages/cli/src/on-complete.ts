import { spawn } from "node:child_process";
import type { Logger } from "pino";
import type { TorrentRef } from "./report/peer-report.ts";

/**
 * Runs the user's command for a finished torrent and resolves when it ended. What it prints goes to stderr:
 * stdout is for our own reports. It never rejects; a failure is logged.
 */
export function runOnComplete(
  shellCommand: string,
  torrent: TorrentRef,
  surroundings: { readonly dir: string; readonly env: NodeJS.ProcessEnv; readonly log: Logger },
): Promise<void> {
  const { dir, env, log } = surroundings;
  // The name comes from a stranger's file: it is passed as a variable, never made part of the command.
  const child = spawn(shellCommand, {
    shell: true,
    stdio: ["ignore", 2, 2],
    env: { ...env, CT_INFO_HASH: torrent.infoHash, CT_NAME: torrent.name, CT_DIR: dir },
  });
  return new Promise((resolve) => {
    child.on("error", (err) => {
      log.error({ err, infoHash: torrent.infoHash }, "--on-complete could not be run");
      resolve();
    });
    child.on("close", (exitCode, signal) => {
      if (exitCode !== 0) {
        log.error({ infoHash: torrent.infoHash, exitCode, signal }, "--on-complete failed");
      }
      resolve();
    });
  });
}
