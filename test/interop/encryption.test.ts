import { readFile } from "node:fs/promises";
import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CEILING_MS, complete, PLAIN, startPeer, startTracker } from "./support/cachetorrent.ts";
import { aria2 } from "./support/clients/aria2.ts";
import { ENCRYPTION, libtorrent, startLibtorrent } from "./support/clients/libtorrent.ts";
import type { RunningClient, StockClient } from "./support/clients/stock-client.ts";
import { transmission } from "./support/clients/transmission.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { type Host, Lab } from "./support/lab.ts";
import { runIn } from "./support/namespaces.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const SITE = 1;
const TRACKER_SITE = 200;
/** Of who dialled us, and of whom we dialled. */
const REFUSAL = "not encrypted, and --encryption is require";
const NOT_TAKEN = "does not take encryption, and --encryption is require";

type Starter = (
  host: Host,
  role: "seed" | "leecher",
  dir: string,
  torrents: readonly MadeTorrent[],
) => Promise<RunningClient>;

interface Case {
  readonly name: string;
  readonly ours: "off" | "allow" | "prefer" | "require";
  readonly start: Starter;
  /** Whether our leecher ever begins in plaintext, which whoever is on the way can tell. */
  readonly beginsPlain: boolean;
}

const requiring = (client: StockClient): Case => ({
  name: `${client.name} that requires it`,
  ours: "require",
  beginsPlain: false,
  start: (host, role, dir, torrents) => client.start(host, role, dir, torrents, { requiresEncryption: true }),
});

const CASES: readonly Case[] = [
  requiring(aria2),
  requiring(libtorrent),
  requiring(transmission),
  {
    name: "libtorrent that requires an encrypted handshake and plaintext after it",
    ours: "allow",
    beginsPlain: true,
    start: (host, role, dir, torrents) =>
      startLibtorrent(host, role, dir, torrents, ENCRYPTION.handshakeOnly),
  },
  {
    name: "libtorrent that takes no encryption, which we would prefer",
    ours: "prefer",
    beginsPlain: true,
    start: (host, role, dir, torrents) => startLibtorrent(host, role, dir, torrents, ENCRYPTION.disabled),
  },
  {
    name: "libtorrent that takes either, where we prefer encryption",
    ours: "prefer",
    beginsPlain: false,
    start: (host, role, dir, torrents) => startLibtorrent(host, role, dir, torrents, ENCRYPTION.either),
  },
  {
    name: "libtorrent with its own settings, where we take no encryption",
    ours: "off",
    beginsPlain: true,
    start: libtorrent.start,
  },
];
const MODES = [...new Set(CASES.map(({ ours }) => ours))];

/** Swarms of two, in which it is known who dials: nobody can dial a leecher. */
describeInLab("encrypted connections with stock clients", commands(), () => {
  let lab: Lab;
  let url: string;
  let ourSeeds: Map<Case["ours"], PeerProcess>;
  const fromUs = new Map<Case, { torrent: MadeTorrent; dir: string; client: RunningClient }>();
  const toUs = new Map<Case, { torrent: MadeTorrent; ours: PeerProcess; host: Host }>();
  let refused: { torrent: MadeTorrent; host: Host };
  let refusing: { ours: PeerProcess; host: Host };

  beforeAll(async () => {
    lab = await Lab.open();
    const trackerHost = await lab.addHost("tracker", TRACKER_SITE);
    ({ announceUrl: url } = await startTracker(trackerHost, trackerHost.ipv4, [
      ...PLAIN,
      ...["--interval", "10"],
    ]));
    const source = await lab.addDir("our-source");
    const given = new Map<Case, MadeTorrent>();
    for (const [at, one] of CASES.entries()) {
      given.set(one, await makeTorrent(source, { name: `from us ${at}`, tracker: url, content: 3_000_007 }));
    }
    const toPlain = await makeTorrent(source, { name: "to plain", tracker: url, content: 1_000_000 });
    ourSeeds = new Map();
    for (const mode of MODES) {
      const host = await lab.addHost(`our-${mode}`, SITE);
      const torrents = CASES.filter(({ ours }) => ours === mode).map((one) => given.get(one) as MadeTorrent);
      if (mode === "require") torrents.push(toPlain);
      ourSeeds.set(mode, await startOurs(host, mode, torrents, source));
    }
    await Promise.all(CASES.map((one, at) => startLeeching(one, at, given.get(one) as MadeTorrent)));
    await Promise.all(CASES.map((one, at) => startSeeding(one, at)));
    refused = { torrent: toPlain, host: await lab.addHost("plain", SITE) };
    const plainDownloads = await lab.addDir("plain-downloads");
    await startLibtorrent(refused.host, "leecher", plainDownloads, [toPlain], ENCRYPTION.disabled);
    refusing = await startBesidePlainSeed();
  });
  afterAll(() => lab?.close());

  describe.each(CASES)("$name", (one) => {
    test("dials our seed and downloads", async () => {
      const { client, dir, torrent } = fromUs.get(one) ?? expect.unreachable();
      await client.complete(torrent);
      await expectSameContent(torrent, dir);
    });

    test("is dialled by our leecher and seeds", async () => {
      const { host, ours, torrent } = toUs.get(one) ?? expect.unreachable();
      await complete(ours, torrent);
      await expectSameContent(torrent, ours.dir);
      expect((await plainHandshakes(host)) > 0).toBe(one.beginsPlain);
    });
  });

  test("libtorrent without encryption is refused where we require it, and the log says why", async () => {
    const line = await lineOf(ourSeeds.get("require") ?? expect.unreachable(), REFUSAL);
    expect(line).toContain(refused.host.ipv4);
    expect(line).toContain('"event":"refused"');
  });

  test("libtorrent's seed without encryption is not downloaded from where we require it, and the log says why", async () => {
    const { ours, host } = refusing;
    expect(await lineOf(ours, NOT_TAKEN)).toContain(host.ipv4);
    expect(ours.daemon.events.some(({ event }) => event === "complete")).toBe(false);
  });

  /** A leecher of ours that requires encryption, and a seed of libtorrent's that takes none. */
  async function startBesidePlainSeed(): Promise<{ ours: PeerProcess; host: Host }> {
    const source = await lab.addDir("plain-source");
    const torrent = await makeTorrent(source, { name: "from plain", tracker: url, content: 1_000_000 });
    const host = await lab.addHost("plain-seed", SITE);
    await startLibtorrent(host, "seed", source, [torrent], ENCRYPTION.disabled);
    const ourHost = await lab.addHost("requiring", SITE);
    await letNobodyIn(ourHost);
    const ours = await startOurs(ourHost, "require", [torrent], await lab.addDir("requiring-downloads"));
    return { ours, host };
  }

  async function startLeeching(one: Case, at: number, torrent: MadeTorrent): Promise<void> {
    const host = await lab.addHost(`leech${at}`, SITE);
    await letNobodyIn(host);
    const downloads = await lab.addDir(`downloads-${at}`);
    fromUs.set(one, {
      torrent,
      dir: downloads,
      client: await one.start(host, "leecher", downloads, [torrent]),
    });
  }

  async function startSeeding(one: Case, at: number): Promise<void> {
    const source = await lab.addDir(`source-${at}`);
    const torrent = await makeTorrent(source, { name: `to us ${at}`, tracker: url, content: 3_000_007 });
    await one.start(await lab.addHost(`seed${at}`, SITE), "seed", source, [torrent]);
    const host = await lab.addHost(`ours${at}`, SITE);
    await letNobodyIn(host);
    toUs.set(one, {
      host,
      torrent,
      ours: await startOurs(host, one.ours, [torrent], await lab.addDir(`ours-${at}`)),
    });
  }

  function startOurs(
    host: Host,
    encryption: Case["ours"],
    torrents: readonly MadeTorrent[],
    content: string,
  ): Promise<PeerProcess> {
    return startPeer(host, host.ipv4, torrents, content, [
      ...["--encryption", encryption, "--log-level", "info"],
    ]);
  }
});

/** The first line of its log that has these words. */
async function lineOf({ daemon }: PeerProcess, words: string): Promise<string> {
  const log = (): Promise<string> => readFile(daemon.logFile, "utf8");
  await expect.poll(log, { timeout: CEILING_MS }).toContain(words);
  return (await log()).split("\n").find((one) => one.includes(words)) ?? "";
}

/** Nobody but whom it dials, and what it says first to those in plaintext is counted: 0x13 and `BitTorrent protocol`. */
async function letNobodyIn({ namespace }: Host): Promise<void> {
  const table = `table ip fence {
    counter plain {}
    chain in { type filter hook input priority filter; tcp flags & (syn | ack) == syn drop; }
    chain out { type filter hook output priority filter; tcp flags & psh != 0 @ih,0,32 0x13426974 counter name plain; }
  }`;
  await runIn(namespace, "nft", [table]);
}

async function plainHandshakes({ namespace }: Host): Promise<number> {
  const listed = JSON.parse(await runIn(namespace, "nft", ["-j", "list", "counters"])) as {
    nftables: { counter?: { packets: number } }[];
  };
  return listed.nftables.flatMap(({ counter }) => counter?.packets ?? [])[0] ?? expect.unreachable();
}

function commands(): string[] {
  return ["nft", ...aria2.commands, ...libtorrent.commands, ...transmission.commands];
}
