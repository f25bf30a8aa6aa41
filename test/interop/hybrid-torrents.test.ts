import { readdir } from "node:fs/promises";
import path from "node:path";
import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complete, PLAIN, startPeer, startTracker } from "./support/cachetorrent.ts";
import { libtorrent, makeHybridTorrent } from "./support/clients/libtorrent.ts";
import type { RunningClient } from "./support/clients/stock-client.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import { expectSameContent, type MadeTorrent } from "./support/torrents.ts";

/** A file that ends inside a piece is followed by a pad file (BEP 47) in a hybrid torrent. */
const CONTENT = { "first.bin": 3_000_001, "second/part.bin": 70_000, "third.bin": 5_000_000 };

describeInLab("hybrid v1+v2 torrents made by libtorrent", libtorrent.commands, () => {
  let lab: Lab;
  let toThem: MadeTorrent;
  let toUs: MadeTorrent;
  let ours: PeerProcess;
  let theirs: RunningClient;
  let ourDownloads: string;
  let theirDownloads: string;

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", 200);
    const tracker = await startTracker(trackerHost, trackerHost.ipv4, PLAIN);
    const [ourSource, theirSource, ...downloads] = (await Promise.all(
      ["our-source", "their-source", "our-downloads", "their-downloads"].map((name) => lab.addDir(name)),
    )) as [string, string, string, string];
    [ourDownloads, theirDownloads] = downloads;
    toThem = await makeHybridTorrent(ourSource, {
      name: "to-libtorrent",
      tracker: tracker.announceUrl,
      content: CONTENT,
    });
    toUs = await makeHybridTorrent(theirSource, {
      name: "to-us",
      tracker: tracker.announceUrl,
      content: CONTENT,
    });

    const ourSeed = await lab.addHost("our-seed", 1);
    await startPeer(ourSeed, ourSeed.ipv4, [toThem], ourSource);
    await libtorrent.start(await lab.addHost("their-seed", 2), "seed", theirSource, [toUs]);
    const ourHost = await lab.addHost("our-leecher", 1);
    ours = await startPeer(ourHost, ourHost.ipv4, [toUs], ourDownloads);
    theirs = await libtorrent.start(await lab.addHost("their-leecher", 2), "leecher", theirDownloads, [
      toThem,
    ]);
  });
  afterAll(() => lab?.close());

  test("go from libtorrent to our leecher by their v1 part, and no pad file is written", async () => {
    await complete(ours, toUs);
    await expectSameContent(toUs, ourDownloads);
    expect(await filesUnder(path.join(ourDownloads, toUs.name))).toEqual(Object.keys(CONTENT).sort());
  });

  test("go from our seed to libtorrent", async () => {
    await theirs.complete(toThem);
    await expectSameContent(toThem, theirDownloads);
  });
});

async function filesUnder(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map((entry) => path.relative(dir, path.join(entry.parentPath, entry.name))).sort();
}
