import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";

/** The modules of page/, each after those it imports. */
const MODULES = [
  "data",
  "looks",
  "panels",
  "completion",
  "crossings",
  "traffic",
  "leader-percent",
  "controls",
  "main",
];

/**
 * The page's own script, one module made of several: a page opened from disk can import nothing. They are JavaScript
 * because a browser runs them as they are, and share one scope: no two of them declare the same name.
 */
export async function pageScript(): Promise<string> {
  const sources = await Promise.all(
    MODULES.map((name) => readFile(new URL(`page/${name}.js`, import.meta.url), "utf8")),
  );
  return sources.map(withoutImports).join("\n");
}

/** A library's own build for browsers, beside its entry point. */
export function bundleOf(library: string, file: string): Promise<string> {
  const entry = createRequire(import.meta.url).resolve(library);
  const root = entry.slice(0, entry.lastIndexOf(`/${library}/`) + library.length + 2);
  return readFile(`${root}dist/${file}`, "utf8");
}

function withoutImports(source: string): string {
  return source.replace(/^import [^;]*;\n/gm, "").replace(/^export /gm, "");
}
