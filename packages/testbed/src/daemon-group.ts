import { CtError } from "@cachetorrent/protocol";
import { type DaemonOptions, DaemonProcess, describeExit } from "./daemon-process.ts";

/** What ends a process that has a fault. Nobody sends these. */
const CRASHES: ReadonlySet<NodeJS.Signals | null> = new Set([
  "SIGABRT",
  "SIGBUS",
  "SIGFPE",
  "SIGILL",
  "SIGSEGV",
  "SIGTRAP",
]);

/**
 * All daemons of a run, so that none outlives it: whoever makes a group ends it in every exit path, with
 * `stopAll` where there is time and with `killAll` where there is none (`process.on("exit")`).
 */
export class DaemonGroup {
  readonly #running = new Set<DaemonProcess>();
  readonly #crashes: CtError[] = [];
  #closed = false;

  /** Rejects with CT_ERR_TESTBED when the command cannot be started, or the group was ended. */
  async start(options: DaemonOptions): Promise<DaemonProcess> {
    if (this.#closed)
      throw new CtError("CT_ERR_TESTBED", `${options.name} is not started: the run was ended`);
    const daemon = new DaemonProcess(options);
    this.#running.add(daemon);
    const ended = daemon.exited.then((exit) => {
      this.#running.delete(daemon);
      if (CRASHES.has(exit.signal)) this.#crashes.push(daemon.failure(describeExit(exit)));
    });
    try {
      return await daemon.started;
    } catch (error) {
      await ended;
      throw error;
    }
  }

  get running(): readonly DaemonProcess[] {
    return [...this.#running];
  }

  /** SIGTERM to all at once, SIGKILL to those that do not end; resolves when none is left. Idempotent. */
  async stopAll(): Promise<void> {
    this.#closed = true;
    await Promise.all(this.running.map((daemon) => daemon.stop()));
  }

  /**
   * Throws CT_ERR_TESTBED with the last words of one that crashed, if one did. Others may have waited in vain for it, and
   * whoever waited for them would look for the fault there.
   */
  throwIfCrashed(): void {
    const [first] = this.#crashes;
    if (first) throw first;
  }

  /** SIGKILL to all, without waiting. */
  killAll(): void {
    this.#closed = true;
    for (const daemon of this.#running) daemon.kill("SIGKILL");
  }
}
