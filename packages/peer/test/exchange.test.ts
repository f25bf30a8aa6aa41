import { ManualClock, seededRandom } from "@cachetorrent/clock";
import Wire from "bittorrent-protocol";
import { expect, it, onTestFinished } from "vitest";
import { TorrentLedger } from "../src/accounts/ledger.ts";
import { noTrace } from "../src/accounts/trace.ts";
import { Content } from "../src/disk/content.ts";
import { PieceCache } from "../src/disk/piece-cache.ts";
import { BufferBudget } from "../src/exchange/buffer-budget.ts";
import { Exchange } from "../src/exchange/exchange.ts";
import type { ExchangeWatcher } from "../src/exchange/exchange-parts.ts";
import { UploadPump } from "../src/exchange/upload-pump.ts";
import { pieceSize } from "../src/metainfo/metainfo.ts";
import { SessionRates } from "../src/rates/session-rates.ts";
import { TorrentRates } from "../src/rates/torrent-rates.ts";
import { IndependentRole } from "../src/roles/independent.ts";
import { Selection } from "../src/selection/selection.ts";
import { Wanted } from "../src/selection/wanted.ts";
import { Connection } from "../src/wire/connection.ts";
import { asn, endpoint, otherPeerId, peerId, silent } from "./support/samples.ts";
import { socketPair } from "./support/socket-pair.ts";
import { KIB, noise, temporaryDirectory, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";

/** A peer without duties. */
const nobody: ExchangeWatcher = {
  introduced: () => undefined,
  told: () => undefined,
  mapped: () => undefined,
  has: () => undefined,
  choked: () => undefined,
  unchoked: () => undefined,
  received: () => undefined,
  snubbed: () => undefined,
  fellSilent: () => undefined,
  shown: () => undefined,
  spoiled: () => undefined,
  held: () => undefined,
  closed: () => undefined,
};

it("an exchange that stops gives back the buffers of the pieces it had begun", async () => {
  const clock = new ManualClock();
  const budget = new BufferBudget(1e9);
  const torrent = await torrentOf([{ path: ["a"], content: noise(256 * KIB) }], 64 * KIB);
  const { metainfo } = torrent;
  const shape = { pieceCount: metainfo.pieceCount, pieceSize: (piece: number) => pieceSize(metainfo, piece) };
  const content = new Content({
    metainfo,
    dir: await temporaryDirectory(),
    cache: new PieceCache(1e9),
    clock,
    log: silent,
  });
  await content.open();
  onTestFinished(() => content.close());
  const exchange = new Exchange({
    shape,
    have: content.have,
    wanted: new Wanted(metainfo, content.have, new Selection(metainfo)),
    role: new IndependentRole(4),
    watcher: nobody,
    clock,
    random: seededRandom(1),
    choker: "tit-for-tat",
    budget,
    rates: new TorrentRates(new SessionRates(clock, silent), clock),
    pump: new UploadPump(clock),
    ledger: new TorrentLedger(metainfo.infoHash, clock.now()),
    content,
    refuse: () => undefined,
    ban: () => undefined,
    toldOfPeers: () => undefined,
    closed: () => undefined,
    completed: () => undefined,
    failed: () => undefined,
  });
  const [ours, theirs] = await socketPair();
  const connection = new Connection({
    socket: ours,
    direction: "out",
    remote: endpoint("127.0.0.1:6881"),
    asn: asn(1),
    infoHash: metainfo.infoHash,
    peerId,
    shape,
    owner: exchange,
    clock,
    log: silent,
    trace: noTrace,
    extendedHandshake: {},
  });
  exchange.add(connection);
  const wire = new Wire();
  wire.on("data", (bytes) => theirs.write(bytes));
  theirs.on("data", (bytes: Uint8Array) => wire.write(bytes));
  wire.on("handshake", () => {
    wire.handshake(metainfo.infoHash, otherPeerId, { fast: true });
    wire.haveAll();
    wire.unchoke();
  });
  await until("a piece is begun", () => budget.usedBytes > 0);
  exchange.stop();
  await until("all is closed", () => exchange.connections.size === 0);
  expect(budget.usedBytes).toBe(0);
});
