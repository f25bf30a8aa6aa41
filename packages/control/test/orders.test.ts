import { cp, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { createTorrentFile } from "@cachetorrent/peer";
import type { InfoHash } from "@cachetorrent/protocol";
import { describe, expect, it, onTestFinished } from "vitest";
import { magnetTo, makeTorrent, startTestDaemon, temporaryFolder, until } from "./support/test-daemon.ts";

describe("a torrent", () => {
  it("is taken as JSON, as bytes, and by a magnet link, and listed", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const [one, two] = [await makeTorrent(daemon.dir, "one"), await makeTorrent(daemon.dir, "two")];
    const added = await daemon.ask("POST", "/v1/torrents", { torrent: one.text });
    expect(added).toMatchObject({ status: 201, body: { infoHash: one.metainfo.infoHash, dir: daemon.dir } });
    const raw = await fetch(`${daemon.url}/v1/torrents?paused=true`, {
      method: "POST",
      headers: { authorization: `Bearer ${daemon.token}`, "content-type": "application/x-bittorrent" },
      body: Buffer.from(two.bytes),
    });
    expect(raw.status).toBe(201);
    expect(raw.headers.get("location")).toBe(`/v1/torrents/${two.metainfo.infoHash}`);
    const hash = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a";
    await daemon.ask("POST", "/v1/torrents", { magnet: `magnet:?xt=urn:btih:${hash}&dn=three` });
    await until("the first is checked", async () =>
      (await daemon.client.status()).torrents.some(({ state }) => state === "seeding"),
    );
    const { torrents } = await daemon.client.status();
    expect(torrents).toMatchObject([
      { name: "one", state: "seeding" },
      { name: "two", state: "paused", paused: "by request" },
      { name: "three", state: "metadata" },
    ]);
  });

  it("is taken once only", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(daemon.dir);
    const both = await Promise.all([1, 2].map(() => daemon.ask("POST", "/v1/torrents", { torrent: text })));
    expect(both.map(({ status }) => status).sort()).toEqual([201, 409]);
    const again = await daemon.ask("POST", "/v1/torrents", {
      magnet: `magnet:?xt=urn:btih:${metainfo.infoHash}`,
    });
    expect(again).toMatchObject({ status: 409, body: { code: "CT_ERR_TORRENT_KNOWN" } });
    expect((await daemon.client.status()).torrents).toHaveLength(1);
  });

  it("tells how its web seeds fare", async () => {
    const { bytes } = await makeTorrent(await temporaryFolder());
    const url = "http://user:word@127.0.0.1:1/";
    const named = Buffer.concat([bytes.subarray(0, -1), Buffer.from(`8:url-list${url.length}:${url}e`)]);
    const daemon = await startTestDaemon(await temporaryFolder());
    const { infoHash } = await daemon.client.add({ torrent: named.toString("base64") });
    const webSeeds = async () =>
      (await daemon.client.status()).torrents.find((one) => one.infoHash === infoHash)?.webSeeds;
    await until("it is left out", async () => (await webSeeds())?.[0]?.state === "dropped");
    const reason = expect.stringMatching(/^is at the local address 127\.0\.0\.1/);
    expect(await webSeeds()).toEqual([
      { url: "http://127.0.0.1:1/", state: "dropped", receivedBytes: 0, reason },
    ]);
  });

  it("comes from another daemon, leaves its swarm when it is paused, and goes on", async () => {
    const seed = await startTestDaemon(await temporaryFolder());
    const torrent = await makeTorrent(seed.dir);
    const { infoHash } = torrent.metainfo;
    await seed.client.add({ torrent: torrent.text });
    const leecher = await startTestDaemon(await temporaryFolder());
    await leecher.client.add({ magnet: magnetTo(torrent, seed), limits: { down: 1000 } });
    const connected = () => leecher.daemon.peer.status().connections;
    const state = async () => (await leecher.client.status()).torrents[0]?.state;
    await until("it downloads", async () => (await state()) === "downloading");
    await until("it has met the seed", async () => (await leecher.client.peers(infoHash)).length > 0);
    expect(await leecher.client.peers(infoHash)).toMatchObject([{ fraction: 1, isMember: true }]);

    expect(await leecher.client.pause(infoHash)).toMatchObject({ state: "paused", rateIn: 0 });
    expect(connected()).toBe(0);
    await until("the seed is alone", () => seed.daemon.peer.status().connections === 0);

    await leecher.client.change(infoHash, { limits: { down: null } });
    await leecher.client.resume(infoHash);
    await until("it is complete", async () => (await state()) === "seeding");
    const copy = await readFile(join(leecher.dir, "release", "docs", "b.txt"));
    expect(copy.equals(await readFile(join(seed.dir, "release", "docs", "b.txt")))).toBe(true);
  });

  it("is dropped, its content stays, and it can come again", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(daemon.dir);
    await daemon.client.add({ torrent: text });
    expect(await daemon.client.remove(metainfo.infoHash, false)).toEqual([]);
    expect(await readdir(join(daemon.dir, "release"))).toEqual(["a.iso", "docs"]);
    expect(await readdir(join(daemon.stateDir, "torrents"))).toEqual([]);
    expect(await daemon.ask("GET", `/v1/torrents/${metainfo.infoHash}`)).toMatchObject({ status: 404 });
    await daemon.client.add({ torrent: text });
    expect((await daemon.client.status()).torrents).toHaveLength(1);
  });

  it("that is on its way out does not keep the others from being listed", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const [one, two] = [await makeTorrent(daemon.dir, "one"), await makeTorrent(daemon.dir, "two")];
    for (const { text } of [one, two]) await daemon.client.add({ torrent: text });
    const removed = daemon.client.remove(one.metainfo.infoHash, false);
    const listed = await Promise.all(Array.from({ length: 20 }, () => daemon.ask("GET", "/v1/torrents")));
    await removed;
    expect(listed.map(({ status }) => status)).toEqual(listed.map(() => 200));
    expect((await daemon.client.status()).torrents).toMatchObject([{ name: "two" }]);
  });

  it("is dropped with its data: its own files go, a stranger's stay", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(daemon.dir);
    const { infoHash } = metainfo;
    await daemon.client.add({ torrent: text });
    await until("it is checked", async () => (await daemon.client.status()).torrents[0]?.state === "seeding");
    await writeFile(join(daemon.dir, "release", "mine"), "mine");
    await writeFile(join(daemon.dir, "release", "a.iso"), "somebody put this in its place");
    expect(await daemon.client.remove(infoHash, true)).toEqual([join(daemon.dir, "release", "a.iso")]);
    expect(await readdir(join(daemon.dir, "release"))).toEqual(["a.iso", "mine"]);
  });

  it("is dropped with its data, and files that another one has by another path stay", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(daemon.dir);
    await symlink("release", join(daemon.dir, "link"));
    const copy = join(await temporaryFolder(), "link");
    await cp(join(daemon.dir, "release"), copy, { recursive: true });
    const { bytes } = await createTorrentFile({ path: copy, trackers: [], pieceLength: 32 * 1024 });
    await daemon.client.add({ torrent: text });
    await daemon.client.add({ torrent: Buffer.from(bytes).toString("base64") });
    await until("both are checked", async () =>
      (await daemon.client.status()).torrents.every(({ state }) => state === "seeding"),
    );
    const files = ["a.iso", "docs/b.txt"].map((path) => join(daemon.dir, "release", path));
    expect(await daemon.client.remove(metainfo.infoHash, true)).toEqual(files);
    expect(await readdir(join(daemon.dir, "release"))).toEqual(["a.iso", "docs"]);
  });

  it("has files that are chosen when it is added, and while it runs", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(daemon.dir);
    const { infoHash } = metainfo;
    await daemon.client.add({ torrent: text, files: ["*.iso"] });
    await until("it is checked", async () => (await daemon.client.status()).torrents[0]?.state === "seeding");
    expect(await daemon.client.files(infoHash)).toEqual([
      { index: 0, path: "release/a.iso", length: 20480, verifiedBytes: 20480, priority: "normal" },
      { index: 1, path: "release/docs/b.txt", length: 30720, verifiedBytes: 30720, priority: "skip" },
    ]);
    const changed = await daemon.client.setFiles(infoHash, new Map([[1, "high"]]));
    expect(changed.files.map(({ priority }) => priority)).toEqual(["normal", "high"]);
    await daemon.client.pause(infoHash);
    const { paused } = await daemon.client.setFiles(infoHash, new Map([[0, "low"]]));
    expect([changed.paused, paused]).toEqual([undefined, "by request"]);
    await daemon.client.resume(infoHash);
    expect((await daemon.client.files(infoHash)).map(({ priority }) => priority)).toEqual(["low", "high"]);
    const refused = await daemon.ask("PATCH", `/v1/torrents/${infoHash}/files`, {
      priorities: { 2: "high" },
    });
    expect(refused).toMatchObject({ status: 400, body: { message: "no file 2 of 2" } });
  });

  it("has trackers, of which is told how they were last asked, and no passkey", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const hash = "c12fe1c06bba254a9dc9f519b335aa7c1367a88a" as InfoHash;
    // Nobody listens at port 1.
    const tracker = encodeURIComponent("http://127.0.0.1:1/s3cret/announce");
    const magnet = `magnet:?xt=urn:btih:${hash}&tr=${tracker}`;
    await daemon.client.add({ magnet, paused: true });
    const url = "http://127.0.0.1:1/…/announce";
    const never = { url, result: null, isAsked: false, nextInMs: null, seeders: null, leechers: null };
    expect(await daemon.client.trackers(hash)).toEqual([never]);
    await daemon.client.resume(hash);
    await until("it was asked", async () => (await daemon.client.trackers(hash))[0]?.result !== null);
    const { body } = await daemon.ask("GET", `/v1/torrents/${hash}/trackers`);
    expect(body).toMatchObject({
      trackers: [{ url, result: expect.stringContaining(`tracker ${url} is not reachable`), seeders: null }],
    });
    expect(JSON.stringify(body)).not.toContain("s3cret");
  });

  it("has a role and accounts", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { metainfo, text } = await makeTorrent(daemon.dir);
    await daemon.client.add({ torrent: text });
    expect(await daemon.client.roles(metainfo.infoHash)).toMatchObject({ asn: 0, leads: false, leaders: [] });
    const ledger = await daemon.ask("GET", `/v1/torrents/${metainfo.infoHash}/ledger`);
    expect(ledger.body).toMatchObject({ infoHash: metainfo.infoHash, sentByAsn: {}, escapes: 0 });
    expect((await daemon.ask("GET", "/v1/ledger")).body).toMatchObject({ torrents: [ledger.body] });
  });
});

describe("what cannot be done is refused, and the fault named", () => {
  it.each([
    ["neither a link nor a torrent", {}, /either magnet or torrent/],
    ["both", { magnet: "magnet:?xt=urn:btih:0", torrent: "" }, /torrent/],
    ["a link that is none", { magnet: "http://x/" }, /magnet/],
    ["what is not base64", { torrent: "%%%" }, /body\/torrent is not base64/],
    ["what is no torrent", { torrent: Buffer.from("<html>").toString("base64") }, /web page/],
    ["a name that nobody knows", { magnet: "magnet:?xt=urn:btih:0", pausd: true }, /unknown name "pausd"/],
    ["a limit of nothing", { magnet: "magnet:?xt=urn:btih:0", limits: { up: 0 } }, /body\/limits\/up/],
    ["a limit that is none", { magnet: "magnet:?xt=urn:btih:0", limits: { upp: 1 } }, /unknown name "upp"/],
  ])("%s", async (_, body, message) => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { body: answer, status } = await daemon.ask("POST", "/v1/torrents", body);
    expect(status).toBe(400);
    expect(answer.message).toMatch(message);
  });

  it("a folder that the daemon may not use", async () => {
    const root = await temporaryFolder();
    const more = await temporaryFolder();
    const daemon = await startTestDaemon(root, { "allow-dir": [more] });
    const { text } = await makeTorrent(daemon.dir);
    for (const dir of ["/etc", "..", "../state", `${daemon.dir}x`, "a/../../state"]) {
      const { body, status } = await daemon.ask("POST", "/v1/torrents", { torrent: text, dir });
      expect(status, dir).toBe(400);
      expect(body.message).toContain("--allow-dir");
    }
    const added = await daemon.ask("POST", "/v1/torrents", { torrent: text, dir: join(more, "sub") });
    expect(added).toMatchObject({ status: 201, body: { dir: join(more, "sub") } });
  });

  it("patterns that choose nothing, and nothing is taken", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const { text } = await makeTorrent(daemon.dir);
    const { body } = await daemon.ask("POST", "/v1/torrents", { torrent: text, files: ["*.mp3"] });
    expect(body.message).toContain("nothing matches *.mp3");
    expect((await daemon.client.status()).torrents).toEqual([]);
    expect(await readdir(join(daemon.stateDir, "torrents"))).toEqual([]);
  });

  it("an order for a torrent that is not there, or by another name than an info-hash", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const none = "0".repeat(40);
    for (const [method, path] of [
      ["DELETE", `/v1/torrents/${none}`],
      ["POST", `/v1/torrents/${none}/pause`],
      ["GET", `/v1/torrents/${none}/files`],
    ] as const) {
      expect(await daemon.ask(method, path)).toMatchObject({
        status: 404,
        body: { code: "CT_ERR_NO_TORRENT", message: `no torrent ${none} is here` },
      });
    }
    expect(await daemon.ask("GET", "/v1/torrents/..%2f..%2fetc/files")).toMatchObject({ status: 400 });
    expect(await daemon.ask("GET", "/v2/torrents")).toMatchObject({ status: 404 });
  });

  it("a body that is too large", async () => {
    const daemon = await startTestDaemon(await temporaryFolder());
    const answer = await daemon.ask("PATCH", "/v1/limits", { up: 1, x: "x".repeat(2 * 1024 * 1024) });
    expect(answer, JSON.stringify(answer.body)).toMatchObject({
      status: 413,
      body: { code: "CT_ERR_USAGE" },
    });
  });
});

describe("when a torrent has been shared enough", () => {
  it("is changed part by part: what is left out stays, null lifts", async () => {
    const root = await temporaryFolder();
    const daemon = await startTestDaemon(root, { "stop-after": 5000 });
    const { metainfo, text } = await makeTorrent(daemon.dir);
    const added = await daemon.client.add({ torrent: text, paused: true, stopRule: { ratio: 2 } });
    expect(added.stopRule).toEqual({ ratio: 2, afterMs: 5000 });
    const { infoHash } = metainfo;
    const change = async (stopRule: object) => (await daemon.client.change(infoHash, { stopRule })).stopRule;
    expect(await change({ ratio: 3 })).toEqual({ ratio: 3, afterMs: 5000 });
    expect(await change({ afterMs: null })).toEqual({ ratio: 3 });
    await daemon.daemon.stop();
    const next = await startTestDaemon(root, { "stop-after": 5000 });
    expect((await next.client.status()).torrents).toMatchObject([{ stopRule: { ratio: 3 } }]);
    expect((await next.client.change(infoHash, { stopRule: { ratio: null } })).stopRule).toEqual({});
  });
});

describe("web seeds", () => {
  /** A server of the torrent's files; who asks of it. */
  async function webServer(dir: string) {
    const asked: string[] = [];
    const server = createServer(async (request, response) => {
      const path = decodeURIComponent(request.url ?? "");
      asked.push(path);
      const bytes = await readFile(join(dir, path)).catch(() => undefined);
      const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range ?? "") ?? [];
      if (!bytes || first === undefined) return response.writeHead(404).end();
      response.writeHead(206, { "content-range": `bytes ${first}-${last}/${bytes.length}` });
      return response.end(bytes.subarray(Number(first), Number(last) + 1));
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => void server.close());
    return { asked, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/` };
  }

  it("of a torrent are named by who adds it, at local addresses too, and hold after a restart", async () => {
    const source = await temporaryFolder();
    const torrent = await makeTorrent(source);
    const { asked, url } = await webServer(source);
    const root = await temporaryFolder();
    const first = await startTestDaemon(root);
    await first.client.add({ torrent: torrent.text, webSeeds: [url], paused: true });
    await first.daemon.stop();
    expect(asked).toEqual([]);
    const { client, dir } = await startTestDaemon(root);
    await client.resume(torrent.metainfo.infoHash);
    await until("it is complete", async () => (await client.status()).torrents[0]?.state === "seeding");
    expect(await readFile(join(dir, "release/a.iso"))).toEqual(await readFile(join(source, "release/a.iso")));
    expect(asked).toContain("/release/a.iso");
  });

  it("of the daemon's operator are for the torrents of its command line, and of no other", async () => {
    const source = await temporaryFolder();
    const [ours, other] = [await makeTorrent(source, "ours"), await makeTorrent(source, "other")];
    const { asked, url } = await webServer(source);
    const { client } = await startTestDaemon(await temporaryFolder(), { "web-seed": [url] }, [ours.path]);
    await client.add({ torrent: other.text });
    const states = async () => (await client.status()).torrents.map(({ name, state }) => `${name} ${state}`);
    await until("the first is complete", async () => (await states())[0] === "ours seeding");
    await until("the other is without", async () => (await states())[1] === "other downloading");
    expect(asked.filter((path) => !path.startsWith("/ours/"))).toEqual([]);
  });

  it("that are no URLs are refused", async () => {
    const { ask } = await startTestDaemon(await temporaryFolder());
    const answer = await ask("POST", "/v1/torrents", {
      magnet: "magnet:?xt=urn:btih:0",
      webSeeds: ["file:///"],
    });
    expect(answer).toMatchObject({
      status: 400,
      body: { message: expect.stringContaining("body/webSeeds/0") },
    });
  });
});

describe("limits", () => {
  it("over all torrents and of one are changed by name, and lifted by null", async () => {
    const daemon = await startTestDaemon(await temporaryFolder(), { "limit-up": 5000 });
    const { metainfo, text } = await makeTorrent(daemon.dir);
    await daemon.client.add({ torrent: text });
    expect(await daemon.client.changeLimits({ "down-external": 7000 })).toMatchObject({
      up: 5000,
      down: null,
      "down-external": 7000,
    });
    expect(await daemon.client.changeLimits({ up: null })).toMatchObject({ up: null, "down-external": 7000 });
    const torrent = await daemon.client.change(metainfo.infoHash, {
      limits: { up: 300 },
      stopRule: { ratio: 2 },
    });
    expect(torrent).toMatchObject({ limits: { up: 300, down: null }, stopRule: { ratio: 2 } });
  });

  it("by the hour are replaced whole, and hold at once; what is set goes on beneath them", async () => {
    const first = "00:00-24:00 up=4kB/s";
    const daemon = await startTestDaemon(await temporaryFolder(), { "limit-schedule": [first] });
    expect(await daemon.client.schedule()).toEqual([first]);
    expect((await daemon.client.status()).limits).toMatchObject({ up: 4000, down: null });
    const others = ["00:00-24:00 down=3kB/s", "00:00-24:00 down=2kB/s"];
    expect(await daemon.client.setSchedule(others)).toEqual(others);
    expect(await daemon.client.changeLimits({ down: 7000 })).toMatchObject({ up: null, down: 2000 });
    expect(await daemon.client.setSchedule([])).toEqual([]);
    expect((await daemon.client.status()).limits).toMatchObject({ up: null, down: 7000 });
  });

  it("by the hour of which one is wrong are refused, the wrong one quoted, and those that were go on", async () => {
    const kept = ["00:00-24:00 up=4kB/s"];
    const daemon = await startTestDaemon(await temporaryFolder(), { "limit-schedule": kept });
    const put = (schedule: unknown) => daemon.ask("PUT", "/v1/limits/schedule", { schedule });
    expect(await put(["00:00-24:00 up=1kB/s", "mo-fri 08:00-18:00 up=1kB/s"])).toMatchObject({
      status: 400,
      body: {
        code: "CT_ERR_QUANTITY",
        message: expect.stringMatching(/^"mo-fri 08:00-18:00 up=1kB\/s": the entry has "mo" for a day/),
      },
    });
    for (const [schedule, message] of [
      ["00:00-24:00 up=1kB/s", "body/schedule must be array"],
      [[7], "body/schedule/0 must be string"],
      [Array.from({ length: 101 }, () => "00:00-24:00 up=1kB/s"), "must NOT have more than 100 items"],
    ] as const) {
      const { body, status } = await put(schedule);
      expect(status).toBe(400);
      expect(body.message).toContain(message);
    }
    expect(await daemon.client.schedule()).toEqual(kept);
    expect((await daemon.client.status()).limits.up).toBe(4000);
  });
});
