import { type FileHandle, open } from "node:fs/promises";
import type { Writable } from "node:stream";
import type { Clock } from "@cachetorrent/clock";
import { type Asn, type Endpoint, formatEndpoint } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { storageError } from "../disk/storage-error.ts";

/** What a trace line's `m` goes with; the names of the line's own columns are taken. */
export type TraceFields = { readonly [name: string]: unknown } & {
  readonly [taken in "at" | "dir" | "endpoint" | "asn" | "m"]?: never;
};

/** The record of messages: one JSON line each, {`at`, `dir`, `endpoint`, `asn`, `m`, its fields}. */
export interface Trace {
  /** False when nobody reads it: callers on hot paths spare themselves the making of `fields`. */
  readonly enabled: boolean;
  event(dir: "in" | "out", endpoint: Endpoint, asn: Asn, m: string, fields?: TraceFields): void;
  /** Writes what is buffered. Never throws: a trace that fails is logged and costs nothing else. */
  close(): Promise<void>;
}

export const noTrace: Trace = {
  enabled: false,
  event: () => undefined,
  close: () => Promise.resolve(),
};

/** A disk that cannot follow costs lines, which are counted, and not memory. */
const BUFFERED_BYTES_MOST = 4 * 1024 * 1024;

/** Appends to `path`; the no-op trace when there is none. Rejects with a CtError when the file cannot be opened. */
export async function openTrace(
  path: string | undefined,
  { clock, log }: { clock: Clock; log: Logger },
): Promise<Trace> {
  if (path === undefined) return noTrace;
  try {
    return new FileTrace(await open(path, "a"), path, clock, log);
  } catch (error) {
    throw storageError(error, path, "cannot write the trace");
  }
}

class FileTrace implements Trace {
  readonly #stream: Writable;
  readonly #clock: Clock;
  readonly #closed: Promise<void>;
  enabled = true;
  #lost = 0;

  constructor(file: FileHandle, path: string, clock: Clock, log: Logger) {
    this.#clock = clock;
    this.#stream = file.createWriteStream();
    const closed = Promise.withResolvers<void>();
    this.#closed = closed.promise;
    this.#stream.once("close", closed.resolve);
    this.#stream.once("error", (error) => {
      this.enabled = false;
      log.error({ err: error, event: "trace" }, `the trace ${path} ends: ${error.message}`);
    });
  }

  event(dir: "in" | "out", endpoint: Endpoint, asn: Asn, m: string, fields: TraceFields = {}): void {
    if (!this.enabled) return;
    if (this.#stream.writableLength > BUFFERED_BYTES_MOST) {
      this.#lost++;
      return;
    }
    this.#tellLost();
    const at = Math.round(this.#clock.now());
    this.#stream.write(
      `${JSON.stringify({ at, dir, endpoint: formatEndpoint(endpoint), asn, m, ...fields })}\n`,
    );
  }

  close(): Promise<void> {
    if (this.enabled) this.#tellLost();
    this.enabled = false;
    this.#stream.end();
    return this.#closed;
  }

  #tellLost(): void {
    if (this.#lost === 0) return;
    const at = Math.round(this.#clock.now());
    this.#stream.write(`${JSON.stringify({ at, m: "lines lost", lines: this.#lost })}\n`);
    this.#lost = 0;
  }
}
