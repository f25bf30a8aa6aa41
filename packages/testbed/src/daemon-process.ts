import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import type { Clock } from "@cachetorrent/clock";
import { CtError } from "@cachetorrent/protocol";

/** One line that a daemon printed; `event` when it came on stdout and is a JSON object that names one. */
export interface DaemonLine {
  readonly text: string;
  readonly event?: DaemonEvent;
}

/** A `--json` line. What stands in it beside its name is the daemon's contract. */
export interface DaemonEvent {
  readonly event: string;
  readonly [key: string]: unknown;
}

/** How a process ended: with a code, or by a signal it did not handle. */
export interface DaemonExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface DaemonOptions {
  /** What messages call it: `peer 2.3`, `tracker`. */
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  /** Both output streams are appended here. */
  readonly logFile: string;
  readonly clock: Clock;
  readonly cwd?: string;
  /** The whole environment; without it, that of this process. */
  readonly env?: NodeJS.ProcessEnv;
}

export interface WaitOptions {
  /** Default 60 s: a ceiling for what should happen at once, not an expectation. */
  readonly timeoutMs?: number;
  /** Lines before this one (counted as `lines.length` was) are not looked at. */
  readonly from?: number;
}

interface Waiter {
  readonly what: string;
  offer(line: DaemonLine): void;
  fail(why: string): void;
}

const DEFAULT_WAIT_MS = 60_000;
const STOP_MS = 10_000;
const LAST_LINES = 12;

/** A daemon as a process of its own, watched by what it prints. */
export class DaemonProcess {
  readonly name: string;
  readonly logFile: string;
  /** Rejects with CT_ERR_TESTBED when the command cannot be started at all. */
  readonly started: Promise<this>;
  /** Settles when the process has ended and all it printed stands in the log; never rejects. */
  readonly exited: Promise<DaemonExit>;
  readonly #child: ChildProcess;
  readonly #clock: Clock;
  readonly #log: WriteStream;
  readonly #lines: DaemonLine[] = [];
  readonly #waiters = new Set<Waiter>();
  #exit: DaemonExit | undefined;

  /** Starts the process. It runs once `started` has resolved. */
  constructor(options: DaemonOptions) {
    this.name = options.name;
    this.logFile = options.logFile;
    this.#clock = options.clock;
    this.#log = createWriteStream(options.logFile, { flags: "a" });
    const child = spawn(options.command, options.args, {
      stdio: ["ignore", "pipe", "pipe"],
      ...(options.cwd !== undefined ? { cwd: options.cwd } : {}),
      ...(options.env ? { env: options.env } : {}),
    });
    this.#child = child;
    createInterface({ input: child.stdout }).on("line", (text) => this.#onLine(withEvent(text)));
    createInterface({ input: child.stderr }).on("line", (text) => this.#onLine({ text }));
    const spawned = once(child, "spawn").catch((cause: Error) => {
      throw new CtError(
        "CT_ERR_TESTBED",
        `cannot start ${options.name} (${options.command}): ${cause.message}`,
        { cause },
      );
    });
    this.started = spawned.then(() => this);
    // `close` and not `exit`: the last lines may still be in the pipes when a process ends.
    this.exited = spawned.then(
      () => closed.then((exit) => this.#onExit(exit)),
      () => this.#onExit({ code: null, signal: null }),
    );
    const closed = new Promise<DaemonExit>((resolve) => {
      child.once("close", (code, signal) => resolve({ code, signal }));
    });
  }

  /** Undefined when the process could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  /** The most memory that it took so far, in bytes (resident, as the kernel counts it); undefined once it has ended. */
  async peakMemory(): Promise<number | undefined> {
    try {
      const status = await readFile(`/proc/${this.pid}/status`, "utf8");
      const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1];
      return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
      throw error;
    }
  }

  /** What it printed so far, to both streams. */
  get lines(): readonly DaemonLine[] {
    return this.#lines;
  }

  get events(): readonly DaemonEvent[] {
    return this.#lines.map((line) => line.event).filter((event) => event !== undefined);
  }

  get isRunning(): boolean {
    return this.#exit === undefined;
  }

  /** The first event of that name (that satisfies `accepts`). Rejects at the time-out or when the process ends. */
  waitFor(
    event: string,
    options: WaitOptions & { readonly accepts?: (event: DaemonEvent) => boolean } = {},
  ): Promise<DaemonEvent> {
    return this.#wait(`event "${event}"`, options, (line) =>
      line.event?.event === event && (options.accepts?.(line.event) ?? true) ? line.event : undefined,
    );
  }

  /** The first line of either stream that matches. Rejects at the time-out or when the process ends. */
  waitForLine(pattern: RegExp, options: WaitOptions = {}): Promise<RegExpExecArray> {
    return this.#wait(`a line like ${pattern}`, options, (line) => pattern.exec(line.text) ?? undefined);
  }

  /** Sends the signal to this process by its id; nothing happens when it has ended. */
  kill(signal: NodeJS.Signals): void {
    if (this.isRunning) this.#child.kill(signal);
  }

  /** SIGTERM, and SIGKILL for a process that has not ended after `timeoutMs`. Idempotent. */
  async stop(timeoutMs: number = STOP_MS): Promise<DaemonExit> {
    this.kill("SIGTERM");
    const last = this.#clock.after(timeoutMs, () => this.kill("SIGKILL"), { keepAlive: true });
    const exit = await this.exited;
    last.cancel();
    return exit;
  }

  /** An error that tells what went wrong, what the daemon said last and where to read on. */
  failure(why: string): CtError {
    const last = this.#lines.slice(-LAST_LINES).map((line) => `\n  ${line.text}`);
    const said = last.length > 0 ? last.join("") : " (nothing)";
    return new CtError(
      "CT_ERR_TESTBED",
      `${this.name}: ${why}\n  log: ${this.logFile}\n  its last lines:${said}`,
    );
  }

  #wait<T>(what: string, options: WaitOptions, match: (line: DaemonLine) => T | undefined): Promise<T> {
    for (const line of this.#lines.slice(options.from ?? 0)) {
      const found = match(line);
      if (found !== undefined) return Promise.resolve(found);
    }
    if (this.#exit) return Promise.reject(this.failure(`${describeExit(this.#exit)} before ${what}`));
    const timeoutMs = options.timeoutMs ?? DEFAULT_WAIT_MS;
    return new Promise<T>((resolve, reject) => {
      const timer = this.#clock.after(
        timeoutMs,
        () =>
          waiter.fail(`no ${what} within ${timeoutMs / 1000} s, which on a busy machine may be too little`),
        {
          keepAlive: true,
        },
      );
      const settle = (action: () => void) => {
        timer.cancel();
        this.#waiters.delete(waiter);
        action();
      };
      const waiter: Waiter = {
        what,
        offer: (line) => {
          const found = match(line);
          if (found !== undefined) settle(() => resolve(found));
        },
        fail: (why) => settle(() => reject(this.failure(why))),
      };
      this.#waiters.add(waiter);
    });
  }

  #onLine(line: DaemonLine): void {
    this.#log.write(`${line.text}\n`);
    this.#lines.push(line);
    for (const waiter of [...this.#waiters]) waiter.offer(line);
  }

  async #onExit(exit: DaemonExit): Promise<DaemonExit> {
    this.#exit = exit;
    for (const waiter of [...this.#waiters]) waiter.fail(`${describeExit(exit)} before ${waiter.what}`);
    await new Promise<void>((resolve) => this.#log.end(() => resolve()));
    return exit;
  }
}

export function describeExit(exit: DaemonExit): string {
  return exit.signal === null ? `ended with code ${exit.code}` : `was ended by ${exit.signal}`;
}

function withEvent(text: string): DaemonLine {
  if (!text.startsWith("{")) return { text };
  try {
    const event = JSON.parse(text) as DaemonEvent;
    return typeof event.event === "string" ? { text, event } : { text };
  } catch {
    // Not a JSON line after all: it stays a plain one.
    return { text };
  }
}
