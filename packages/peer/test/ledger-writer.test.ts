import { mkdtemp, readdir, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
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
