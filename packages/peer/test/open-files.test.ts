import { open, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, it, onTestFinished } from "vitest";
import { OpenFiles } from "../src/disk/open-files.ts";
import { temporaryDirectory } from "./support/torrents.ts";

const NOTHING = async (): Promise<void> => undefined;

it("of more files than are kept open the one is closed that was not used for longest", async () => {
  const files = await fourFiles();
  for (const file of [0, 1, 2]) await files.use(file, false, NOTHING);
  expect(files.size).toBe(3);
  await files.use(0, false, NOTHING);
  await files.use(3, false, NOTHING);
  expect(openOf(files)).toEqual([0, 2, 3]);
});

it("a file that was only asked for, by who does not wait, was used as well", async () => {
  const files = await fourFiles();
  for (const file of [0, 1, 2]) await files.use(file, false, NOTHING);
  for (const file of [1, 0]) expect(files.opened(file, false)).toBeDefined();
  await files.use(2, false, NOTHING);
  expect(files.opened(0, false)).toBeDefined();
  await files.use(3, false, NOTHING);
  expect(openOf(files)).toEqual([0, 2, 3]);
});

function openOf(files: OpenFiles): number[] {
  return [0, 1, 2, 3].filter((file) => files.opened(file, false));
}

/** Three of them at a time. */
async function fourFiles(): Promise<OpenFiles> {
  const directory = await temporaryDirectory();
  const pathOf = (file: number): string => join(directory, String(file));
  for (const file of [0, 1, 2, 3]) await writeFile(pathOf(file), "");
  const files = new OpenFiles((file, writable) => open(pathOf(file), writable ? "r+" : "r"), 3);
  onTestFinished(() => files.close());
  return files;
}
