import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { content } from "./support/release.ts";
import { printed, start } from "./support/run.ts";

test("testbed watch says that there is no ledger yet, and how peers keep one there", async () => {
  const folder = await content();
  await mkdir(join(folder, "accounts"));
  const watching = start(["testbed", "watch", "release.torrent", "accounts", "--peers", "2"], {
    cwd: folder,
  });
  const [line] = await printed(watching, /^.*\n/);
  expect(line).toBe(
    "no ledger of this torrent is in accounts yet: each peer writes its own there (peer --ledger accounts/NAME.json)\n",
  );
});
