import type { Asn, PolicyName } from "@cachetorrent/protocol";
import { externalBytes, type LedgerTorrent } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeInLab } from "./support/describe-in-lab.ts";
import { asnOf, Lab } from "./support/lab.ts";
import { type MeteredSite, type MeteredSwarm, runMeteredSwarm } from "./support/metered-swarm.ts";
import { expectSameContent } from "./support/torrents.ts";

/** With the tracker's options. Under `cache` two of the three candidates of an AS lead. */
const POLICIES: readonly { readonly policy: PolicyName; readonly options: readonly string[] }[] = [
  { policy: "bittorrent", options: [] },
  { policy: "cache", options: ["--leader-percent", "70"] },
  { policy: "coordinated", options: [] },
];

const LENGTH = 24 * 1024 * 1024 + 12_345;
/** The seed is in the first. */
const SITES = [1, 2, 3];
const SWARM = { sites: SITES, peersPerSite: 3, length: LENGTH, limitUp: "8MB/s" };

/** What a border carries beside payload: headers and acknowledgements, and what else peers say over a connection. */
const WITH_HEADERS = 1.06;
const PER_CONNECTION = 64 * 1024;

/** Of one border, in one direction. */
interface Comparison {
  readonly where: string;
  /** Payload bytes, as the peers behind the border wrote down. */
  readonly ledger: number;
  /** All bytes, as the kernel counted. */
  readonly kernel: number;
  readonly connections: number;
}

for (const { policy, options } of POLICIES) {
  describeInLab(
    `three ASes under policy ${policy}, beside the kernel's counters at their borders`,
    ["nft"],
    () => {
      let lab: Lab;
      let swarm: MeteredSwarm;
      let comparisons: readonly Comparison[];

      beforeAll(async () => {
        lab = await Lab.open();
        swarm = await runMeteredSwarm(lab, { ...SWARM, policy, options });
        comparisons = swarm.sites.flatMap(comparisonsAt);
        const tracker = swarm.sites.map(({ kernel }) => kernel.leftOut).join(", ");
        console.info(
          [
            `${policy}: bytes across borders, without the tracker's (${tracker})`,
            ...comparisons.map(figuresOf),
          ].join("\n  "),
        );
      });
      afterAll(() => lab?.close());

      test("everybody completes", async () => {
        for (const { dir } of swarm.leechers) await expectSameContent(swarm.torrent, dir);
      });

      test("the content entered both ASes that did not have it", () => {
        const entered = swarm.sites.slice(1).map(({ kernel }) => kernel.into);
        expect(entered).toHaveLength(2);
        expect(Math.min(...entered)).toBeGreaterThan(LENGTH);
      });

      test("the kernel counted at least what the ledgers say", () => {
        for (const one of comparisons) {
          expect(one.kernel, figuresOf(one)).toBeGreaterThanOrEqual(one.ledger);
        }
      });

      test("the kernel counted no more than 1.06 times that and 64 KiB for each connection", () => {
        for (const one of comparisons) {
          expect(one.kernel, figuresOf(one)).toBeLessThanOrEqual(mostOf(one));
        }
      });
    },
  );
}

function comparisonsAt({ site, ledgers, kernel }: MeteredSite): Comparison[] {
  const asn = asnOf(site) as Asn;
  const { connections, into, outOf } = kernel;
  const received = ledgers.map((ledger) => externalBytes({ asn, initialSeed: false, ledger }));
  const sent = ledgers.map((ledger) => sentOutside(asn, ledger));
  return [
    { where: `into AS ${asn}`, ledger: sum(received), kernel: into, connections },
    { where: `out of AS ${asn}`, ledger: sum(sent), kernel: outOf, connections },
  ];
}

function sentOutside(asn: Asn, { sentByAsn }: LedgerTorrent): number {
  return sum(Object.entries(sentByAsn).map(([to, bytes]) => (Number(to) === asn ? 0 : bytes)));
}

function mostOf({ ledger, connections }: Comparison): number {
  return WITH_HEADERS * ledger + PER_CONNECTION * connections;
}

function figuresOf(one: Comparison): string {
  const { where, ledger, kernel, connections } = one;
  const ratio = ledger > 0 ? (kernel / ledger).toFixed(4) : "-";
  const most = Math.floor(mostOf(one));
  return `${where}: ledger ${ledger}, kernel ${kernel} (${ratio}), may be ${most} with ${connections} connections`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
