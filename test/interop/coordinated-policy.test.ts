import type { Asn } from "@cachetorrent/protocol";
import { externalBytes } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { aria2 } from "./support/clients/aria2.ts";
import { libtorrent } from "./support/clients/libtorrent.ts";
import { transmission } from "./support/clients/transmission.ts";
import { describeInLab } from "./support/describe-in-lab.ts";
import { asnOf, Lab } from "./support/lab.ts";
import { type MixedPlan, type MixedSwarm, runMixedSwarm, THREE_SITES } from "./support/mixed-swarm.ts";
import { expectSameContent } from "./support/torrents.ts";
import { addressOf, claimsBeforeReceipt, type TraceLine } from "./support/trace.ts";

const PLAN: MixedPlan = {
  policy: ["--policy", "coordinated"],
  ...THREE_SITES,
  // Whoever leads is told of peers as all others are.
  leadersPerSite: 0,
  followersPerSite: 3,
};

/** Of the sites without the seed. Whole pieces enter once; what a stock client outside breaks off in mid piece comes on top. */
const REDUNDANCY_MOST = 1.1;

const CLAIM_MESSAGES: ReadonlySet<string> = new Set([
  ...[
    "claim",
    "grant",
    "deny",
    "taken",
    "taken_map",
    "renew",
    "revoke",
    "release",
    "open",
    "where",
    "holders",
  ],
]);

describeInLab(
  "three sites under policy coordinated, ours with Transmission, libtorrent, aria2",
  [...transmission.commands, ...libtorrent.commands, ...aria2.commands],
  () => {
    let lab: Lab;
    let swarm: MixedSwarm;

    beforeAll(async () => {
      lab = await Lab.open();
      swarm = await runMixedSwarm(lab, PLAN);
      console.info(figures().join("\n"));
    });
    afterAll(() => lab?.close());

    const isStock = (line: TraceLine) => swarm.stock.some((leecher) => leecher.address === addressOf(line));
    const oursIn = (asn: number) => swarm.ours.filter((one) => one.asn === asn);

    /** Copies of the content that came to ours of an AS from outside. */
    function redundancyOf(asn: number): number {
      const bytes = oursIn(asn).map(({ account }) =>
        externalBytes({ asn: asn as Asn, initialSeed: false, ledger: account }),
      );
      return bytes.reduce((sum, one) => sum + one, 0) / PLAN.length;
    }

    function figures(): string[] {
      return PLAN.sites.map(asnOf).map((asn) => {
        const traces = oursIn(asn).flatMap(({ trace }) => trace);
        const fromStock = traces.filter((line) => line.asn !== asn && isStock(line) && isIn(line, "piece"));
        const claims = traces.filter((line) => line.dir === "out" && line.m === "claim").length;
        return `AS ${asn}: redundancy of ours ${redundancyOf(asn).toFixed(4)}, ${claims} claims sent, ${payload(fromStock)} bytes of stock clients outside`;
      });
    }

    test("everybody completes", async () => {
      const leechers = [...swarm.ours, ...swarm.stock];
      expect(leechers).toHaveLength(9 + PLAN.early.length + PLAN.late.length);
      for (const { dir } of leechers) await expectSameContent(swarm.torrent, dir);
    });

    test("ours were members from the election to the end, and nobody escaped", () => {
      for (const { account, name } of swarm.ours) {
        expect(account.roles.map(({ role }) => role).join(), name).toBe("pending,member");
        expect(account.escapes, name).toBe(0);
      }
    });

    test("about one copy came from outside to ours of each site that had none", () => {
      for (const asn of [2, 3].map(asnOf)) {
        expect(redundancyOf(asn), `AS ${asn}`).toBeLessThanOrEqual(REDUNDANCY_MOST);
      }
    });

    test("stock clients were told nothing of claims, and told of none", () => {
      const told = swarm.ours.flatMap(({ trace }) => trace.filter((line) => CLAIM_MESSAGES.has(line.m)));
      expect(told.length).toBeGreaterThan(0);
      expect(told.filter(isStock)).toEqual([]);
    });

    test("ours traded with the stock clients of their site", () => {
      for (const asn of PLAN.sites.map(asnOf)) {
        const inside = oursIn(asn).flatMap(({ trace }) =>
          trace.filter((line) => line.asn === asn && isStock(line)),
        );
        expect(payload(inside.filter((line) => line.dir === "out" && line.m === "piece"))).toBeGreaterThan(0);
        expect(payload(inside.filter((line) => isIn(line, "piece")))).toBeGreaterThan(0);
      }
    });

    test("nobody told of a piece, or sent it, before it had every block of it", () => {
      for (const { name, trace } of swarm.ours) expect(claimsBeforeReceipt(trace, PLAN), name).toEqual([]);
    });
  },
);

function isIn(line: TraceLine, m: string): boolean {
  return line.dir === "in" && line.m === m;
}

function payload(lines: readonly TraceLine[]): number {
  return lines.reduce((sum, { length = 0 }) => sum + length, 0);
}
