import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** Writes files for a configuration to name; of the same name it is the same file, written anew. They go away with the test. */
export async function configFiles(): Promise<(name: string, text: string) => Promise<string>> {
  const directory = await mkdtemp(join(tmpdir(), "ct-tracker-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  return async (name, text) => {
    const path = join(directory, name);
    await writeFile(path, text);
    return path;
  };
}
