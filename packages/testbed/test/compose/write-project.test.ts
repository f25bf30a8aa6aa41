import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseMetainfo } from "@cachetorrent/peer";
import { expect, onTestFinished, test } from "vitest";
import { writeComposeTestbed } from "../../src/compose/compose-testbed.ts";
import { cellOf, composeScenario } from "./support.ts";

async function folder(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cachetorrent-compose-"));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

function write(dir: string, keys = {}) {
  const scenario = composeScenario(keys);
  return writeComposeTestbed({ scenario, cell: cellOf(scenario), dir, user: "1000:1000", command: "made" });
}

test("a testbed has everything that its compose file mounts, and a folder for each that writes", async () => {
  const dir = await folder();
  const project = await write(join(dir, "new"));
  const text = await readFile(project.composeFile, "utf8");
  const mounted = [...text.matchAll(/source: (\.\/\S+)/g)].map((match) => match[1] ?? "");
  expect(mounted).toContain("./content/two.sites.bin");
  expect(mounted).toContain("./data/transmission-2-1");
  for (const source of new Set(mounted)) await stat(join(project.dir, source));
  expect((await stat(join(project.dir, "counters"))).mode & 0o777).toBe(0o777);
  expect((await stat(join(project.stockDir("aria2-2-1"), "completed.sh"))).mode & 0o111).not.toBe(0);
});

test("its torrent is of its content, and announces to the tracker behind the core", async () => {
  const dir = await folder();
  const project = await write(dir);
  const torrent = await readFile(join(project.dir, "torrent", "content.torrent"));
  const metainfo = await parseMetainfo(torrent, "content.torrent");
  expect(metainfo.trackers).toEqual([["http://198.19.0.2:6969/announce"]]);
  expect(metainfo.length).toBe((await stat(join(dir, "content", "two.sites.bin"))).size);
});

test("content of a path is mounted from where it is", async () => {
  const dir = await folder();
  await writeFile(join(dir, "film"), Buffer.alloc(40_000, 7));
  const project = await write(join(dir, "testbed"), { torrent: `{ path: ${join(dir, "film")} }` });
  expect(await readFile(project.composeFile, "utf8")).toContain(`source: ${join(dir, "film")}\n`);
});

test("a folder that has something in it is left alone", async () => {
  const dir = await folder();
  await write(dir);
  await expect(write(dir)).rejects.toMatchObject({ code: "CT_ERR_FILE_IN_THE_WAY" });
});
