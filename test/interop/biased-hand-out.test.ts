import { afterAll, beforeAll, expect, test } from "vitest";
import { asPrefixOptions, startTracker } from "./support/cachetorrent.ts";
import { libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import { announceCrowd } from "./support/crowd.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab, prefixesOf } from "./support/lab.ts";
import { type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const HOME = 1;
const ABROAD = 2;
const EXTERNAL_PERCENT = 25;
const WANTED = 8;
const EXTERNAL_WANTED = 2;
const CROWD = 20;

/** Members at which nobody answers, so that a client has to dial all that it was given. */
const crowdOf = (site: number) => Array.from({ length: CROWD }, (_, at) => `198.18.${site}.${100 + at}`);

describeInLab(`a tracker that hands out ${EXTERNAL_PERCENT} % external peers`, libtorrent.commands, () => {
  let lab: Lab;
  let torrent: MadeTorrent;

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", 200);
    const proxy = await lab.addHost("proxy", 201);
    const tracker = await startTracker(trackerHost, trackerHost.ipv4, [
      ...asPrefixOptions(prefixesOf([HOME, ABROAD])),
      ...["--policy", "biased", "--external-percent", String(EXTERNAL_PERCENT)],
      ...["--trust-proxy", `${proxy.ipv4}/32`],
    ]);
    torrent = await makeTorrent(lab.dir, {
      name: "biased",
      tracker: tracker.announceUrl,
      content: 1_000_000,
    });
    await announceCrowd(proxy, torrent, tracker.announceUrl, [...crowdOf(HOME), ...crowdOf(ABROAD)]);
  });
  afterAll(() => lab?.close());

  test.each([
    ["home", HOME],
    ["abroad", ABROAD],
  ])("gives a stock client at %s peers of its own site, and that share of others", async (name, site) => {
    const downloads = await lab.addDir(`downloads-${name}`);
    const host = await lab.addHost(name, site);
    const client = await startLibtorrent(host, "leecher", downloads, [torrent], { num_want: WANTED });
    const dialled = await client.dialled(WANTED);
    await client.stop();
    const external = dialled.filter((address) => !address.startsWith(`198.18.${site}.`));
    expect(dialled).toHaveLength(WANTED);
    expect(external).toHaveLength(EXTERNAL_WANTED);
  });
});
