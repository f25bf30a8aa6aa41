import { rename, rm, writeFile } from "node:fs/promises";
import type { Clock, Timer } from "@cachetorrent/clock";
import { CtError, LIMITS } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { moveEarlierLedger } from "./earlier-ledger.ts";
import type { Ledger } from "./ledger.ts";

export interface LedgerWriterOptions {
  readonly ledger: Ledger;
  /** The ledger file; `PATH.tmp` beside it is ours too. */
  readonly path: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * Keeps the ledger file up to date: rewritten once a second when something changed. A reader sees the old accounts or
 * the new ones, never half of them, because each version is written beside the file and renamed over it.
 */
export class LedgerWriter {
  readonly #options: LedgerWriterOptions;
  #timer: Timer | undefined;
  #writing: Promise<void> | undefined;
  #written = -1;
  #failing = false;

  constructor(options: LedgerWriterOptions) {
    this.#options = options;
  }

  /**
   * Moves the ledger of an earlier run out of the way and writes the first version. Throws CT_ERR_STORAGE when the file cannot be
   * written, CT_ERR_FILE_IN_THE_WAY when one that is no ledger is there: better at the start than at the end.
   */
  async start(): Promise<void> {
    const { log, path } = this.#options;
    const kept = await moveEarlierLedger(path);
    if (kept) log.info({ event: "ledger" }, `the ledger of an earlier run is now ${kept}`);
    await this.#write();
    this.#timer = this.#options.clock.every(LIMITS.peer.ledgerMs, () => this.#tick());
  }

  /** Writes what is not written yet and ends. Throws CT_ERR_STORAGE. Idempotent. */
  async stop(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    await this.#writing;
    await this.#write();
  }

  #tick(): void {
    // A disk slower than the timer gets one write at a time, not a queue of them.
    this.#writing ??= this.#writeOrTell().finally(() => {
      this.#writing = undefined;
    });
  }

  async #writeOrTell(): Promise<void> {
    try {
      await this.#write();
      this.#failing = false;
    } catch (error) {
      // Once, not every second.
      if (!this.#failing)
        this.#options.log.error({ err: error, event: "ledger" }, "the ledger is not written");
      this.#failing = true;
    }
  }

  async #write(): Promise<void> {
    const { ledger, path } = this.#options;
    const entries = ledger.entries;
    if (entries === this.#written) return;
    const temporary = `${path}.tmp`;
    try {
      await writeFile(temporary, `${JSON.stringify(ledger)}\n`);
      await rename(temporary, path);
    } catch (cause) {
      await rm(temporary, { force: true }).catch(() => undefined); // the first error is the one to tell
      throw new CtError("CT_ERR_STORAGE", `cannot write the ledger ${path}: ${(cause as Error).message}`, {
        cause,
      });
    }
    this.#written = entries;
  }
}
