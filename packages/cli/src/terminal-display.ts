import { cutToCells } from "./cells.ts";

const CURSOR_TO_START_AND_CLEAR_BELOW = "\r\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/** A few lines at the bottom of a terminal that are redrawn in place, with other text passing above them. */
export class TerminalDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #mayDraw: () => boolean;
  #lines: readonly string[] = [];
  #hasDrawn = false;

  /** `mayDraw` is asked each time: while it says no, as for a job in the background, text is only appended. */
  constructor(stream: NodeJS.WriteStream, mayDraw: () => boolean = () => true) {
    this.#stream = stream;
    this.#mayDraw = mayDraw;
  }

  /** How wide the terminal is now; one that does not know its size says 0. */
  get columns(): number {
    return this.#stream.columns || 80;
  }

  get canDraw(): boolean {
    const mayDraw = this.#mayDraw();
    // Others have written below our lines since: they are no longer ours to erase.
    if (!mayDraw) this.forget();
    return mayDraw;
  }

  /** Replaces what is shown. A terminal too low for all lines gets the first ones. */
  show(lines: readonly string[]): void {
    if (!this.canDraw) return;
    const room = Math.max(1, (this.#stream.rows || 24) - 1);
    const erase = this.#erasure();
    this.#lines = lines.slice(0, room).map((line) => cutToCells(line, this.columns));
    this.#stream.write(erase + this.#drawing());
  }

  /** Writes lines that stay, such as log messages, above those that are redrawn. */
  printAbove(text: string): void {
    const whole = text.endsWith("\n") ? text : `${text}\n`;
    this.#stream.write(this.canDraw ? this.#erasure() + whole + this.#drawing() : whole);
  }

  /** Leaves the last lines shown where they are. */
  forget(): void {
    this.#lines = [];
  }

  /** For the end of the process, however it comes: the terminal as it was found, the last lines in place. */
  restore(): void {
    this.forget();
    if (this.#hasDrawn) this.#stream.write(WRAP_ON);
  }

  #erasure(): string {
    const up = this.#lines.length > 0 ? `\x1b[${this.#lines.length}A` : "";
    return up + CURSOR_TO_START_AND_CLEAR_BELOW;
  }

  /** Without wrapping, so that one line always is one row: that is what `#erasure` counts on. */
  #drawing(): string {
    if (this.#lines.length === 0) return "";
    this.#hasDrawn = true;
    return `${WRAP_OFF}${this.#lines.join("\n")}\n${WRAP_ON}`;
  }
}
