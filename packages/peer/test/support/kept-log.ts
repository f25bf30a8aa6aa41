import { type Logger, pino } from "pino";

export interface LogLine {
  readonly level: number;
  readonly event?: string;
  readonly endpoint?: string;
  readonly count?: number;
  readonly ignored?: number;
  readonly msg: string;
}

/** A logger, and the reasons it was given for ending a connection with an endpoint or not letting it in. */
export interface KeptLog {
  readonly log: Logger;
  readonly lines: readonly LogLine[];
  reasonsFor(endpoint: string): string[];
}

export function keptLog(): KeptLog {
  const lines: LogLine[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return {
    log,
    lines,
    reasonsFor: (endpoint) => lines.filter((line) => line.endpoint === endpoint).map(({ msg }) => msg),
  };
}
