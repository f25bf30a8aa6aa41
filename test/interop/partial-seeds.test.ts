import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complete, PLAIN, startPeer, startTracker, stopPeer } from "./support/cachetorrent.ts";
import { aria2With } from "./support/clients/aria2.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import { type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const SITE = 1;
const TRACKER_SITE = 200;
const WANTED = "wanted.bin";
/** The first file only. It ends in the middle of a piece, which the second shares. */
const partial = aria2With(["--select-file=1"]);

describeInLab("partial seeds: aria2 and ours, with one of two files each", partial.commands, () => {
  let lab: Lab;
  beforeAll(async () => {
    lab = await Lab.open();
  });
  afterAll(() => lab?.close());

  async function expectWanted(torrent: MadeTorrent, downloads: string): Promise<void> {
    const file = path.join(torrent.name, WANTED);
    const [made, got] = await Promise.all([
      readFile(path.join(torrent.source, file)),
      readFile(path.join(downloads, file)),
    ]);
    expect(got.equals(made)).toBe(true);
  }

  test("have from each other all that they want, with no whole seed left", async () => {
    const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
    const { announceUrl: tracker } = await startTracker(trackerHost, trackerHost.ipv4, PLAIN);
    const content = { [WANTED]: 4_000_001, "z-unwanted.bin": 4_000_000 };
    const torrent = await makeTorrent(await lab.addDir("source"), { name: "two", tracker, content });
    const seedHost = await lab.addHost("seed", SITE);
    const seed = await startPeer(seedHost, seedHost.ipv4, [torrent], torrent.source);

    const fromSeed = await lab.addDir("aria2-from-seed");
    const first = await partial.start(await lab.addHost("aria2-1", SITE), "leecher", fromSeed, [torrent]);
    await first.complete(torrent);
    await expectWanted(torrent, fromSeed);
    await stopPeer(seed);

    const fromAria2 = await lab.addDir("ours-from-aria2");
    const ourHost = await lab.addHost("ours", SITE);
    const ours = await startPeer(ourHost, ourHost.ipv4, [torrent], fromAria2, ["--files", WANTED]);
    await complete(ours, torrent);
    await expectWanted(torrent, fromAria2);
    expect(await readdir(path.join(fromAria2, torrent.name))).toEqual([WANTED]);
    await first.stop();

    const fromUs = await lab.addDir("aria2-from-us");
    const second = await partial.start(await lab.addHost("aria2-2", SITE), "leecher", fromUs, [torrent]);
    await second.complete(torrent);
    await expectWanted(torrent, fromUs);
    await second.stop();
    await stopPeer(ours);
  });
});
