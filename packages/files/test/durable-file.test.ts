import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, onTestFinished } from "vitest";
import { replaceFile, syncDirectory } from "../src/index.ts";

let folder: string;

beforeEach(async () => {
  const made = await mkdtemp(join(tmpdir(), "cachetorrent-files-"));
  onTestFinished(() => rm(made, { recursive: true }));
  folder = made;
});

it.each<[string, string | Uint8Array | Iterable<string>]>([
  ["text", "new\ncontent\n"],
  ["bytes", Buffer.from("new\ncontent\n")],
  ["parts", new Set(["new\n", "", "content\n"])],
])("a file is replaced whole by %s, and only its owner can read it", async (_kind, content) => {
  const path = join(folder, "state");
  await writeFile(path, "the old content, which is longer", { mode: 0o644 });
  await replaceFile(path, content);
  await syncDirectory(folder);
  expect(await readFile(path, "utf8")).toBe("new\ncontent\n");
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await readdir(folder)).toEqual(["state"]);
});

it("a link where the temporary file goes leads nothing to what it names", async () => {
  const [path, other] = [join(folder, "state"), join(folder, "other")];
  await writeFile(other, "somebody's");
  await symlink(other, `${path}.tmp`);
  await replaceFile(path, "new");
  expect(await readFile(other, "utf8")).toBe("somebody's");
  expect(await readFile(path, "utf8")).toBe("new");
});

it("a file stays as it is when the new one cannot be written", async () => {
  const path = join(folder, "state");
  await writeFile(path, "old");
  const failing = function* () {
    yield "half of it";
    throw new Error("no more");
  };
  await expect(replaceFile(path, failing())).rejects.toThrow("no more");
  expect(await readFile(path, "utf8")).toBe("old");
});
