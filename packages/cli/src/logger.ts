import { CtError } from "@cachetorrent/protocol";
import pino, { type Logger, stdSerializers, stdTimeFunctions } from "pino";
import { printable } from "./printable.ts";

/** Where log lines go: stderr itself, or a display that keeps its own lines below them. */
export interface LogTarget {
  write(line: string): void;
}

/** One JSON object a line for machines, or, for people at a terminal, one readable line a message. */
export function createLogger(level: string, target: LogTarget, options: { readable: boolean }): Logger {
  const destination = options.readable
    ? { write: (line: string) => target.write(readableLine(line)) }
    : target;
  const serializers = { err: ["debug", "trace"].includes(level) ? stdSerializers.err : loggedError };
  return pino({ level, base: null, timestamp: stdTimeFunctions.isoTime, serializers }, destination);
}

/** A CtError is foreseen and says itself what is wrong: where in our code it was found helps only who debugs. */
function loggedError(error: Error): object {
  return error instanceof CtError ? { code: error.code, message: error.message } : stdSerializers.err(error);
}

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: "trace",
  20: "debug",
  30: "info",
  40: "warn",
  50: "error",
  60: "fatal",
};

/** `12:30:01 warn  tracker did not answer  infoHash=… attempt=2`, of one line of pino's JSON. */
export function readableLine(line: string): string {
  const { level, time, msg, err, ...fields } = JSON.parse(line) as Record<string, unknown> & {
    level: number;
    time: string;
  };
  const words = [time.slice(11, 19), (LEVEL_NAMES[level] ?? String(level)).padEnd(5), msg ?? ""];
  for (const [name, value] of Object.entries(fields)) {
    words.push(`${name}=${typeof value === "string" ? value : JSON.stringify(value)}`);
  }
  const why = err === undefined ? undefined : ((err as { message?: string }).message ?? JSON.stringify(err));
  // Some messages are the error's own.
  if (why !== undefined && why !== msg) words.push(`(${why})`);
  return `${printable(words.join(" "))}\n`;
}
