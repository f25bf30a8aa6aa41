import { ManualClock } from "@cachetorrent/clock";
import { LIMITS, PieceSet } from "@cachetorrent/protocol";
import { expect, it, onTestFinished } from "vitest";
import type { OpenedStorage } from "../src/disk/storage.ts";
import { RawPeer } from "./support/raw-peer.ts";
import { TestPeer } from "./support/test-peer.ts";
import { KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { advanceUntil } from "./support/until.ts";

// As a magnet link's peers are: known before what its files hold.
it("a torrent dials whom it has heard of once its files are checked, however long that takes", async () => {
  const clock = new ManualClock();
  const [torrent, another] = await Promise.all(
    ["a", "b"].map((name) => torrentOf([{ path: [name], content: noise(64 * KIB) }])),
  );
  if (!torrent || !another) throw new Error("no torrents");
  const { infoHash, pieceCount } = torrent.metainfo;
  const met: RawPeer[] = [];
  const somebody = await RawPeer.listen({ at: "127.2.0.1", infoHash }, (raw) => void met.push(raw));
  const peer = await TestPeer.start(another, { at: "127.1.0.1", clock });
  const opened = Promise.withResolvers<OpenedStorage>();
  const checking = peer.session.add(torrent.metainfo, {
    dir: await temporaryDirectory(),
    numwant: 50,
    uploadSlots: 4,
    choker: "tit-for-tat",
    maxConnections: 80,
    openStorage: () => opened.promise,
    onComplete: () => undefined,
    onError: () => undefined,
  });
  onTestFinished(() => opened.reject(new Error("the test is over")));
  checking.hearOf([somebody]);
  void checking.start();
  clock.advance(LIMITS.peer.locateTimeoutMs + 1);
  // By the time that another one is let in, it would have been dialled.
  await RawPeer.join(peer.endpoint, { at: "127.3.0.1", infoHash: another.metainfo.infoHash, clock });
  expect({ met: met.length, connections: checking.connectionCount }).toEqual({ met: 0, connections: 0 });

  const storage = {
    read: () => Promise.reject(new Error("it has nothing")),
    writePiece: async () => undefined,
    finish: async () => undefined,
    close: async () => undefined,
  };
  opened.resolve({ storage, have: new PieceSet(pieceCount) });
  await advanceUntil(clock, "it is dialled", () => met.length === 1);
});
