import { accountsOf, externalBytes, type PeerRecord, type WatchedSwarm } from "@cachetorrent/testbed";
import { afterAll, beforeAll, expect, test } from "vitest";
import { describeInContainers } from "./support/describe-in-containers.ts";
import { BASE_IMAGE, buildImage, docker, IMAGE } from "./support/docker.ts";
import { Stack, servicesLike } from "./support/stack.ts";

/** What a border counts beside the content: headers, announces, all other messages, connections. */
const IN_FACTOR = 1.12;
const BORDER_BYTES_PER_PEER = 200_000;
/**
 * What leaves an AS is counted before another one's full border drops some of it, and again when it is sent anew: more than what
 * arrives, by what TCP makes of a queue of 200 ms. Twice would be a fault of ours.
 */
const OUT_FACTOR = 1.5;
/** For each byte that goes the other way: a segment of 66 bytes acknowledges at least one of 1448. */
const ACKNOWLEDGEMENTS = 0.05;

/** Issue 5 promises 2 minutes from the start to the report, and 10 s to take all down. */
const REPORT_MS = 120_000;
const DOWN_MS = 10_000;
const IMAGE_BYTES_MOST = 250e6;

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

  // One project, so that the second finds what the first has left behind.
  const stackWith = (settings: Readonly<Record<string, string>>) =>
    new Stack("sites", { CONTENT_MIB: "16", TRACKER_PORT: "16969", ...settings });
  let stack = stackWith({});
  afterAll(() => stack.down(), 60_000);

  async function run(policy: string): Promise<Run> {
    stack = stackWith({ POLICY: policy });
    const startedAt = Date.now();
    await stack.up();
    expect(await stack.ended("report")).toBe(0);
    expect(Date.now() - startedAt).toBeLessThan(REPORT_MS);
    const { metainfo, swarm } = await stack.accounts();
    const { length: bytes, pieceLength } = metainfo;
    // Of this run, and not of one before.
    for (const { ledger } of swarm.peers) expect(ledger.completedAt).toBeGreaterThan(startedAt);
    return { swarm, bytes, pieceLength, said: await stack.log("report") };
  }

  test("are of an image that adds less than 250 MB to its base, and is nobody in particular's", async () => {
    const sizeOf = async (image: string) =>
      Number(await docker("image", "inspect", "-f", "{{.Size}}", image));
    const added = (await sizeOf(IMAGE)) - (await sizeOf(BASE_IMAGE));
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThan(IMAGE_BYTES_MOST);
    expect(await docker("image", "inspect", "-f", "{{.Config.User}}", IMAGE)).toMatch(
      /^[1-9]\d*:[1-9]\d*\s*$/,
    );
  });

  test.each(["bittorrent", "coordinated"])(
    "get the torrent under %s, and their borders count it",
    async (policy) => {
      const { bytes, pieceLength, said, swarm } = await run(policy);
      expect(peers.length).toBe(9);
      expect(said).toMatch(/Each byte entered an AS \d+\.\d+ times/);

      // Everything is there and stays: each peer's own copy holds what the torrent says, and they seed on.
      const verify = ["cachetorrent", "verify", "/torrent/content.torrent", "--dir", "/data"];
      for (const verified of await Promise.all(peers.map((peer) => stack.exec(peer, ...verify))))
        expect(verified).toContain("complete");
      const daemons = [...peers, "seed", "tracker"];
      const states = await Promise.all(daemons.map((service) => stack.state(service)));
      expect(states).toEqual(daemons.map(() => "running healthy"));

      const accounts = accountsOf(swarm.peers, { bytes, pieceLength });
      if (policy === "coordinated") {
        expect(Object.keys(accounts.redundancyByAs)).toEqual(["64502", "64503"]);
        expect(accounts.redundancyMax).toBeLessThanOrEqual(1.15);
      } else expect(accounts.redundancy).toBeGreaterThan(1.2);

      for (const [service, asn] of [
        ["border1", 64501],
        ["border2", 64502],
        ["border3", 64503],
      ] as const) {
        const counted = JSON.parse(await stack.exec(service, "border-ctl", "counters")) as Counters;
        const received = receivedFromOutside(asn, swarm.peers);
        const sent = sentOutside(asn, swarm.peers);
        const rest = countOf(asn, swarm.peers) * BORDER_BYTES_PER_PEER;
        console.info(
          `${policy}, ${service}: in ${counted.in} of ${received}, out ${counted.out} of ${sent} in ledgers`,
        );
        expect(counted.in).toBeGreaterThanOrEqual(received);
        expect(counted.in).toBeLessThanOrEqual(IN_FACTOR * received + rest);
        expect(counted.out).toBeGreaterThanOrEqual(sent);
        expect(counted.out).toBeLessThanOrEqual(OUT_FACTOR * sent + ACKNOWLEDGEMENTS * received + rest);
      }
      expect(swarm.borders.map(({ asn }) => asn)).toEqual([64501, 64502, 64503]);

      const endedAt = Date.now();
      await stack.downButVolumes();
      expect(Date.now() - endedAt).toBeLessThan(DOWN_MS);
    },
    240_000,
  );

  test("make content of another size when they are told to, and leave nothing", async () => {
    stack = stackWith({ CONTENT_MIB: "3" });
    expect(await stack.compose("run", "--rm", "-T", "share")).toMatch(/size +3\.00 MiB/);
    expect(await stack.compose("run", "--rm", "-T", "share")).not.toContain("making");
    await stack.down();
    expect(await stack.leftovers()).toEqual([]);
  }, 60_000);

  test("take stock clients beside them", async () => {
    const services = await stack.compose("-f", "docker/compose.stock.yml", "config", "--services");
    expect(services.split("\n")).toEqual(expect.arrayContaining(["aria2", "transmission", "peer-3-3"]));
  });
});

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
