import { describe, expect, it } from "vitest";
import { torrentOf as ofMagnet } from "../src/metadata/kept-metadata.ts";
import { parseMagnet } from "../src/metainfo/magnet.ts";
import { parseMetainfo } from "../src/metainfo/metainfo.ts";
import { fileUrl, shownWebSeed, usableWebSeeds } from "../src/web-seeds/web-seed-url.ts";
import { keptLog } from "./support/kept-log.ts";
import { CACHE, MeetingPoint } from "./support/meeting-point.ts";
import { readContent, TestPeer } from "./support/test-peer.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";
import { until } from "./support/until.ts";
import { WebServer } from "./support/web-server.ts";

const BLOCK = 16 * KIB;

const aTorrent = () => torrentOf([{ path: ["a file"], content: noise(1000 * KIB) }], 64 * KIB);

describe("a web seed that the operator names", () => {
  it("gives a leecher everything where there is no other seed, each byte once", async () => {
    const torrent = await aTorrent();
    const web = await WebServer.of(torrent);
    const leecher = await TestPeer.start(torrent, { at: "127.1.0.1", webSeeds: [web.url] });
    await leecher.complete();
    expect(await readContent(torrent, leecher.dir)).toEqual(torrent.content);
    expect(web.askedBytes).toBe(torrent.content.length);
    expect(new Set(web.log.map(({ status }) => status))).toEqual(new Set([206]));
    // Side by side: 63 blocks, and far fewer requests.
    expect(web.log.length).toBeLessThan(40);
    expect(leecher.accounts).toMatchObject({
      webSeedBytes: torrent.content.length,
      roles: [{}, { bytesByAsn: { 0: torrent.content.length } }],
    });
    expect(leecher.peers).toBe(0);
  });

  it("gives files with all kinds of names, and the pieces that lie in several of them", async () => {
    const torrent = await torrentOf([
      { path: ["a #1?b=c&d%20.bin"], content: noise(40 * KIB + 1, 1) },
      { path: [".pad", "100"], content: Buffer.alloc(100), attr: "p" },
      { path: ["ünter", "ö+ 'x'"], content: noise(3, 2) },
      { path: ["none"], content: Buffer.alloc(0) },
      { path: ["ünter", "\\..\\last"], content: noise(70 * KIB, 3) },
    ]);
    const web = await WebServer.of(torrent);
    const leecher = await TestPeer.start(torrent, { at: "127.1.0.1", webSeeds: [web.url] });
    await leecher.complete();
    expect(await readContent(torrent, leecher.dir)).toEqual(torrent.content);
    expect(web.askedBytes).toBe(torrent.content.length - 100);
  });

  it("is asked no faster than the limits on what comes from outside allow", async () => {
    const torrent = await aTorrent();
    const web = await WebServer.of(torrent);
    const limits = { "down-external": 1 };
    const leecher = await TestPeer.start(torrent, { at: "127.1.0.1", webSeeds: [web.url], limits });
    await until("it waits for more", () => leecher.receivedBytes > 0);
    expect(web.askedBytes).toBeLessThanOrEqual(2 * BLOCK);
    leecher.session.setLimits({ "down-external": Number.POSITIVE_INFINITY });
    await leecher.complete();
  });

  it("is asked by leaders only, where followers do not fetch outside", async () => {
    const torrent = await aTorrent();
    const web = await WebServer.of(torrent);
    const tracker = await MeetingPoint.open();
    tracker.tell({ policy: CACHE });
    const leader = await TestPeer.start(torrent, { at: "127.1.0.1", tracker, webSeeds: [web.url] });
    const follower = await TestPeer.start(torrent, { at: "127.1.0.2", tracker, webSeeds: [web.url] });
    tracker.tell({ leaders: [leader] });
    await Promise.all([leader.complete(), follower.complete()]);
    expect([...new Set(web.log.map(({ from }) => from))]).toEqual(["127.1.0.1"]);
    expect(follower.torrent.status().externalBytes).toBe(0);
  });
});

describe("a web seed that the torrent names", () => {
  it("and one that a magnet link names, are in its metainfo", async () => {
    const torrent = await aTorrent();
    const link = `magnet:?xt=urn:btih:${torrent.metainfo.infoHash}&ws=${encodeURIComponent("http://h/a b/")}&ws=ftp://h/`;
    const bytes = ofMagnet(parseMagnet(link), torrent.metainfo.info);
    expect((await parseMetainfo(bytes, "by magnet")).webSeeds).toEqual(["http://h/a%20b/"]);
    // BEP 19: one may stand by itself.
    const single = Buffer.concat([torrent.bytes.subarray(0, -1), Buffer.from("8:url-list9:http://h/e")]);
    expect((await parseMetainfo(single, "single")).webSeeds).toEqual(["http://h/"]);
  });

  it("is not asked at a local address, and the log says so", async () => {
    const torrent = await aTorrent();
    const web = await WebServer.of(torrent, "127.0.0.1");
    const { lines, log } = keptLog();
    const metainfo = { ...torrent.metainfo, webSeeds: [web.url] };
    await TestPeer.start({ ...torrent, metainfo }, { at: "127.1.0.1", log });
    await until("it is left out", () => lines.some(({ event }) => event === "web seed"));
    expect(lines.find(({ event }) => event === "web seed")?.msg).toBe(
      `web seed ${web.url} is at the local address 127.0.0.1, where only a web seed that is named by --web-seed is asked: it is left out`,
    );
    expect(web.log).toEqual([]);
  });
});

describe("the URL of a web seed (BEP 19)", () => {
  const path = (...names: string[]) => ({ path: names, length: 1, offset: 0, pad: false });

  it.each([
    ["http://h/f", [path("name")], "http://h/f"],
    ["http://h/f/", [path("name ü")], "http://h/f/name%20%C3%BC"],
    ["http://h", [path("name")], "http://h/name"],
    ["http://h/f?t=1", [path("name", "a/b#c?")], "http://h/f/name/a%2Fb%23c%3F?t=1"],
    ["https://h/f/", [path("name", "%2e%2e", "x")], "https://h/f/name/%252e%252e/x"],
  ])("%s is of the first file %j", (base, files, url) => {
    expect(fileUrl(base, { files }, 0).href).toBe(url);
  });

  it("is left out where it is none that we can ask, and of many the first are taken", () => {
    const many = Array.from({ length: 30 }, (_, i) => `http://h/${i}`);
    const given = [
      "",
      "ftp://h/",
      "http://",
      "no URL",
      `http://h/${"x".repeat(3000)}`,
      "HTTP://h/0",
      ...many,
    ];
    expect(usableWebSeeds(given)).toEqual(many.slice(0, 20));
  });

  it("is shown without what may be a password", () => {
    expect(shownWebSeed("http://user:word@h:81/a/b?sig=1")).toBe("http://h:81/a/b?…");
  });
});
