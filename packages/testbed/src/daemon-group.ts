import { CtError } from "@cachetorrent/protocol";
import { type DaemonOptions, DaemonProcess } from "./daemon-process.ts";

/**
 * All daemons of a run, so that none outlives it: whoever makes a group ends it in every exit path, with
 * `stopAll` where there is time and with `killAll` where there is none (`process.on("exit")`).
 */
export class DaemonGroup {
  readonly #running = new Set<DaemonProcess>();
  #closed = false;

  /** Rejects with CT_ERR_TESTBED when the command cannot be started, or the group was ended. */
  async start(options: DaemonOptions): Promise<DaemonProcess> {
    if (this.#closed)
      throw new CtError("CT_ERR_TESTBED", `${options.name} is not started: the run was ended`);
    const daemon = new DaemonProcess(options);
    this.#running.add(daemon);
    const ended = daemon.exited.then(() => this.#running.delete(daemon));
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

  /** SIGKILL to all, without waiting. */
  killAll(): void {
    this.#closed = true;
    for (const daemon of this.#running) daemon.kill("SIGKILL");
  }
}
