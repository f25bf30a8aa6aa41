import { type Logger, pino } from "pino";

/** A logger, and the reasons it was given for ending a connection with an endpoint or not letting it in. */
export interface KeptLog {
  readonly log: Logger;
  reasonsFor(endpoint: string): string[];
}

export function keptLog(): KeptLog {
  const lines: { readonly endpoint?: string; readonly msg: string }[] = [];
  const log = pino({ level: "debug" }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  return {
    log,
    reasonsFor: (endpoint) => lines.filter((line) => line.endpoint === endpoint).map(({ msg }) => msg),
  };
}
