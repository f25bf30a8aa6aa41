import { CtError, type ErrorCode } from "@cachetorrent/protocol";
import { CommanderError } from "commander";
import { printable } from "./printable.ts";

/** What scripts may rely on; a daemon that a signal ended exits with 128 + the signal's number. */
export const EXIT = { done: 0, failed: 1, badUsage: 2 } as const;

/** Errors that are the input's fault: the same command would fail again on any machine. */
const BAD_INPUT: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "CT_ERR_USAGE",
  "CT_ERR_CONFIG",
  "CT_ERR_QUANTITY",
  "CT_ERR_ADDRESS",
  "CT_ERR_BENCODE",
  "CT_ERR_TORRENT",
  "CT_ERR_TORRENT_V2_ONLY",
  "CT_ERR_MAGNET",
  "CT_ERR_UNSAFE_PATH",
  "CT_ERR_AS_TABLE",
]);

export function exitCodeOf(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.badUsage;
  return error instanceof CtError && BAD_INPUT.has(error.code) ? EXIT.badUsage : EXIT.failed;
}

/** One line for whoever typed the command; a stack only for what we did not foresee. */
export function describeError(error: unknown): string {
  if (error instanceof CtError) return `cachetorrent: ${printable(error.message)} [${error.code}]`;
  if (isSystemError(error)) return `cachetorrent: ${printable(error.message)}`;
  return `cachetorrent: internal error: ${error instanceof Error ? error.stack : String(error)}`;
}

export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return (
    error instanceof Error && typeof (error as NodeJS.ErrnoException).code === "string" && "syscall" in error
  );
}
