import { readdir, readFile } from "node:fs/promises";
import type { PeerProcess } from "@cachetorrent/testbed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  CEILING_MS,
  complete,
  PLAIN,
  receivedByAsn,
  startPeer,
  startTracker,
  stopPeer,
} from "./support/cachetorrent.ts";
import { aria2 } from "./support/clients/aria2.ts";
import {
  ENCRYPTION,
  libtorrent,
  type RunningLibtorrent,
  startLibtorrent,
} from "./support/clients/libtorrent.ts";
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

/** A torrent that does not pass: one of the two takes no encryption, and the other requires it. */
interface Refusal {
  readonly torrent: MadeTorrent;
  readonly ours: PeerProcess;
  readonly ourHost: Host;
  readonly theirs: RunningLibtorrent;
  readonly theirHost: Host;
  /** Of whoever downloads. */
  readonly downloads: string;
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
  const fromUs = new Map<Case, { torrent: MadeTorrent; dir: string; client: RunningClient }>();
  const toUs = new Map<Case, { torrent: MadeTorrent; ours: PeerProcess; host: Host }>();
  let fromRequiring: Refusal;
  let fromPlain: Refusal;

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
    const ourSeeds = new Map<Case["ours"], { ours: PeerProcess; ourHost: Host }>();
    for (const mode of MODES) {
      const host = await lab.addHost(`our-${mode}`, SITE);
      await countPlainHandshakes(host);
      const torrents = CASES.filter(({ ours }) => ours === mode).map((one) => given.get(one) as MadeTorrent);
      if (mode === "require") torrents.push(toPlain);
      ourSeeds.set(mode, { ours: await startOurs(host, mode, torrents, source), ourHost: host });
    }
    await Promise.all(CASES.map((one, at) => startLeeching(one, at, given.get(one) as MadeTorrent)));
    await Promise.all(CASES.map((one, at) => startSeeding(one, at)));
    const theirHost = await lab.addHost("plain", SITE);
    const downloads = await lab.addDir("plain-downloads");
    fromRequiring = {
      ...(ourSeeds.get("require") ?? expect.unreachable()),
      ...{ torrent: toPlain, theirHost, downloads },
      theirs: await startLibtorrent(theirHost, "leecher", downloads, [toPlain], ENCRYPTION.disabled),
    };
    fromPlain = await startBesidePlainSeed();
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

  test("libtorrent without encryption is refused where we require it, gets nothing, and the log says why", async () => {
    const line = await lineOf(fromRequiring.ours, REFUSAL);
    expect(line).toContain(fromRequiring.theirHost.ipv4);
    expect(line).toContain('"event":"refused"');
    // Not by the time they have parted, nor after.
    await fromRequiring.theirs.lost(fromRequiring.ourHost.ipv4);
    await expectNothingPassed(fromRequiring);
  });

  test("libtorrent's seed without encryption is not downloaded from where we require it, and the log says why", async () => {
    const { daemon } = fromPlain.ours;
    expect(await lineOf(fromPlain.ours, NOT_TAKEN)).toContain(fromPlain.theirHost.ipv4);
    // Nor does it try in another way, which would be at once.
    await daemon.waitFor("progress", { from: daemon.lines.length });
    await expectNothingPassed(fromPlain);
    expect(fromPlain.theirs.uploads(fromPlain.torrent)).toEqual([]);
    expect(daemon.events.some(({ event }) => event === "complete")).toBe(false);
  });

  /** A leecher of ours that requires encryption, and a seed of libtorrent's that takes none. */
  async function startBesidePlainSeed(): Promise<Refusal> {
    const source = await lab.addDir("plain-source");
    const torrent = await makeTorrent(source, { name: "from plain", tracker: url, content: 1_000_000 });
    const theirHost = await lab.addHost("plain-seed", SITE);
    const theirs = await startLibtorrent(theirHost, "seed", source, [torrent], ENCRYPTION.disabled, true);
    const ourHost = await lab.addHost("requiring", SITE);
    await letNobodyIn(ourHost);
    await countPlainHandshakes(ourHost);
    const downloads = await lab.addDir("requiring-downloads");
    const ours = await startOurs(ourHost, "require", [torrent], downloads);
    return { torrent, ours, ourHost, theirs, theirHost, downloads };
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
    await countPlainHandshakes(host);
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

/** By what is final once ours has ended, which it does here. */
async function expectNothingPassed({ torrent, ours, ourHost, downloads }: Refusal): Promise<void> {
  await stopPeer(ours);
  expect(await plainHandshakes(ourHost)).toBe(0);
  const account = await ours.ledger(torrent.infoHash);
  expect(account.firstAnnounceAt).not.toBeNull();
  expect(receivedByAsn(account)).toEqual(new Map());
  expect(account.sentByAsn).toEqual({});
  expect(await readdir(downloads)).toEqual([]);
}

/** Nobody but whom it dials. */
async function letNobodyIn({ namespace }: Host): Promise<void> {
  const table = `table ip fence {
    chain in { type filter hook input priority filter; tcp flags & (syn | ack) == syn drop; }
  }`;
  await runIn(namespace, "nft", [table]);
}

/** What it says first in plaintext, to whom it dials and who dials it: 0x13 and `BitTorrent protocol`. */
async function countPlainHandshakes({ namespace }: Host): Promise<void> {
  const table = `table ip said {
    counter plain {}
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
