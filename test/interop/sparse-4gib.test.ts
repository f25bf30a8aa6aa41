import { createHash, randomBytes } from "node:crypto";
import { mkdir, mkdtemp, open, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DaemonGroup } from "@cachetorrent/testbed";
import { afterEach, beforeEach, expect, test } from "vitest";
import { complete, receivedByAsn, startPeer, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { Place } from "./support/place.ts";
import { writeTorrent } from "./support/torrents.ts";

const PIECE = 2 ** 20;
const BORDER = 2 ** 32;
const MISSING = 20;
/** Half of the missing pieces lie below 2^32, half above it. */
const MISSING_FROM = BORDER - (MISSING / 2) * PIECE;
const LENGTH = BORDER + 32 * PIECE + 12_345;
const PIECES = Math.ceil(LENGTH / PIECE);
const NAME = "over-4-gib.img";

let dir: string;
let daemons: DaemonGroup;

beforeEach(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "ct-sparse-"));
  daemons = new DaemonGroup();
});
afterEach(async () => {
  await daemons.stopAll();
  await rm(dir, { recursive: true, force: true });
});

/** On this machine itself: this test needs no network of its own. */
function place(name: string): Place {
  return new Place({ name, dir: path.join(dir, name), group: daemons });
}

/** A file of zeroes that takes no room, but for the pieces at 2^32 where those are given. */
async function writeImage(file: string, atBorder?: Buffer): Promise<void> {
  await using image = await open(file, "w");
  await image.truncate(LENGTH);
  if (atBorder) await image.write(atBorder, 0, atBorder.length, MISSING_FROM);
}

async function readAtBorder(file: string): Promise<Buffer> {
  await using image = await open(file);
  const bytes = Buffer.alloc(MISSING * PIECE);
  await image.read(bytes, 0, bytes.length, MISSING_FROM);
  return bytes;
}

function sha1(bytes: Uint8Array): Buffer {
  return createHash("sha1").update(bytes).digest();
}

/** All pieces but those at the border are zeroes: their hash is known without reading 4 GiB. */
function hashes(atBorder: Buffer): Buffer {
  const zeroes = sha1(Buffer.alloc(PIECE));
  const pieces = Array.from({ length: PIECES }, () => zeroes);
  const first = MISSING_FROM / PIECE;
  for (let at = 0; at < MISSING; at++) {
    pieces[first + at] = sha1(atBorder.subarray(at * PIECE, (at + 1) * PIECE));
  }
  pieces[PIECES - 1] = sha1(Buffer.alloc(LENGTH - (PIECES - 1) * PIECE));
  return Buffer.concat(pieces);
}

test("a file of over 4 GiB that lacks only the 20 pieces around offset 2^32 is completed with just those", async () => {
  const atBorder = randomBytes(MISSING * PIECE);
  const [source, downloads] = [path.join(dir, "source"), path.join(dir, "downloads")];
  await Promise.all([mkdir(source), mkdir(downloads)]);
  await writeImage(path.join(source, NAME), atBorder);
  await writeImage(path.join(downloads, NAME));

  const { announceUrl: url } = await startTracker(place("tracker"), "127.0.0.1", [
    "--as-prefix",
    "127.0.0.0/8=64500",
  ]);
  const info = { length: LENGTH, name: NAME, "piece length": PIECE, pieces: hashes(atBorder) };
  const torrent = await writeTorrent(dir, url, info);
  // Both read 4 GiB first: at the same time, then.
  const [leecher] = await Promise.all([
    startPeer(place("leecher"), "127.1.0.2", [torrent], downloads),
    startPeer(place("seed"), "127.1.0.1", [torrent], source),
  ]);
  await complete(leecher, torrent);
  await stopPeer(leecher);

  const completed = path.join(downloads, NAME);
  const { size, blocks } = await stat(completed);
  expect(size).toBe(LENGTH);
  expect((await readAtBorder(completed)).equals(atBorder), "the pieces around 2^32").toBe(true);
  // What was a hole is one still: nothing was written but what was missing.
  expect(blocks * 512).toBeLessThan((MISSING + 2) * PIECE);
  const received = [...receivedByAsn(await leecher.ledger(torrent.infoHash)).values()];
  expect(received.reduce((total, bytes) => total + bytes, 0)).toBeLessThan((MISSING + 2) * PIECE);
});
