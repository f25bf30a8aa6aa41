import { cutToCells } from "./cells.ts";

const CURSOR_TO_START_AND_CLEAR_BELOW = "\r\x1b[J";
const WRAP_OFF = "\x1b[?7l";
const WRAP_ON = "\x1b[?7h";

/** A few lines at the bottom of a terminal that are redrawn in place, with other text passing above them. */
export class TerminalDisplay {
  readonly #stream: NodeJS.WriteStream;
  #lines: readonly string[] = [];

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
  }

  /** How wide the terminal is now. */
  get columns(): number {
    return this.#stream.columns ?? 80;
  }

  /** Replaces what is shown. A terminal too low for all lines gets the first ones. */
  show(lines: readonly string[]): void {
    const room = Math.max(1, (this.#stream.rows ?? 24) - 1);
    const erase = this.#erasure();
    this.#lines = lines.slice(0, room).map((line) => cutToCells(line, this.columns));
    this.#stream.write(erase + this.#drawing());
  }

  /** Writes lines that stay, such as log messages, above those that are redrawn. */
  printAbove(text: string): void {
    this.#stream.write(`${this.#erasure()}${text}${text.endsWith("\n") ? "" : "\n"}${this.#drawing()}`);
  }

  /** Leaves the last lines shown where they are. */
  close(): void {
    this.#lines = [];
  }

  #erasure(): string {
    const up = this.#lines.length > 0 ? `\x1b[${this.#lines.length}A` : "";
    return up + CURSOR_TO_START_AND_CLEAR_BELOW;
  }

  /** Without wrapping, so that one line always is one row: that is what `#erasure` counts on. */
  #drawing(): string {
    return this.#lines.length === 0 ? "" : `${WRAP_OFF}${this.#lines.join("\n")}\n${WRAP_ON}`;
  }
}
