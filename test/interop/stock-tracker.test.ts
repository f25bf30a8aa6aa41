import { writeFile } from "node:fs/promises";
import path from "node:path";
import type { LedgerTorrent, PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { complete, receivedByAsn, startPeer, stopPeer } from "./support/cachetorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";
import { changeTorrent, expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const LENGTH = 3_000_001;
const PORT = 6969;
const UNKNOWN_AS = 0;

/** Two of our peers find each other by Debian's opentracker; it tracks what is on its whitelist. */
for (const scheme of ["udp", "http"]) {
  describeInLab(
    `a swarm of a stock tracker by ${scheme}, two dead ones in tiers before it`,
    ["opentracker"],
    () => {
      let lab: Lab;
      let torrent: MadeTorrent;
      let leecher: PeerProcess;
      let account: LedgerTorrent;

      beforeAll(async () => {
        lab = await Lab.open();
        const trackerHost = await lab.addHost("tracker", 200, ["ipv4"]);
        const source = await lab.addDir("source");
        const live = `${scheme}://${trackerHost.ipv4}:${PORT}/announce`;
        torrent = await makeTorrent(source, { name: `over-${scheme}`, tracker: live, content: LENGTH });
        await changeTorrent(torrent.file, {
          "announce-list": [
            [`http://${trackerHost.ipv4}:1/announce`],
            [`udp://${trackerHost.ipv4}:1/announce`],
            [live],
          ],
        });
        await startOpentracker(trackerHost, [torrent]);

        const seedHost = await lab.addHost("seed", 1, ["ipv4"]);
        const seed = await startPeer(seedHost, seedHost.ipv4, [torrent], source);
        const leecherHost = await lab.addHost("leecher", 2, ["ipv4"]);
        const downloads = path.join(leecherHost.dir, "downloads");
        leecher = await startPeer(leecherHost, leecherHost.ipv4, [torrent], downloads);
        await complete(leecher, torrent);
        for (const peer of [leecher, seed]) await stopPeer(peer);
        account = await leecher.ledger(torrent.infoHash);
      });
      afterAll(() => lab?.close());

      test("the leecher has the content", () => expectSameContent(torrent, leecher.dir));

      test("nobody knows ASes: all bytes are of the unknown one", () => {
        expect([...receivedByAsn(account)]).toEqual([[UNKNOWN_AS, LENGTH]]);
      });
    },
  );
}

/** It shuts itself into its directory, and is `nobody` there. Until it listens, peers are refused and ask again. */
async function startOpentracker(host: Host, torrents: readonly MadeTorrent[]): Promise<void> {
  const whitelist = torrents.map(({ infoHash }) => `${infoHash}\n`).join("");
  await writeFile(path.join(host.dir, "whitelist"), whitelist, { mode: 0o644 });
  const listen = ["-i", host.ipv4, "-p", `${PORT}`, "-P", `${PORT}`];
  await host.run("opentracker", [...listen, "-w", "whitelist", "-d", host.dir]);
}
