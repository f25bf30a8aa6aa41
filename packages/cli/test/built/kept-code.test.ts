import { chmod, chown, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { KeptCode } from "../../src/built/kept-code.ts";
import { temporaryFolder } from "../support/run.ts";

describe("KeptCode", () => {
  let dir: string;
  let kept: KeptCode;

  beforeEach(async () => {
    dir = join(await temporaryFolder(), "compiled", "built");
    kept = new KeptCode(dir);
  });

  async function theFile(): Promise<string> {
    const [name, ...more] = await readdir(dir);
    expect(more).toEqual([]);
    return join(dir, name ?? "none");
  }

  it("has what was written of a source, for later processes too, and of no other source", () => {
    kept.write("1 + 1", Buffer.from("first"));
    kept.write("1 + 1", Buffer.from("second"));
    expect(new KeptCode(dir).read("1 + 1")?.toString()).toBe("second");
    expect(kept.read("1 + 2")).toBeUndefined();
  });

  it("takes nothing of a file that is not whole", async () => {
    kept.write("1 + 1", Buffer.from("code of some length"));
    const path = await theFile();
    const bytes = await readFile(path);
    for (const broken of [bytes.subarray(0, -1), bytes.subarray(0, 7), Buffer.alloc(bytes.length)]) {
      await writeFile(path, broken);
      expect(kept.read("1 + 1")).toBeUndefined();
    }
    kept.write("1 + 1", Buffer.from("anew"));
    expect(kept.read("1 + 1")?.toString()).toBe("anew");
  });

  it.runIf(process.getuid?.() === 0)("takes nothing that another user has written", async () => {
    kept.write("1 + 1", Buffer.from("code"));
    await chown(await theFile(), 12_345, 12_345);
    expect(kept.read("1 + 1")).toBeUndefined();
  });

  it("takes nothing that was written of another source, or leads elsewhere", async () => {
    kept.write("1 + 1", Buffer.from("code"));
    const first = await theFile();
    kept.write("1 + 2", Buffer.from("other"));
    const second = join(dir, (await readdir(dir)).find((name) => join(dir, name) !== first) ?? "none");
    const bytes = await readFile(first);
    await writeFile(second, bytes);
    expect(kept.read("1 + 2")).toBeUndefined();
    await rm(first);
    await writeFile(join(dir, "elsewhere"), bytes);
    await symlink(join(dir, "elsewhere"), first);
    expect(kept.read("1 + 1")).toBeUndefined();
  });

  it("lets nobody else read or write it", async () => {
    kept.write("1 + 1", Buffer.from("code"));
    expect((await stat(await theFile())).mode & 0o777).toBe(0o600);
  });

  it("goes without where nothing can be written", async () => {
    const file = join(await temporaryFolder(), "file");
    await writeFile(file, "");
    await chmod(file, 0o444);
    const nowhere = new KeptCode(join(file, "below"));
    nowhere.write("1 + 1", Buffer.from("code"));
    expect(nowhere.read("1 + 1")).toBeUndefined();
  });
});
