import { appendFile, mkdir, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { content, TRACKER } from "./support/release.ts";
import { call, run, temporaryFolder } from "./support/run.ts";

describe("verify", () => {
  test("verify exits with 0 for what is whole, and writes nothing where nothing is", async () => {
    const folder = await content();
    const whole = await run(["verify", "release.torrent", "--dir", "."], { cwd: folder });
    expect(whole).toEqual({ exitCode: 0, stdout: "release: complete, 8 pieces\n", stderr: "" });
    await mkdir(join(folder, "elsewhere"));
    const nothing = await run(["verify", "release.torrent", "--dir", "elsewhere", "--json"], { cwd: folder });
    expect(nothing.exitCode).toBe(1);
    expect(JSON.parse(nothing.stdout)).toMatchObject({ complete: false, validPieces: 0 });
    expect(await readdir(join(folder, "elsewhere"))).toEqual([]);
  });
  test("verify exits with 1 and lists what is damaged, cut short and missing", async () => {
    const folder = await content();
    await truncate(join(folder, "release", "b.bin"), 40_000);
    const { exitCode, stdout } = await call(["verify", "release.torrent"], { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^release: incomplete, 5 of 8 pieces/);
    expect(stdout).toMatch(/wrong length +release\/b\.bin \(2 of 5 pieces\)/);
    expect(stdout).not.toContain("a.bin");
  });
  test("no error takes orders from a torrent's name", async () => {
    const folder = await temporaryFolder();
    const hostile = "\x1b[2J\x9b5m\u202egone";
    await mkdir(join(folder, hostile));
    await writeFile(join(folder, hostile, "a"), "a");
    await call(["create", hostile, "--tracker", TRACKER, "-o", "evil.torrent"], { cwd: folder });
    await mkdir(join(folder, "elsewhere"));
    await writeFile(join(folder, "elsewhere", hostile), "in the way");
    const { exitCode, stderr } = await call(["verify", "evil.torrent", "--dir", "elsewhere"], {
      cwd: folder,
    });
    expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(stderr).toMatch(/gone: a file is where a directory must be/);
    expect(exitCode).toBe(1);
  });
  test("verify takes no folder that is not there for an empty one", async () => {
    const folder = await content();
    const { exitCode, stderr } = await call(["verify", "release.torrent", "--dir", "absent"], {
      cwd: folder,
    });
    expect(stderr).toContain("--dir absent: there is no such folder");
    expect(exitCode).toBe(2);
  });
  test("verify of the content's own folder says which one to name", async () => {
    const folder = await content();
    const itself = await call(["verify", "release.torrent", "--dir", "release"], { cwd: folder });
    expect(itself.stdout).toMatch(/^release: incomplete, 0 of 8 pieces/);
    expect(itself.stderr).toBe(
      "--dir release is the content's own folder, release; name the one that it is in: --dir .\n",
    );
    const within = await call(["verify", "../release.torrent", "--dir", "."], {
      cwd: join(folder, "release"),
    });
    expect(within.stderr).toContain(": --dir ..\n");
    expect(within.exitCode).toBe(1);
  });
  test("verify says of a file with all its pieces and more behind them that its length is wrong", async () => {
    const folder = await content();
    await appendFile(join(folder, "release", "b.bin"), "more");
    const { exitCode, stdout } = await call(["verify", "release.torrent"], { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^release: incomplete, 8 of 8 pieces \(100%\)\n +wrong length +release\/b\.bin /);
    const json = await call(["verify", "release.torrent", "--json"], { cwd: folder });
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      complete: false,
      files: [{ state: "complete" }, { state: "wrong length", pieces: 5, validPieces: 5 }],
    });
  });
  test("an empty file that is missing has no pieces to count", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "some"));
    await writeFile(join(folder, "some", "a"), "a");
    await writeFile(join(folder, "some", "empty"), "");
    await call(["create", "some", "--tracker", TRACKER], { cwd: folder });
    await rm(join(folder, "some", "empty"));
    const { stdout } = await call(["verify", "some.torrent"], { cwd: folder });
    expect(stdout).toBe("some: incomplete, 1 of 1 piece (100%)\n  missing  some/empty (an empty file)\n");
  });
});
