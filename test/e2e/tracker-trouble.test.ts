import { join } from "node:path";
import { createTorrent, freePort, startPeerProcess, startTrackerProcess } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { AS1, AS2, expectEqualContent, makeContent, useBench } from "./support/e2e.ts";
import { startFalseTracker } from "./support/false-tracker.ts";

const KiB = 1024;
const bench = useBench("tracker-trouble");

it.for([
  ["nobody listens", undefined],
  ["HTML is answered", { type: "text/html", body: "<!doctype html><title>It works!</title>" }],
  ["garbage is answered", { type: "text/plain", body: Buffer.from("d8:intervali1800e5:peers6:\x7f\x01") }],
  ["the tracker refuses", { type: "text/plain", body: "d14:failure reason9:not todaye" }],
  ["nothing is answered", { type: "text/plain", body: "" }],
] as const)("where %s at first, peers try again and finish when the tracker is there", async ([, answer]) => {
  const { dir, launcher } = bench();
  const content = await makeContent(bench(), { bytes: 300 * KiB });
  const port = await freePort("127.0.0.1");
  const torrent = join(dir, "content.torrent");
  await createTorrent(content, `http://127.0.0.1:${port}/announce`, torrent);
  const startPeer = (name: string, listen: string, peerDir: string) =>
    startPeerProcess(launcher, {
      name,
      listen,
      dir: peerDir,
      torrentFiles: [torrent],
      ledgerFile: join(dir, `${name}.json`),
    });
  const stopImpostor = answer && (await startFalseTracker(port, answer));
  const [seed, leecher] = await Promise.all([
    startPeer("seed", "127.1.0.1:0", content.parent),
    startPeer("leecher", "127.2.0.1:0", join(dir, "leecher")),
  ]);
  // Both say which tracker it is, what is wrong with it and that they go on.
  const complaint = new RegExp(`127\\.0\\.0\\.1:${port}.*next try in`);
  await Promise.all([seed.daemon.waitForLine(complaint), leecher.daemon.waitForLine(complaint)]);
  await stopImpostor?.();
  await startTrackerProcess(launcher, {
    listen: `127.0.0.1:${port}`,
    ases: [AS1, AS2],
    policy: "bittorrent",
  });
  await leecher.complete({ timeoutMs: 60_000 });
  expect(leecher.daemon.isRunning).toBe(true);
  await expectEqualContent(content, leecher.dir);
});
