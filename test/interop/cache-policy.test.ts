import { rangeOfPiece } from "@cachetorrent/protocol";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aria2 } from "./support/clients/aria2.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { asnOf, Lab } from "./support/lab.ts";
import {
  type MixedPlan,
  type MixedSwarm,
  type OurLeecher,
  runMixedSwarm,
  THREE_SITES,
} from "./support/mixed-swarm.ts";
import { expectSameContent } from "./support/torrents.ts";
import { addressOf, claimsBeforeReceipt, indirectLines, type TraceLine } from "./support/trace.ts";

const RANGES = 2;

const UNDER_CACHE: MixedPlan = {
  policy: ["--policy", "cache", "--leader-percent", "50"],
  ...THREE_SITES,
  leadersPerSite: 2,
  followersPerSite: 2,
};

/** Three candidates a site make one leader of each range. */
const UNDER_MULTI: MixedPlan = {
  policy: ["--policy", "multi", "--ranges", String(RANGES), "--leader-percent", "25"],
  sites: [1, 2],
  seedSite: 1,
  leadersPerSite: RANGES,
  followersPerSite: 1,
  early: [
    { client: libtorrent, site: 1 },
    { client: libtorrent, site: 2 },
  ],
  late: [
    { client: aria2, site: 1 },
    { client: aria2, site: 2 },
  ],
  length: 6_000_001,
  pieceLength: 64 * 1024,
};

describeMixed("three sites under policy cache", UNDER_CACHE);
describeMixed("two sites under policy multi", UNDER_MULTI, (swarm) => {
  test("each leader fetched outside only what is in the range that it leads, and each range has a leader", () => {
    for (const asn of UNDER_MULTI.sites.map(asnOf)) {
      const leaders = leadersOf(swarm()).filter((leader) => leader.asn === asn);
      const ranges = leaders.map((leader) => [...rangesFetchedOutside(leader)]);
      expect(ranges.toSorted(), `AS ${asn}`).toEqual([[0], [1]]);
    }
  });
});

/** The same is true of every mixed swarm; `more` adds what is true of this one. */
function describeMixed(name: string, plan: MixedPlan, more?: (swarm: () => MixedSwarm) => void): void {
  const clients = new Set([...plan.early, ...plan.late].map(({ client }) => client));
  const commands = [...clients].flatMap((client) => client.commands);
  const names = [...clients].map((client) => client.name).join(", ");

  describeInLab(`${name}, ours with ${names}`, commands, () => {
    let lab: Lab;
    let swarm: MixedSwarm;

    beforeAll(async () => {
      lab = await Lab.open();
      swarm = await runMixedSwarm(lab, plan);
    });
    afterAll(() => lab?.close());

    const isStock = (line: TraceLine) => swarm.stock.some((leecher) => leecher.address === addressOf(line));

    test("everybody completes", async () => {
      const leechers = [...swarm.ours, ...swarm.stock];
      expect(leechers).toHaveLength(swarm.ours.length + plan.early.length + plan.late.length);
      for (const { dir } of leechers) await expectSameContent(swarm.torrent, dir);
    });

    test("every site has its leaders and its followers from the election to the end", () => {
      for (const asn of plan.sites.map(asnOf)) {
        const roles = swarm.ours.filter((one) => one.asn === asn).map((one) => rolesOf(one).join());
        expect(roles.toSorted(), `AS ${asn}`).toEqual([
          ...Array(plan.followersPerSite).fill("pending,follower"),
          ...Array(plan.leadersPerSite).fill("pending,leader"),
        ]);
      }
    });

    test("no byte came from another AS to who did not lead, and nobody escaped", () => {
      for (const { account, asn, name } of swarm.ours) {
        expect(account.escapes, name).toBe(0);
        const spans = account.roles.filter(({ role }) => role !== "leader");
        const senders = new Set(spans.flatMap(({ bytesByAsn }) => Object.keys(bytesByAsn)));
        senders.delete(String(asn));
        expect([...senders], name).toEqual([]);
      }
    });

    test("nobody told of a piece, or sent it, before it had every block of it", () => {
      for (const { name, trace } of swarm.ours) {
        expect(claimsBeforeReceipt(trace, plan), name).toEqual([]);
      }
      const said = leadersOf(swarm).flatMap(({ trace }) => trace.filter((line) => isOut(line, "have")));
      expect(said.filter(isStock).length).toBeGreaterThan(0);
    });

    test("what leaders opened for followers brought blocks of stock clients, and gave them nothing", () => {
      const indirect = leadersOf(swarm).flatMap(({ asn, trace }) => indirectLines(trace, asn));
      expect(payload(indirect.filter(isStock), "in")).toBeGreaterThan(0);
      expect(indirect.filter(({ dir, m }) => dir === "out" && GIVING.has(m))).toEqual([]);
    });

    test("stock clients traded inside and across the borders, with leaders and followers", () => {
      const flows = (of: readonly OurLeecher[], dir: "in" | "out", where: "inside" | "across") =>
        of.reduce((sum, { asn, trace }) => {
          const lines = trace.filter((line) => isStock(line) && (line.asn === asn) === (where === "inside"));
          return sum + payload(lines, dir);
        }, 0);
      const leaders = leadersOf(swarm);
      const followers = swarm.ours.filter((one) => !leaders.includes(one));
      expect(flows(leaders, "in", "across")).toBeGreaterThan(0);
      expect(flows(leaders, "out", "across")).toBeGreaterThan(0);
      expect(flows(followers, "in", "inside")).toBeGreaterThan(0);
      expect(flows(followers, "out", "inside")).toBeGreaterThan(0);
      expect(flows(followers, "out", "across")).toBeGreaterThan(0);
      expect(flows(followers, "in", "across")).toBe(0);
    });

    more?.(() => swarm);
  });
}

/** With these one side tells what it holds, or gives it. */
const GIVING: ReadonlySet<string> = new Set(["have", "have_all", "bitfield", "unchoke", "piece"]);

function isOut(line: TraceLine, m: string): boolean {
  return line.dir === "out" && line.m === m;
}

function payload(lines: readonly TraceLine[], dir: "in" | "out"): number {
  return lines
    .filter((line) => line.dir === dir && line.m === "piece")
    .reduce((sum, { length = 0 }) => sum + length, 0);
}

function rolesOf({ account }: OurLeecher): string[] {
  return account.roles.map(({ role }) => role);
}

function leadersOf({ ours }: MixedSwarm): OurLeecher[] {
  return ours.filter((one) => rolesOf(one).includes("leader"));
}

function rangesFetchedOutside({ account }: OurLeecher): Set<number> {
  const pieceCount = Math.ceil(UNDER_MULTI.length / UNDER_MULTI.pieceLength);
  const bits = Buffer.from(account.externalPieces, "hex");
  const pieces = Array.from({ length: pieceCount }, (_, piece) => piece);
  const fetched = pieces.filter((piece) => (bits[piece >> 3] ?? 0) & (0x80 >> (piece & 7)));
  return new Set(fetched.map((piece) => rangeOfPiece(piece, pieceCount, RANGES)));
}
