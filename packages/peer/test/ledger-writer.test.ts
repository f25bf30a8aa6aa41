import { mkdir, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { Ledger, type LedgerAccounts } from "../src/accounts/ledger.ts";
import { LedgerWriter } from "../src/accounts/ledger-writer.ts";
import { asn, infoHash, listeningLog, peerId, silent } from "./support/samples.ts";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ledger-"));
});
afterEach(() => rm(dir, { recursive: true }));

async function read(path: string): Promise<LedgerAccounts> {
  return JSON.parse(await readFile(path, "utf8"));
}

function writerOf(path: string, log = silent) {
  const clock = new ManualClock();
  const ledger = new Ledger(peerId);
  const writer = new LedgerWriter({ ledger, path, clock, log });
  return { clock, ledger, torrent: ledger.torrent(infoHash, 1000), writer };
}

test("the ledger stands from the start, follows once a second and is whole at the end", async () => {
  const path = join(dir, "ledger.json");
  const { clock, torrent, writer } = writerOf(path);
  await writer.start();
  expect((await read(path)).torrents[0]?.sentByAsn).toEqual({});

  torrent.sent(asn(1), 10);
  clock.advance(1000);
  await vi.waitFor(async () => expect((await read(path)).torrents[0]?.sentByAsn).toEqual({ 1: 10 }), 10_000);

  torrent.sent(asn(1), 10);
  await writer.stop();
  expect((await read(path)).torrents[0]?.sentByAsn).toEqual({ 1: 20 });
  expect(await readdir(dir)).toEqual(["ledger.json"]);
});

test("a ledger in which nothing changed is not written again", async () => {
  const path = join(dir, "ledger.json");
  const { clock, writer } = writerOf(path);
  await writer.start();
  const { ino } = await stat(path);
  clock.advance(5000);
  await writer.stop();
  expect((await stat(path)).ino).toBe(ino);
});

test("a reader never sees half a ledger", async () => {
  const path = join(dir, "ledger.json");
  const { clock, ledger, writer } = writerOf(path);
  // Large enough that one write of it is many writes to the disk.
  const bytes = Array.from({ length: 20_000 }, (_, i) => asn(i + 1));
  const torrent = ledger.torrent(infoHash, 1000);
  for (const one of bytes) torrent.sent(one, 1);
  await writer.start();

  const seen = new Set<number>();
  while (seen.size < 20) {
    torrent.sent(asn(1), 1);
    clock.advance(1000);
    const sent = (await read(path)).torrents[0]?.sentByAsn ?? {};
    expect(Object.keys(sent)).toHaveLength(bytes.length);
    seen.add(sent["1"] ?? 0);
  }
  await writer.stop();
});

test("a ledger that cannot be written is an error at the start, which names the file", async () => {
  const path = join(dir, "missing", "ledger.json");
  await expect(writerOf(path).writer.start()).rejects.toMatchObject({
    code: "CT_ERR_STORAGE",
    message: expect.stringContaining(path),
  });
});

test("a ledger that cannot be written later is told once, and written when that passes", async () => {
  const sub = await mkdtemp(join(dir, "sub-"));
  const path = join(sub, "ledger.json");
  const { log, lines } = listeningLog();
  const { clock, torrent, writer } = writerOf(path, log);
  await writer.start();
  await rm(sub, { recursive: true });
  torrent.sent(asn(1), 10);
  clock.advance(1000);
  expect(await lines.next()).toMatchObject({ msg: "the ledger is not written" });
  await expect(writer.stop()).rejects.toMatchObject({ code: "CT_ERR_STORAGE" });
  expect(lines.size).toBe(0);
});

describe("what is at the ledger's place already", () => {
  const earlier = (startedAt: number) =>
    JSON.stringify({ peerId, torrents: [new Ledger(peerId).torrent(infoHash, startedAt)] });

  test("as the ledger of an earlier run is kept beside it, under the time when that began", async () => {
    const path = join(dir, "ledger.json");
    await writeFile(path, earlier(900));
    const { log, lines } = listeningLog();
    await writerOf(path, log).writer.start();
    expect(await readFile(`${path}.900`, "utf8")).toBe(earlier(900));
    expect((await read(path)).torrents[0]?.startedAt).toBe(1000);
    expect((await lines.next()).msg).toContain(`${path}.900`);
  });

  test("is kept also if that name is taken", async () => {
    const path = join(dir, "ledger.json");
    await writeFile(path, earlier(900));
    await writeFile(`${path}.900`, "a letter");
    await writerOf(path).writer.start();
    expect(await readFile(`${path}.900`, "utf8")).toBe("a letter");
    expect(await readFile(`${path}.900.1`, "utf8")).toBe(earlier(900));
  });

  test("as a ledger without torrents is kept under the time when it was written", async () => {
    const path = join(dir, "ledger.json");
    await writeFile(path, JSON.stringify(new Ledger(peerId)));
    await utimes(path, 7, 7);
    await writerOf(path).writer.start();
    expect((await readdir(dir)).sort()).toEqual(["ledger.json", "ledger.json.7000"]);
  });

  test.each([
    ["a film", "\0\0\0\x20ftypisom"],
    ["nothing but a brace", "{"],
    ["another program's JSON", '{"name":"a"}'],
    ["an array", "[]"],
    ["no bytes", ""],
  ])("as a file with %s is refused by name, and untouched", async (_, content) => {
    const path = join(dir, "ledger.json");
    await writeFile(path, content);
    await expect(writerOf(path).writer.start()).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: expect.stringContaining(path),
    });
    expect(await readFile(path, "utf8")).toBe(content);
    expect(await readdir(dir)).toEqual(["ledger.json"]);
  });

  test("as a directory is refused by name", async () => {
    const path = join(dir, "ledger.json");
    await mkdir(path);
    await expect(writerOf(path).writer.start()).rejects.toMatchObject({
      code: "CT_ERR_FILE_IN_THE_WAY",
      message: expect.stringContaining(path),
    });
  });
});
