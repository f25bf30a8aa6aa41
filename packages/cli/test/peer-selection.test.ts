import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call, temporaryFolder } from "./support/run.ts";

test("a pattern that matches no file is an error that names it, and the first files", async () => {
  const cwd = await temporaryFolder();
  await mkdir(join(cwd, "release"));
  for (const name of ["a.iso", "b.txt"]) await writeFile(join(cwd, "release", name), name);
  await call(["create", "release", "--tracker", "http://127.0.0.1:1/announce"], { cwd });
  const outcome = await call(["peer", "release.torrent", "--files", "a.iso", "--files", "*.mp3"], { cwd });
  expect(outcome).toMatchObject({ exitCode: 2, stdout: "" });
  expect(outcome.stderr).toBe(
    'cachetorrent: --files: nothing matches *.mp3; the files are "release/a.iso", "release/b.txt" [CT_ERR_USAGE]\n',
  );
});

test("a time to stop after is read with its unit, and printed so that it is read again", async () => {
  const cwd = await temporaryFolder();
  const printed = await call(["peer", "--stop-after", "1.5m", "--stop-ratio", "2.5", "--print-config"], {
    cwd,
  });
  expect(printed.stdout).toContain("\nstop-after: 90s\n");
  expect(printed.stdout).toContain("\nstop-ratio: 2.5\n");
  const refused = await call(["peer", "x.torrent", "--stop-after", "90"], { cwd });
  expect(refused).toMatchObject({ exitCode: 2 });
  expect(refused.stderr).toContain("--stop-after: not a time such as 90s, 30m, 12h or 7d: 90");
});
