import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { BuiltProgram } from "../../src/built/built-program.ts";
import { KeptCode } from "../../src/built/kept-code.ts";
import { temporaryFolder } from "../support/run.ts";

/** Functions of no use: what is compiled of them is what counts. */
const WORK = Array.from(
  { length: 50 },
  (_, n) => `function f${n}(x) { let y = x; for (const z of [1, 2, 3]) y += z * ${n}; return y; }`,
);

describe("BuiltProgram", () => {
  let dir: string;
  let keptDir: string;

  beforeEach(async () => {
    dir = await temporaryFolder();
    keptDir = join(await temporaryFolder(), "kept");
    await writeFile(
      join(dir, "main.cjs"),
      `const { join } = require("node:path");
       exports.part = require("./part.cjs");
       exports.again = require("./part.cjs");
       exports.place = join(__dirname, "x");
       exports.file = __filename;`,
    );
    await writeFile(
      join(dir, "part.cjs"),
      `${WORK.join("\n")}
       exports.work = () => { ${WORK.map((_, n) => `f${n}(1);`).join(" ")} return "done"; };`,
    );
  });

  interface Main {
    readonly part: { work(): string };
    readonly again: unknown;
    readonly place: string;
    readonly file: string;
  }

  function begin(): { program: BuiltProgram; main: Main } {
    const program = new BuiltProgram(dir, new KeptCode(keptDir));
    return { program, main: program.load("main.cjs") as Main };
  }

  async function sizes(): Promise<number[]> {
    const files = await Promise.all((await readdir(keptDir)).map((name) => stat(join(keptDir, name))));
    return files.map(({ size }) => size).toSorted((a, b) => a - b);
  }

  it("runs its files as CommonJS, each once", () => {
    const { main } = begin();
    expect(main.part.work()).toBe("done");
    expect(main.again).toBe(main.part);
    expect(main.place).toBe(join(dir, "x"));
    expect(main.file).toBe(join(dir, "main.cjs"));
  });

  it("keeps what is compiled of each, and once that is more, that", async () => {
    begin().program.keep(false);
    const before = await sizes();
    expect(before).toHaveLength(2);

    const { main, program } = begin();
    expect(main.part.work()).toBe("done");
    program.keep(false);
    expect(await sizes()).toEqual(before);
    program.keep(true);
    const after = await sizes();
    expect(after).toHaveLength(2);
    expect(after[1]).toBeGreaterThan(1.5 * (before[1] ?? 0));

    // Who does less takes nothing of it away.
    begin().program.keep(true);
    expect(await sizes()).toEqual(after);
    expect(begin().main.part.work()).toBe("done");
  });

  it("runs what it is now, whatever was kept of what it was", async () => {
    const { main, program } = begin();
    main.part.work();
    program.keep(true);
    await writeFile(join(dir, "part.cjs"), `exports.work = () => "other";`);
    expect(begin().main.part.work()).toBe("other");
  });

  it("runs without a place to keep anything", () => {
    const program = new BuiltProgram(dir, undefined);
    expect((program.load("main.cjs") as Main).part.work()).toBe("done");
    program.keep(true);
  });
});
