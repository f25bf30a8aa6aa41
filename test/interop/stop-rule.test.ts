import type { DaemonProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, test } from "vitest";
import { CEILING_MS, PLAIN, startPeer, startTracker } from "./support/cachetorrent.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import { startDaemon } from "./support/daemon.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab } from "./support/lab.ts";
import { linkCounters } from "./support/namespaces.ts";
import { expectSameContent, makeTorrent } from "./support/torrents.ts";

const RATE = 100_000;

describeInLab("our seed of libtorrent's leecher stops", libtorrent.commands, () => {
  let lab: Lab;
  let tracker: string;
  beforeAll(async () => {
    lab = await Lab.open();
    const host = await lab.addHost("tracker", 200);
    ({ announceUrl: tracker } = await startTracker(host, host.ipv4, PLAIN));
  });
  afterAll(() => lab?.close());

  async function made(name: string, content: number) {
    const source = await lab.addDir(`source-${name}`);
    const downloads = await lab.addDir(`downloads-${name}`);
    const seedHost = await lab.addHost(`seed-${name}`, 1);
    const leecherHost = await lab.addHost(`lt-${name}`, 2);
    const torrent = await makeTorrent(source, { name, tracker, content });
    return { downloads, leecherHost, seedHost, source, torrent };
  }
  const whyStopped = async (daemon: DaemonProcess) =>
    (await daemon.waitFor("shared", { timeoutMs: CEILING_MS })).reason;

  test.concurrent("when it has given one copy, and the leecher has all of it", async ({ expect }) => {
    const { downloads, leecherHost, seedHost, source, torrent } = await made("ratio", 4_000_001);
    const options = ["--stop-ratio", "1", "--exit-on-stop"];
    const { daemon } = await startPeer(seedHost, seedHost.ipv4, [torrent], source, options);
    const leecher = await libtorrent.start(leecherHost, "leecher", downloads, [torrent]);
    expect(await whyStopped(daemon)).toBe("it has sent 1 times its size");
    expect(await daemon.exited).toEqual({ code: 0, signal: null });
    await leecher.complete(torrent);
    await expectSameContent(torrent, downloads);
  });

  test.concurrent("when its time is over, in mid transfer", async ({ expect }) => {
    // More than goes out while anybody waits here.
    const bytes = (2 * CEILING_MS * RATE) / 1000;
    const { downloads, leecherHost, seedHost, source, torrent } = await made("time", bytes);
    const options = ["--limit-up", `${RATE}B/s`];
    const { daemon, order } = await startDaemon(seedHost, `${seedHost.ipv4}:0`, source, options);
    await order("add", torrent.file);
    await libtorrent.start(leecherHost, "leecher", downloads, [torrent]);
    const received = async () => (await linkCounters(leecherHost.namespace)).rx;
    await expect.poll(received, { timeout: CEILING_MS }).toBeGreaterThan(RATE);
    await order("limit", torrent.infoHash, "--stop-after", "1s");
    expect(await whyStopped(daemon)).toBe("it has seeded for 1 s");
    const { peers, state } = JSON.parse(await order("status", torrent.infoHash, "--json"));
    expect({ peers, state }).toEqual({ peers: 0, state: "stopped" });
  });
});
