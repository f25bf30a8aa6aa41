import { expect, test } from "vitest";
import { TerminalDisplay } from "../src/terminal-display.ts";

const ESC = String.fromCharCode(27);
const PARTS = new RegExp(`${ESC}\\[\\??\\d*[A-Za-z]|[\\r\\n]|[^${ESC}\\r\\n]+`, "g");
const CURSOR_UP = new RegExp(`^${ESC}\\[(\\d+)A$`);
const CLEAR_BELOW = `${ESC}[J`;

/** A terminal that knows the few sequences the display uses, and what then stands on it. */
class Screen {
  readonly rows = 24;
  readonly columns = 10;
  readonly lines: string[] = [""];
  #row = 0;

  write(text: string): boolean {
    for (const part of text.match(PARTS) ?? []) this.#apply(part);
    return true;
  }

  #apply(part: string): void {
    const up = CURSOR_UP.exec(part);
    if (up) this.#row -= Number(up[1]);
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
  display.close();
  display.printAbove("third");
  expect(screen.lines).toEqual(["first", "second", "a 50%", "third", ""]);
});

test("a line that is too long is cut, not folded", () => {
  const screen = new Screen();
  const display = new TerminalDisplay(screen as unknown as NodeJS.WriteStream);
  display.show(["abcdefghijklmno", "日本語日本語"]);
  expect(screen.lines).toEqual(["abcdefghi…", "日本語日…", ""]);
});
