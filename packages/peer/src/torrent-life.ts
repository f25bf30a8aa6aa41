import type { CtError } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import type { TorrentState } from "./status.ts";

export interface TorrentLifeParts {
  readonly log: Logger;
  onError(error: CtError): void;
  /** Called when it has failed. */
  stop(): void;
}

/** How far a torrent has come, and how it ends: by `stop`, or by an error that it cannot go on with. */
export class TorrentLife {
  state: TorrentState;
  readonly #parts: TorrentLifeParts;
  #error: CtError | undefined;
  #stopping: Promise<void> | undefined;

  constructor(state: TorrentState, parts: TorrentLifeParts) {
    this.state = state;
    this.#parts = parts;
  }

  /** Why it failed. */
  get error(): CtError | undefined {
    return this.#error;
  }

  /** Is it being stopped, or has it been? */
  get isEnding(): boolean {
    return this.#stopping !== undefined;
  }

  get isOver(): boolean {
    return this.state === "stopped" || this.state === "failed";
  }

  /** Leaves once, however often it is called; resolves when it has left. */
  stop(leave: () => Promise<void>): Promise<void> {
    this.#stopping ??= this.#stop(leave);
    return this.#stopping;
  }

  /** Of errors only the first counts, and none that comes of leaving. */
  fail(error: CtError): void {
    if (this.state === "failed" || this.isEnding) return;
    this.state = "failed";
    this.#error = error;
    this.#parts.log.error({ err: error, event: "failed" }, error.message);
    this.#parts.onError(error);
    this.#parts.stop();
  }

  async #stop(leave: () => Promise<void>): Promise<void> {
    await leave();
    if (this.state !== "failed") this.state = "stopped";
  }
}
