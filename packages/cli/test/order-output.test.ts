import { mkdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { call, type Outcome, printed, start, temporaryFolder } from "./support/run.ts";

/** A daemon with the content of two torrents, and what a command prints that gives it orders. */
async function startDaemon() {
  const cwd = await temporaryFolder();
  await mkdir(join(cwd, "data"));
  const hashes: string[] = [];
  for (const name of ["one.bin", "two.bin"]) {
    await writeFile(join(cwd, "data", name), Buffer.alloc(50_000, name));
    const to = ["--output", `${name}.torrent`, "--tracker", "http://127.0.0.1:9/announce"];
    await call(["create", `data/${name}`, ...to], { cwd });
    const { stdout } = await call(["info", `${name}.torrent`, "--json"], { cwd });
    hashes.push((JSON.parse(stdout) as { infoHash: string }).infoHash);
  }
  const where = ["--dir", "data", "--state", "s", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"];
  await printed(start(["peer", "--daemon", ...where], { cwd }), /takes orders/);
  const order = (...args: string[]): Promise<Outcome> => call([...args, "--state", "s"], { cwd });
  const said = async (...args: string[]): Promise<string[]> => {
    const { exitCode, stderr, stdout } = await order(...args);
    expect([exitCode, stderr]).toEqual([0, ""]);
    return stdout.trimEnd().split("\n");
  };
  return { cwd, hashes: hashes as [string, string], order, said };
}

test("add shows the rows of what it has added as status does, and as JSON all of it", async () => {
  const { hashes, order, said } = await startDaemon();
  const [titles, row, ...more] = await said("add", "one.bin.torrent", "--paused");
  expect(titles).toMatch(/^ID +NAME +STATE +DONE +SIZE /);
  expect(row).toMatch(new RegExp(`^${hashes[0].slice(0, 8)} +one\\.bin +paused +`));
  expect(more).toEqual([]);
  expect((await said("status")).slice(1)).toEqual([titles, row]);

  const again = await order("add", "two.bin.torrent", "one.bin.torrent", "--paused", "--json");
  expect(again.exitCode).toBe(1);
  expect(again.stderr).toContain("CT_ERR_TORRENT_KNOWN");
  expect(JSON.parse(again.stdout)).toMatchObject({ infoHash: hashes[1], name: "two.bin", state: "paused" });
});

test("limit shows what holds as a table, over all torrents or of one, and changes nothing unless told to", async () => {
  const { cwd, hashes, said } = await startDaemon();
  await said("add", "one.bin.torrent", "--paused", "--limit-up-external", "500kB/s", "--stop-ratio", "2");
  const before = await stat(join(cwd, "s", "torrents.json"), { bigint: true });
  expect(await said("limit")).toEqual([
    "over all torrents",
    "LIMIT  IN ALL  INTERNAL  EXTERNAL",
    "up       none      none      none",
    "down     none      none      none",
    "schedule none",
  ]);
  const one = `of one.bin (${hashes[0].slice(0, 8)})`;
  expect(await said("limit", "one.bin")).toEqual([
    one,
    "LIMIT  IN ALL  INTERNAL    EXTERNAL",
    "up       none      none  500.0 kB/s",
    "down     none      none        none",
    "stops at ratio 2",
  ]);
  expect((await stat(join(cwd, "s", "torrents.json"), { bigint: true })).mtimeNs).toBe(before.mtimeNs);

  const hours = "00:00-24:00 down=3MB/s";
  expect(await said("limit", "--up", "20MB/s", "--down-internal", "4MB/s", "--schedule", hours)).toEqual([
    "over all torrents",
    "LIMIT     IN ALL   INTERNAL  EXTERNAL",
    "up     20.0 MB/s       none      none",
    "down   3.00 MB/s  4.00 MB/s      none",
    `schedule ${hours}`,
  ]);
  expect(
    await said("limit", hashes[0], "--up-external", "none", "--down", "1MB/s", "--stop-ratio", "none"),
  ).toEqual([
    one,
    "LIMIT     IN ALL  INTERNAL  EXTERNAL",
    "up          none      none      none",
    "down   1.00 MB/s      none      none",
    "stops never",
  ]);
});

test("remove says what is gone and what became of its data, of those before one that is refused, too", async () => {
  const { cwd, hashes, order, said } = await startDaemon();
  await said("add", "one.bin.torrent", "two.bin.torrent", "--paused");
  const ids = hashes.map((hash) => hash.slice(0, 8));
  expect(await said("remove", "one.bin")).toEqual([
    "REMOVED   NAME     ITS DATA",
    `${ids[0]}  one.bin  stays in ${join(cwd, "data")}`,
  ]);
  await said("add", "one.bin.torrent", "--paused");
  await writeFile(join(cwd, "data", "one.bin"), "somebody put this in its place");
  const { exitCode, stderr, stdout } = await order("remove", "two.bin", "one.bin", "--delete-data");
  expect(exitCode).toBe(0);
  expect(stdout.trimEnd().split("\n")).toEqual([
    "REMOVED   NAME     ITS DATA",
    `${ids[1]}  two.bin  is deleted`,
    `${ids[0]}  one.bin  is deleted but for 1 file`,
  ]);
  expect(stderr).toBe(
    `${join(cwd, "data", "one.bin")}: kept, it is not the torrent's, or another one has it, too\n`,
  );
  expect(await readFile(join(cwd, "data", "one.bin"), "utf8")).toContain("somebody");
});
