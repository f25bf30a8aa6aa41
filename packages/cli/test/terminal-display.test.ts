import { expect, test } from "vitest";
import { statTellsForeground } from "../src/foreground.ts";
import { TerminalDisplay } from "../src/terminal-display.ts";

const ESC = String.fromCharCode(27);
const PARTS = new RegExp(`${ESC}\\[\\??\\d*[A-Za-z]|[\\r\\n]|[^${ESC}\\r\\n]+`, "g");
const CURSOR_UP = new RegExp(`^${ESC}\\[(\\d+)A$`);
const WRAP_ON = `${ESC}[?7h`;
const WRAP_OFF = `${ESC}[?7l`;
const CLEAR_BELOW = `${ESC}[J`;

/** A terminal that knows the few sequences the display uses, and what then stands on it. */
class Screen {
  readonly rows = 24;
  readonly columns: number;
  readonly lines: string[] = [""];
  /** Whether long lines are folded, as outside of a display they are. */
  wraps = true;
  #row = 0;

  constructor(columns = 10) {
    this.columns = columns;
  }

  write(text: string): boolean {
    for (const part of text.match(PARTS) ?? []) this.#apply(part);
    return true;
  }

  #apply(part: string): void {
    const up = CURSOR_UP.exec(part);
    if (up) this.#row -= Number(up[1]);
    else if (part === WRAP_ON || part === WRAP_OFF) this.wraps = part === WRAP_ON;
    else if (part === CLEAR_BELOW) this.lines.splice(this.#row, Infinity, "");
    else if (part === "\n") this.lines[++this.#row] ??= "";
    else if (!part.startsWith(ESC) && part !== "\r") this.lines[this.#row] += part;
  }
}

test("log lines pass above the progress, which is never torn", () => {
  const screen = new Screen();
  const display = new TerminalDisplay(screen as unknown as NodeJS.WriteStream);
  display.show(["a 10%", "b 20%"]);
  display.printAbove("first\n");
  display.show(["a 30%", "b 40%"]);
  display.printAbove("second");
  display.show(["a 50%"]);
  display.restore();
  display.printAbove("third");
  expect(screen.lines).toEqual(["first", "second", "a 50%", "third", ""]);
});

test("a line that is too long is cut, not folded", () => {
  const screen = new Screen();
  const display = new TerminalDisplay(screen as unknown as NodeJS.WriteStream);
  display.show(["abcdefghijklmno", "日本語日本語"]);
  expect(screen.lines).toEqual(["abcdefghi…", "日本語日…", ""]);
});

test("a terminal that does not know its width counts as one of 80 columns", () => {
  const screen = new Screen(0);
  new TerminalDisplay(screen as unknown as NodeJS.WriteStream).show(["a".repeat(100)]);
  expect(screen.lines).toEqual([`${"a".repeat(79)}…`, ""]);
});

test("a job in the background draws nothing and erases nobody's lines; in the foreground again it draws", () => {
  const screen = new Screen();
  let foreground = true;
  const display = new TerminalDisplay(screen as unknown as NodeJS.WriteStream, () => foreground);
  display.show(["a 10%"]);
  foreground = false;
  screen.write("$ ls\n");
  display.show(["a 20%"]);
  display.printAbove("message");
  foreground = true;
  screen.write("$ fg\n");
  display.show(["a 30%"]);
  display.show(["a 40%"]);
  expect(screen.lines).toEqual(["a 10%", "$ ls", "message", "$ fg", "a 40%", ""]);
});

test("the terminal folds long lines again after a drawing, and whatever others did, at the end", () => {
  const screen = new Screen();
  const display = new TerminalDisplay(screen as unknown as NodeJS.WriteStream);
  display.show(["a 10%"]);
  expect(screen.wraps).toBe(true);
  screen.write(WRAP_OFF);
  display.restore();
  expect(screen.wraps).toBe(true);
});

test.each([
  ["1 (node) S 2 77 2 34816 77 0", true],
  ["1 (node) S 2 77 2 34816 78 0", false],
  ["1 (a ) b (c) S 2 77 2 34816 77 0", true],
  ["1 (node) S 2 77 77 0 -1 0", false],
])("%s is in the foreground: %s", (stat, foreground) => {
  expect(statTellsForeground(stat)).toBe(foreground);
});
