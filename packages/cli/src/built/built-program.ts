import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { constants, Script } from "node:vm";
import type { KeptCode } from "./kept-code.ts";

interface Part {
  readonly source: string;
  readonly script: Script;
  /** Of the code that it began with; 0 without. */
  readonly keptBytes: number;
}

interface Loaded {
  exports: unknown;
}

/** The values that a part of the program finds as CommonJS gives them. */
type Body = (
  exports: unknown,
  require: (name: string) => unknown,
  module: Loaded,
  filename: string,
  dirname: string,
) => void;

/** Code that is a tenth more than what was kept is kept in its stead: more of the program has been at work. */
const GROWTH = 1.1;

/**
 * The program as `npm run build` makes it, a few CommonJS files in one folder. They begin with what V8 compiled of them in earlier processes: Node's own
 * cache has only what runs when a module is loaded, and the functions that move data would be compiled anew in each process.
 */
export class BuiltProgram {
  readonly #dir: string;
  readonly #kept: KeptCode | undefined;
  readonly #parts: Part[] = [];
  readonly #loaded = new Map<string, Loaded>();
  readonly #require: NodeJS.Require;

  constructor(dir: string, kept: KeptCode | undefined) {
    this.#dir = dir;
    this.#kept = kept;
    this.#require = createRequire(join(dir, "main.cjs"));
  }

  /** Runs a file of the folder once. Returns what it exports. */
  load(name: string): unknown {
    const before = this.#loaded.get(name);
    if (before) return before.exports;
    const loaded: Loaded = { exports: {} };
    this.#loaded.set(name, loaded);
    const path = join(this.#dir, name);
    try {
      const body = this.#compile(path).runInThisContext() as Body;
      body(loaded.exports, (wanted) => this.#find(wanted), loaded, path, this.#dir);
    } catch (error) {
      this.#loaded.delete(name);
      throw error;
    }
    return loaded.exports;
  }

  /** Keeps what is compiled by now, of files of which nothing was kept; if it `isWorn`, of those, too, of which it has become more. */
  keep(isWorn: boolean): void {
    for (const { keptBytes, script, source } of this.#parts) {
      if (keptBytes > 0 && !isWorn) continue;
      const code = script.createCachedData();
      if (code.length > keptBytes * GROWTH) this.#kept?.write(source, code);
    }
  }

  #find(name: string): unknown {
    return name.startsWith("./") ? this.load(name.slice(2)) : this.#require(name);
  }

  #compile(path: string): Script {
    const source = `(function (exports, require, module, __filename, __dirname) {${readFileSync(path, "utf8")}\n})`;
    const cachedData = this.#kept?.read(source);
    const script = new Script(source, {
      filename: path,
      ...(cachedData ? { cachedData } : {}),
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    const isTaken = cachedData && script.cachedDataRejected === false;
    this.#parts.push({ source, script, keptBytes: isTaken ? cachedData.length : 0 });
    return script;
  }
}
