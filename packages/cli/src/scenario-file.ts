import { stat } from "node:fs/promises";
import { CtError, didYouMean } from "@cachetorrent/protocol";
import { bundledScenarios } from "@cachetorrent/testbed";

/** A scenario's file: the path given, or the name of one of ours. Throws CT_ERR_USAGE. */
export async function scenarioFile(name: string): Promise<string> {
  const found = await stat(name).catch(() => undefined);
  if (found?.isFile()) return name;
  const bundled = await bundledScenarios();
  const ours = bundled.find((one) => one.name === name);
  if (ours) return ours.file;
  const beside = await withEnding(name);
  const meant = beside === undefined ? "" : ` (did you mean ${beside}?)`;
  if (found) throw new CtError("CT_ERR_USAGE", `${name} is a folder, not a scenario's file${meant}`);
  const names = bundled.map((one) => one.name);
  throw new CtError(
    "CT_ERR_USAGE",
    `${name}: there is no such file, and no scenario of that name comes along${meant || didYouMean(name, names)}; cachetorrent testbed list shows those that do`,
  );
}

/** The scenario's file that was named without its ending, if there is one. */
async function withEnding(name: string): Promise<string | undefined> {
  for (const ending of [".yml", ".yaml"]) {
    const found = await stat(name + ending).catch(() => undefined);
    if (found?.isFile()) return name + ending;
  }
  return undefined;
}

/** Which of these the option names. Throws CT_ERR_USAGE with all of them. */
export function namedBy<T>(option: string, name: string, all: readonly T[], labelOf: (one: T) => string): T {
  const found = all.find((one) => labelOf(one) === name);
  if (found !== undefined) return found;
  const labels = all.map(labelOf);
  const there = labels.every((label) => label === "") ? "none" : labels.join(", ");
  throw new CtError(
    "CT_ERR_USAGE",
    `${option} ${name}: the scenario has ${there}${didYouMean(name, labels)}`,
  );
}

/** A word as a shell takes it for one. */
export function quoted(word: string): string {
  return /^[\w./:-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

/** Who runs this: what containers must be, to write into folders of ours. */
export function ownUser(): string {
  return `${process.getuid?.() ?? 0}:${process.getgid?.() ?? 0}`;
}
