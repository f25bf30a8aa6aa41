import { systemClock } from "@cachetorrent/clock";
import { inForeground } from "./foreground.ts";
import { bar, percent } from "./report/progress-line.ts";
import { TerminalDisplay } from "./terminal-display.ts";

const REDRAW_MS = 100;
const BAR_CELLS = 20;

/** A bar on stderr for a task that takes a while, where somebody can see it: silent in pipes, files and the background. */
export class TaskProgress {
  readonly #label: string;
  readonly #display: TerminalDisplay | undefined;
  #drawnAt = 0;

  constructor(label: string, stream: NodeJS.WriteStream) {
    this.#label = label;
    this.#display = stream.isTTY ? new TerminalDisplay(stream, inForeground) : undefined;
  }

  update(done: number, total: number): void {
    const now = systemClock.now();
    if (!this.#display || now - this.#drawnAt < REDRAW_MS) return;
    this.#drawnAt = now;
    const fraction = total === 0 ? 1 : done / total;
    this.#display.show([`${bar(fraction, BAR_CELLS)} ${percent(fraction).padStart(6)}  ${this.#label}`]);
  }

  /** Removes the bar. */
  done(): void {
    this.#display?.show([]);
  }
}
