import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";

const FOLDER = new URL("../../../scenarios/", import.meta.url);

/** The scenarios that come with the project: name and file. */
export async function bundledScenarios(): Promise<{ readonly name: string; readonly file: string }[]> {
  const names = (await readdir(FOLDER)).filter((name) => name.endsWith(".yml")).sort();
  return names.map((name) => ({ name: name.slice(0, -4), file: fileURLToPath(new URL(name, FOLDER)) }));
}
