import { systemClock } from "@cachetorrent/clock";
import { afterAll, beforeAll, test } from "vitest";
import { asPrefixOptions, CEILING_MS, PLAIN, startTracker } from "./support/cachetorrent.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import { startDaemon } from "./support/daemon.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { Lab, prefixesOf } from "./support/lab.ts";
import { linkCounters } from "./support/namespaces.ts";
import { expectSameContent, type MadeTorrent, makeTorrent } from "./support/torrents.ts";

const NEAR = 1;
const FAR = 2;
const RATE = 100_000;
const RATE_TEXT = `${RATE}B/s`;
/** At that rate it would take twice as long as anybody waits here. */
const HELD_BYTES = (2 * CEILING_MS * RATE) / 1000;
/** Of which it is measured how long they take. */
const MEASURED_BYTES = 4 * RATE;
/** Headers, requests and what trackers are told. */
const OVERHEAD = 1.1;
/** What may pass at once: the burst of a full bucket, a block that goes into debt, and what a socket holds. */
const AT_ONCE = 128 * 1024;

interface Case {
  readonly name: string;
  readonly way: "out" | "in";
  /** Words of `cachetorrent limit`, which is given the torrent that is held up. */
  readonly set: (held: MadeTorrent) => readonly string[];
  readonly lift: (held: MadeTorrent) => readonly string[];
  /** The same for the other torrent. */
  readonly setFree?: (free: MadeTorrent) => readonly string[];
  readonly heldSite: number;
  /** Where one is that has another torrent of ours, and is held up by nothing. */
  readonly freeSite?: number;
}

const CASES: readonly Case[] = [
  {
    name: "on what goes to other ASes, and nothing inside is held up",
    way: "out",
    set: () => ["--up-external", RATE_TEXT],
    lift: () => ["--up-external", "none"],
    heldSite: FAR,
    freeSite: NEAR,
  },
  {
    name: "on what comes from the own AS, and nothing from outside is held up",
    way: "in",
    set: () => ["--down-internal", RATE_TEXT],
    lift: () => ["--down-internal", "none"],
    heldSite: NEAR,
    freeSite: FAR,
  },
  {
    name: "on what goes to the own AS, and nothing to others is held up",
    way: "out",
    set: () => ["--up-internal", RATE_TEXT],
    lift: () => ["--up-internal", "none"],
    heldSite: NEAR,
    freeSite: FAR,
  },
  {
    name: "on what comes from other ASes, and nothing from inside is held up",
    way: "in",
    set: () => ["--down-external", RATE_TEXT],
    lift: () => ["--down-external", "none"],
    heldSite: FAR,
    freeSite: NEAR,
  },
  {
    name: "on what goes out of one torrent to other ASes, and one that is limited inside is not held up",
    way: "out",
    set: ({ infoHash }) => [infoHash, "--up-external", RATE_TEXT],
    lift: ({ infoHash }) => [infoHash, "--up-external", "none"],
    setFree: ({ infoHash }) => [infoHash, "--up-internal", RATE_TEXT],
    heldSite: FAR,
    freeSite: FAR,
  },
  {
    name: "on what comes of one torrent from the own AS, and one that is limited outside is not held up",
    way: "in",
    set: ({ infoHash }) => [infoHash, "--down-internal", RATE_TEXT],
    lift: ({ infoHash }) => [infoHash, "--down-internal", "none"],
    setFree: ({ infoHash }) => [infoHash, "--down-external", RATE_TEXT],
    heldSite: NEAR,
    freeSite: NEAR,
  },
  {
    name: "on what goes out of one torrent, and another one is not held up",
    way: "out",
    set: ({ infoHash }) => [infoHash, "--up", RATE_TEXT],
    lift: ({ infoHash }) => [infoHash, "--up", "none"],
    heldSite: FAR,
    freeSite: FAR,
  },
  {
    name: "on all that goes out in these hours, until there is no schedule any more",
    way: "out",
    set: () => ["--schedule", `00:00-24:00 up=${RATE_TEXT}`],
    lift: () => ["--no-schedule"],
    heldSite: NEAR,
  },
  {
    name: "on all that comes in",
    way: "in",
    set: () => ["--down", RATE_TEXT],
    lift: () => ["--down", "none"],
    heldSite: NEAR,
  },
];

/** What passes is what the kernel counted at the stock client's interface. */
describeInLab("a running daemon that trades with libtorrent keeps to a limit", libtorrent.commands, () => {
  let lab: Lab;
  let tracker: string;
  beforeAll(async () => {
    lab = await Lab.open();
    const host = await lab.addHost("tracker", 200);
    const prefixes = asPrefixOptions(prefixesOf([NEAR, FAR]));
    ({ announceUrl: tracker } = await startTracker(host, host.ipv4, [...PLAIN, ...prefixes]));
  });
  afterAll(() => lab?.close());

  /** A torrent for the daemon and one of libtorrent's. `startStock` is to be called when the daemon has it. */
  async function pairAt(at: number, way: Case["way"], name: string, site: number, bytes: number) {
    const source = await lab.addDir(`source-${at}-${name}`);
    const torrent = await makeTorrent(source, { name: `${name} ${at}`, tracker, content: bytes });
    const empty = await lab.addDir(`copy-${at}-${name}`);
    const host = await lab.addHost(`${name}${at}`, site);
    const [ours, theirs] = way === "out" ? [source, empty] : [empty, source];
    const role = way === "out" ? "leecher" : "seed";
    return {
      torrent,
      ours,
      copy: empty,
      startStock: () => libtorrent.start(host, role, theirs, [torrent]),
      passed: async () => (await linkCounters(host.namespace))[way === "out" ? "rx" : "tx"],
    };
  }

  test.concurrent.for(CASES.map((one, at) => ({ ...one, at })))(
    "$name",
    async ({ at, freeSite, heldSite, lift, set, setFree, way }, { expect }) => {
      const held = await pairAt(at, way, "held", heldSite, HELD_BYTES);
      const free = freeSite && (await pairAt(at, way, "free", freeSite, 3_000_000));
      const pairs = [held, ...(free ? [free] : [])];
      const host = await lab.addHost(`daemon${at}`, NEAR);
      const allowed = pairs.flatMap(({ ours }) => ["--allow-dir", ours]);
      const { daemon, order } = await startDaemon(host, `${host.ipv4}:6881`, held.ours, allowed);
      for (const { ours, torrent } of pairs) await order("add", torrent.file, "--dir", ours, "--paused");
      await order("limit", ...set(held.torrent));
      if (free && setFree) await order("limit", ...setFree(free.torrent));
      await order("resume", "--all");
      const stock = await Promise.all(pairs.map(({ startStock }) => startStock()));
      /** The client that downloads says so itself. */
      const complete = ({ torrent }: typeof held, index: number) =>
        way === "out"
          ? stock[index]?.complete(torrent)
          : daemon.waitFor("complete", {
              accepts: ({ infoHash }) => infoHash === torrent.infoHash,
              timeoutMs: CEILING_MS,
            });

      const begun = { at: 0, bytes: 0 };
      await expect
        .poll(
          async () => {
            begun.at = systemClock.now();
            begun.bytes = await held.passed();
            return begun.bytes;
          },
          { timeout: CEILING_MS },
        )
        .toBeGreaterThan(RATE / 2);
      if (free) {
        await complete(free, 1);
        await expectSameContent(free.torrent, free.copy);
      }
      await expect.poll(held.passed, { timeout: CEILING_MS }).toBeGreaterThan(begun.bytes + MEASURED_BYTES);
      const bytes = (await held.passed()) - begun.bytes;
      const seconds = (systemClock.now() - begun.at) / 1000;
      expect(bytes).toBeLessThanOrEqual(OVERHEAD * RATE * seconds + AT_ONCE);

      await order("limit", ...lift(held.torrent));
      await complete(held, 0);
      await expectSameContent(held.torrent, held.copy);
    },
  );
});
