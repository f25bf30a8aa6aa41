import { Writable } from "node:stream";
import { type Logger, pino } from "pino";

export interface Line {
  readonly event?: string;
  readonly level: number;
  readonly [field: string]: unknown;
}

/** A logger, and the lines that it was given. */
export function logged(level: string): { readonly lines: Line[]; readonly log: Logger } {
  const lines: Line[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(JSON.parse(chunk.toString()) as Line);
      done();
    },
  });
  return { lines, log: pino({ level }, stream) };
}
