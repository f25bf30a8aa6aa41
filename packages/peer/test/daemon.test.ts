import { createSocket } from "node:dgram";
import { chmod, chown, readdir, stat, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { systemClock, systemRandom } from "@cachetorrent/clock";
import type { Endpoint } from "@cachetorrent/protocol";
import { Value } from "typebox/value";
import { describe, expect, it, onTestFinished } from "vitest";
import { type PeerConfig, PeerConfigSchema } from "../src/config.ts";
import { type PeerDaemon, startPeer } from "../src/daemon.ts";
import { loadMetainfo } from "../src/metainfo/metainfo.ts";
import { saidOfDht } from "./support/said-of-dht.ts";
import { asn, endpoint, listeningLog, silent } from "./support/samples.ts";
import { ScriptedTracker } from "./support/scripted-tracker.ts";
import { temporaryDirectory, torrentWith } from "./support/torrents.ts";

const parts = { clock: systemClock, random: systemRandom, log: silent };

function config(dir: string, settings: Partial<PeerConfig> = {}): PeerConfig {
  const given = { dir, listen: "127.0.0.1:0", ...settings };
  return Value.Parse(PeerConfigSchema, Value.Default(PeerConfigSchema, given));
}

async function torrentFile(directory: string, announce: string, name = "given.torrent"): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, torrentWith({}, { announce }));
  return path;
}

async function started(
  settings: Partial<PeerConfig>,
): Promise<{ peer: PeerDaemon; tracker: ScriptedTracker }> {
  const directory = await temporaryDirectory();
  const tracker = await ScriptedTracker.listen();
  const file = await torrentFile(directory, tracker.announceUrl);
  const peer = await startPeer(config(directory, settings), [file], parts);
  // In reverse order: a tracker that is gone keeps no stopping peer waiting.
  onTestFinished(() => peer.stop());
  onTestFinished(() => tracker.close());
  return { peer, tracker };
}

/** Resolves with the port if it is free, 0 picks one; rejects otherwise. */
async function listenAt(port: number): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", resolve);
  });
  const bound = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return bound.port;
}

/** Does somebody else hear UDP there? */
async function hearsUdp({ address, port }: Endpoint): Promise<boolean> {
  const socket = createSocket("udp4");
  try {
    return await new Promise<boolean>((resolve, reject) => {
      socket.once("listening", () => resolve(false));
      socket.once("error", (error: NodeJS.ErrnoException) =>
        error.code === "EADDRINUSE" ? resolve(true) : reject(error),
      );
      socket.bind(port, address);
    });
  } finally {
    socket.close();
  }
}

describe("what a peer stands for election with", () => {
  it.each<[string, Partial<PeerConfig>, { up: number; down: number } | undefined]>([
    ["is 12.5 MB/s where nothing is said", {}, { up: 12_500_000, down: 12_500_000 }],
    [
      "is its limit where there is one",
      { "limit-up": 1_000_000, "limit-down": 2_000_000 },
      { up: 1_000_000, down: 2_000_000 },
    ],
    [
      "is the capacity it is given, whatever its limits",
      { "limit-up": 1_000_000, "capacity-up": 3_000_000, "capacity-down": 4_000_000 },
      { up: 3_000_000, down: 4_000_000 },
    ],
    ["is nothing with no-candidate", { "no-candidate": true, "capacity-up": 3_000_000 }, undefined],
  ])("%s", async (_, settings, capacity) => {
    const { tracker } = await started(settings);
    const asked = await tracker.next();
    expect(asked.announce.member).toBeDefined();
    expect(asked.announce.member?.capacity).toEqual(capacity);
    asked.accept();
  });
});

describe("a configured peer", () => {
  it("announces the port it got, its local endpoint, and asks for as many peers as it is told", async () => {
    const { peer, tracker } = await started({ numwant: 7, local: "10.0.0.7:6881" });
    const asked = await tracker.next();
    expect(asked.announce).toMatchObject({
      peerId: peer.peerId,
      port: peer.endpoint.port,
      numwant: 7,
      left: 20_000,
      event: "started",
      member: { local: endpoint("10.0.0.7:6881") },
    });
    asked.accept();
  });

  it.each<[string, Partial<PeerConfig>, boolean]>([
    ["takes no part in the DHT where nothing is said", {}, false],
    ["takes part in the DHT when it is told to", { dht: true }, true],
  ])("%s", async (_, settings, takesPart) => {
    const { peer, tracker } = await started({ "dht-bootstrap": [], ...settings });
    const asked = await tracker.next();
    asked.accept();
    const { endpoint: listening } = peer;
    const { isOffered, ports } = await saidOfDht(listening, asked.announce.infoHash);
    expect(isOffered).toEqual([takesPart]);
    expect(ports).toEqual(takesPart ? [listening.port] : []);
    expect(await hearsUdp(listening)).toBe(takesPart);
  });

  it("announces with a magnet link as no member, and that something is left", async () => {
    const directory = await temporaryDirectory();
    const tracker = await ScriptedTracker.listen();
    const link = `magnet:?xt=urn:btih:${"ab".repeat(20)}&tr=${encodeURIComponent(tracker.announceUrl)}&dn=given`;
    const peer = await startPeer(config(directory), [link], parts);
    onTestFinished(() => peer.stop());
    onTestFinished(() => tracker.close());
    const asked = await tracker.next();
    expect(asked.announce).toMatchObject({ infoHash: "ab".repeat(20), left: 16 * 1024, event: "started" });
    expect(asked.announce.member).toBeUndefined();
    asked.accept();
    expect(peer.status().torrents).toMatchObject([{ name: "given", state: "metadata" }]);
  });

  it.each<[string, Partial<PeerConfig>]>([
    ["over all torrents", { "max-connections": 2 }],
    // Of its connections a torrent dials three quarters.
    ["for one torrent", { "max-connections-torrent": 2 }],
  ])("opens no more connections than it is told, %s", async (_, settings) => {
    const { peer, tracker } = await started(settings);
    const sockets = Array.from({ length: 4 }, () => createServer());
    const dialled: number[] = [];
    const peers = await Promise.all(
      sockets.map(async (server, i) => {
        server.on("connection", () => dialled.push(i));
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
        onTestFinished(() => void server.close());
        return endpoint(`127.0.0.1:${(server.address() as { port: number }).port}`);
      }),
    );
    (await tracker.next()).accept({ peers: peers.map((one) => ({ endpoint: one, asn: asn(0) })) });
    await expect.poll(() => dialled.length, { timeout: 10_000 }).toBe(2);
    expect(peer.status().connections).toBe(2);
  });
});

describe("a peer that cannot start names the fault, and leaves nothing running", () => {
  it.each<[string, (directory: string) => Partial<PeerConfig>, RegExp]>([
    ["a ledger in no directory", (dir) => ({ ledger: join(dir, "none", "l.json") }), /none\/l\.json/],
    ["a trace in no directory", (dir) => ({ trace: join(dir, "none", "t.jsonl") }), /none\/t\.jsonl/],
  ])("%s", async (_, settings, message) => {
    const directory = await temporaryDirectory();
    const port = await listenAt(0);
    const file = await torrentFile(directory, "http://127.0.0.1:1/announce");
    const given = config(directory, { listen: `127.0.0.1:${port}`, ...settings(directory) });
    await expect(startPeer(given, [file], parts)).rejects.toThrow(message);
    expect(await listenAt(port)).toBe(port);
  });

  it("a magnet link that is none, and one of a torrent that is given as a file too", async () => {
    const directory = await temporaryDirectory();
    const file = await torrentFile(directory, "http://127.0.0.1:1/announce");
    await expect(startPeer(config(directory), [file, "magnet:?xt=urn:btih:1"], parts)).rejects.toThrow(
      'has "1" for an info-hash',
    );
    const { infoHash } = await loadMetainfo(file);
    const both = [file, `magnet:?xt=urn:btih:${infoHash}`];
    await expect(startPeer(config(directory), both, parts)).rejects.toThrow(
      /the magnet link and .*same torrent/,
    );
  });

  it("one torrent under two names", async () => {
    const directory = await temporaryDirectory();
    const first = await torrentFile(directory, "http://127.0.0.1:1/announce", "a.torrent");
    const second = await torrentFile(directory, "http://127.0.0.1:2/announce", "b.torrent");
    await expect(startPeer(config(directory), [first, second], parts)).rejects.toThrow(
      `${second} and ${first} are the same torrent`,
    );
  });

  it("a broken torrent among good ones", async () => {
    const directory = await temporaryDirectory();
    const good = await torrentFile(directory, "http://127.0.0.1:1/announce");
    const broken = join(directory, "broken.torrent");
    await writeFile(broken, "d4:info");
    const port = await listenAt(0);
    await expect(
      startPeer(config(directory, { listen: `127.0.0.1:${port}` }), [good, broken], parts),
    ).rejects.toThrow(`${broken}: not valid bencode`);
    expect(await listenAt(port)).toBe(port);
  });
});

describe("the folder for what a peer remembers", () => {
  async function startIn(state: { given?: string; usual?: string }) {
    const directory = await temporaryDirectory();
    const tracker = await ScriptedTracker.listen();
    const file = await torrentFile(directory, tracker.announceUrl);
    const { log, lines } = listeningLog();
    const settings = state.given === undefined ? {} : { state: state.given };
    const peer = await startPeer(config(directory, settings), [file], {
      ...parts,
      log,
      stateDir: state.usual,
    });
    onTestFinished(() => peer.stop());
    onTestFinished(() => tracker.close());
    return { peer, lines };
  }

  it("is made, for nobody else to read; the one that is named wins over the usual one", async () => {
    const directory = await temporaryDirectory();
    const [given, usual] = [join(directory, "given", "state"), join(directory, "usual")];
    const { peer } = await startIn({ given, usual });
    expect((await stat(given)).mode & 0o777).toBe(0o700);
    await peer.stop();
    expect((await readdir(given)).every((name) => name.endsWith(".resume"))).toBe(true);
    await expect(stat(usual)).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("keeps a peer from starting when it was named and cannot be used", async () => {
    const inTheWay = join(await temporaryDirectory(), "file");
    await writeFile(inTheWay, "mine");
    await expect(startIn({ given: join(inTheWay, "state") })).rejects.toMatchObject({
      code: "CT_ERR_STATE",
      message: expect.stringContaining(inTheWay),
    });
  });

  it.each(["0777", "0722", "1777"])(
    "keeps a peer from starting when it was named and has mode %s, which lets others write",
    async (text) => {
      const mode = Number.parseInt(text, 8);
      const given = await temporaryDirectory();
      await chmod(given, mode);
      const mended = (mode & ~0o022).toString(8).padStart(4, "0");
      await expect(startIn({ given })).rejects.toMatchObject({
        code: "CT_ERR_STATE",
        message: expect.stringMatching(new RegExp(`chmod ${mended} ${given}$`)),
      });
      await chmod(given, mode & ~0o022);
      await startIn({ given });
    },
  );

  it("keeps a peer from starting when it was named and belongs to another user", async (context) => {
    const given = await temporaryDirectory();
    const isDone = await chown(given, 4711, 4711).then(
      () => true,
      () => false,
    );
    if (!isDone) return context.skip("giving a folder away needs root");
    await expect(startIn({ given })).rejects.toMatchObject({
      code: "CT_ERR_STATE",
      message: expect.stringContaining(`${given} belongs to another user (uid 4711`),
    });
  });

  it("is done without, and that is told once, when it is the usual one that cannot be used", async () => {
    const inTheWay = join(await temporaryDirectory(), "file");
    await writeFile(inTheWay, "mine");
    const { lines } = await startIn({ usual: join(inTheWay, "state") });
    expect((await lines.next()).msg).toMatch(
      /file\/state: cannot keep state there: .*--state names another folder$/,
    );
  });
});
