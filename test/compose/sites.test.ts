import { accountsOf, externalBytes, type PeerRecord, type WatchedSwarm } from "@cachetorrent/testbed";
import { afterEach, beforeAll, expect, test } from "vitest";
import { buildImage, describeInContainers } from "./support/docker.ts";
import { Stack, servicesLike } from "./support/stack.ts";

/** What a border counts beside the content: headers, announces, all other messages, connections. */
const BORDER_FACTOR = 1.12;
const BORDER_BYTES_PER_PEER = 200_000;

interface Run {
  readonly swarm: WatchedSwarm;
  readonly bytes: number;
  readonly pieceLength: number;
  /** What the report printed. */
  readonly said: string;
}

/** What `border-ctl counters` prints. */
interface Counters {
  readonly in: number;
  readonly out: number;
}

const peers = await servicesLike("peer-");

describeInContainers("three sites in containers", () => {
  beforeAll(buildImage, 300_000);

  let stack: Stack;
  afterEach(() => stack.down(), 60_000);

  async function run(policy: string): Promise<Run> {
    stack = new Stack(`ct-test-${policy}`, { POLICY: policy, CONTENT_MIB: "16", TRACKER_PORT: "16969" });
    await stack.up();
    expect(await stack.ended("report")).toBe(0);
    const { metainfo, swarm } = await stack.accounts();
    const { length: bytes, pieceLength } = metainfo;
    return { swarm, bytes, pieceLength, said: await stack.log("report") };
  }

  test.each(["bittorrent", "coordinated"])(
    "get the torrent under %s, and their borders count it",
    async (policy) => {
      const { bytes, pieceLength, said, swarm } = await run(policy);
      expect(peers.length).toBe(9);
      expect(said).toMatch(/Each byte entered an AS \d+\.\d+ times/);

      // Everything is there and stays: each peer's own copy holds what the torrent says, and they seed on.
      for (const peer of peers) {
        const verified = await stack.exec(
          peer,
          "cachetorrent",
          "verify",
          "/torrent/content.torrent",
          "--dir",
          "/data",
        );
        expect(verified).toContain("complete");
      }
      for (const service of [...peers, "seed", "tracker"])
        expect(await stack.state(service)).toBe("running healthy");

      const accounts = accountsOf(swarm.peers, { bytes, pieceLength });
      if (policy === "coordinated") {
        expect(Object.keys(accounts.redundancyByAs)).toEqual(["64502", "64503"]);
        expect(accounts.redundancyMax).toBeLessThanOrEqual(1.15);
      } else expect(accounts.redundancy).toBeGreaterThan(1.5);

      for (const [service, asn] of [
        ["border1", 64501],
        ["border2", 64502],
        ["border3", 64503],
      ] as const) {
        const counted = JSON.parse(await stack.exec(service, "border-ctl", "counters")) as Counters;
        expectCounted(counted.in, receivedFromOutside(asn, swarm.peers), countOf(asn, swarm.peers));
        // What the other side's full border drops has left this one, and leaves it again: there is no bound from above.
        expect(counted.out).toBeGreaterThanOrEqual(sentOutside(asn, swarm.peers));
      }
      expect(swarm.borders.map(({ asn }) => asn)).toEqual([64501, 64502, 64503]);

      await stack.down();
      expect(await stack.leftovers()).toEqual([]);
    },
    240_000,
  );
});

function expectCounted(border: number, ledger: number, count: number): void {
  expect(border).toBeGreaterThanOrEqual(ledger);
  expect(border).toBeLessThanOrEqual(BORDER_FACTOR * ledger + count * BORDER_BYTES_PER_PEER);
}

const countOf = (asn: number, records: readonly PeerRecord[]) =>
  records.filter((one) => one.asn === asn).length;

function receivedFromOutside(asn: number, records: readonly PeerRecord[]): number {
  return sum(records.filter((one) => one.asn === asn).map(externalBytes));
}

/** As those count it that got it. */
function sentOutside(asn: number, records: readonly PeerRecord[]): number {
  const from = ({ ledger }: PeerRecord) => sum(ledger.roles.map((role) => role.bytesByAsn[asn] ?? 0));
  return sum(records.filter((one) => one.asn !== asn).map(from));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
