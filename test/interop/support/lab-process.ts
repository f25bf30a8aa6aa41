import { type ChildProcess, spawn } from "node:child_process";
import { EventEmitter, once } from "node:events";
import { createInterface } from "node:readline";

const CEILING_MS = 60_000;
const STOP_MS = 8_000;
const LINES_SHOWN = 25;

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/** A child process whose output lines, both streams, can be waited for. */
export class LabProcess {
  readonly label: string;
  readonly #child: ChildProcess;
  readonly #lines: string[] = [];
  readonly #news = new EventEmitter().setMaxListeners(0);
  #open = 2;
  #failure: Error | undefined;

  constructor(label: string, command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.label = label;
    // The kernel ends the child when this process dies in whatever way: no failure leaves a client running.
    this.#child = spawn("setpriv", ["--pdeathsig", "KILL", command, ...args], {
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#child.on("error", (error) => {
      this.#failure = error;
      this.#news.emit("news");
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (!stream) continue;
      createInterface({ input: stream })
        .on("line", (line) => {
          this.#lines.push(line);
          this.#news.emit("news");
        })
        .on("close", () => {
          this.#open--;
          this.#news.emit("news");
        });
    }
  }

  get lines(): readonly string[] {
    return this.#lines;
  }

  /** The first output line, past or future, of which `read` makes something. Fails when the output ends without. */
  async until<T>(
    what: string,
    read: (line: string) => T | undefined,
    ceilingMs: number = CEILING_MS,
  ): Promise<T> {
    const ceiling = AbortSignal.timeout(ceilingMs);
    for (let at = 0; ; at++) {
      while (at >= this.#lines.length) {
        if (this.#failure) throw this.#failure;
        if (this.#open === 0) throw new Error(this.#explain(`ended before ${what}`));
        await once(this.#news, "news", { signal: ceiling }).catch((error: Error) => {
          if (!ceiling.aborted) throw error;
          throw new Error(this.#explain(`${what}: nothing in ${ceilingMs / 1000} s`));
        });
      }
      const found = read(this.#lines[at] as string);
      if (found !== undefined) return found;
    }
  }

  /** Waits for the process to end by itself, and tells its exit code (null: a signal). */
  async exit(ceilingMs: number = CEILING_MS): Promise<number | null> {
    if (!this.#ended) {
      const ceiling = AbortSignal.timeout(ceilingMs);
      await once(this.#child, "exit", { signal: ceiling }).catch((error: Error) => {
        throw ceiling.aborted ? new Error(this.#explain(`did not end in ${ceilingMs / 1000} s`)) : error;
      });
    }
    return this.#child.exitCode;
  }

  /** SIGTERM, and SIGKILL for what does not listen. */
  async stop(): Promise<void> {
    if (this.#ended) return;
    const gone = once(this.#child, "exit");
    const force = setTimeout(() => this.#child.kill("SIGKILL"), STOP_MS);
    this.#child.kill("SIGTERM");
    await gone;
    clearTimeout(force);
  }

  /** At once and without waiting, for the way out of a failing test run. */
  kill(): void {
    if (!this.#ended) this.#child.kill("SIGKILL");
  }

  get #ended(): boolean {
    return this.#failure !== undefined || this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  #explain(what: string): string {
    return [`${this.label}: ${what}; it said:`, ...this.#lines.slice(-LINES_SHOWN)].join("\n  ");
  }
}
