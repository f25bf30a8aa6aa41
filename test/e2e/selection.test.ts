import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { type DaemonEvent, findDifference } from "@cachetorrent/testbed";
import { expect, it } from "vitest";
import { AS1, expectEqualContent, useBench } from "./support/e2e.ts";
import { twoAses } from "./support/two-ases.ts";

const KiB = 1024;
const BYTES = 2048 * KiB + 3;
const bench = useBench("selection");

interface TorrentFields {
  readonly role: string;
  readonly leads: boolean;
  readonly state: string;
  readonly wanted?: { readonly length: number; readonly verifiedBytes: number };
}

const torrentIn = (event: DaemonEvent) => (event.torrents as readonly TorrentFields[])[0];

it("a head that skips files keeps the book of all pieces: what it leaves out enters its AS once, too", async () => {
  const { content, infoHash, start } = await twoAses(bench(), BYTES, "coordinated");
  await start("seed", "127.1.0.1:0");
  const only = ["--files", "first.bin"];
  const head = await start("head", "127.2.0.1:0", only);
  await head.daemon.waitFor("progress", { accepts: (event) => torrentIn(event)?.leads === true });
  const same = await start("same", "127.2.0.2:0", only);
  const all = await start("all", "127.2.0.3:0");
  for (const peer of [head, same, all]) await peer.complete({ timeoutMs: 60_000 });

  const first = content.files.filter(({ path }) => path === "first.bin");
  for (const peer of [head, same]) {
    const folder = join(peer.dir, content.name);
    expect(await findDifference(join(content.parent, content.name), folder, first)).toBeUndefined();
    expect(await readdir(folder)).toEqual(["first.bin"]);
  }
  const done = await head.daemon.waitFor("progress", {
    accepts: (event) => torrentIn(event)?.state === "seeding",
  });
  const wanted = Math.ceil((first[0]?.bytes ?? 0) / content.pieceLength) * content.pieceLength;
  expect(torrentIn(done)?.wanted).toEqual({ length: wanted, verifiedBytes: wanted });
  for (const peer of [head, same, all]) await peer.daemon.stop();
  await expectEqualContent(content, all.dir);

  let entered = 0;
  for (const peer of [head, same, all]) {
    const ledger = await peer.ledger(infoHash);
    // In pieces: of a block the endgame may fetch two copies.
    const pieces = ledger.roles.flatMap((role) => Object.values(role.piecesByAsn));
    if (peer !== all)
      expect(pieces.reduce((sum, count) => sum + count, 0)).toBe(wanted / content.pieceLength);
    for (const { bytesByAsn } of ledger.roles) entered += bytesByAsn[AS1] ?? 0;
  }
  expect(entered).toBeGreaterThanOrEqual(BYTES);
  expect(entered).toBeLessThan(1.1 * BYTES);
});

it("under cache a peer that skips files does not lead: it would leave them out for all of its AS", async () => {
  const { content, start } = await twoAses(bench(), BYTES, "cache");
  await start("seed", "127.1.0.1:0");
  const some = await start("some", "127.2.0.1:0", ["--files", "first.bin", "--capacity-up", "1GB/s"]);
  const all = await start("all", "127.2.0.2:0", ["--capacity-up", "1MB/s"]);
  await all.daemon.waitFor("progress", { accepts: (event) => torrentIn(event)?.leads === true });
  await some.daemon.waitFor("progress", { accepts: (event) => torrentIn(event)?.role === "follower" });
  for (const peer of [some, all]) await peer.complete({ timeoutMs: 60_000 });
  await expectEqualContent(content, all.dir);
});

it("a peer that has been shared enough stops, and with --exit-on-stop the program ends with 0", async () => {
  const { content, start } = await twoAses(bench(), BYTES, "bittorrent");
  const seed = await start("seed", "127.1.0.1:0", ["--stop-ratio", "1", "--exit-on-stop"]);
  const leecher = await start("leecher", "127.2.0.1:0", ["--sequential"]);
  await leecher.complete();
  expect(await seed.daemon.exited).toEqual({ code: 0, signal: null });
  expect(seed.daemon.events.find(({ event }) => event === "shared")).toMatchObject({
    name: content.name,
    reason: "it has sent 1 times its size",
  });
  await expectEqualContent(content, leecher.dir);
});
