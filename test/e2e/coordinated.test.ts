import { readFile } from "node:fs/promises";
import type { Asn } from "@cachetorrent/protocol";
import { accountsOf, type PeerRecord, type SwarmPeer, SwarmRun } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { AS1, AS2, eventually, expectFollowersStayedInside, makeContent, useBench } from "./support/e2e.ts";
import { officersOf } from "./support/officers.ts";

const KiB = 1024;
const MiB = 1024 * KiB;
const AS3 = 3 as Asn;
const AS4 = 4 as Asn;
const bench = useBench("coordinated");

/** A line of a trace. */
interface Line {
  readonly dir: "in" | "out";
  readonly endpoint: string;
  readonly asn: number;
  readonly m: string;
  readonly piece?: number;
  readonly pieces?: readonly number[];
}

async function traceOf(peer: SwarmPeer): Promise<Line[]> {
  const text = await readFile(peer.traceFile, "utf8");
  // Of one that was killed the last line may be half written.
  return text
    .slice(0, text.lastIndexOf("\n"))
    .split("\n")
    .map((line) => JSON.parse(line) as Line);
}

const isSaid = (dir: "in" | "out", m: string) => (line: Line) => line.dir === dir && line.m === m;

/** The pieces asked for outside that nobody had granted before. A head grants to itself without a word. */
function askedUngranted(peer: SwarmPeer, trace: readonly Line[]): number[] {
  const granted = new Set<number>();
  return trace.flatMap((line) => {
    if (isSaid("in", "grant")(line)) for (const piece of line.pieces ?? []) granted.add(piece);
    const isAsked = isSaid("out", "request")(line) && line.asn !== peer.asn;
    return isAsked && !granted.has(line.piece ?? -1) ? [line.piece ?? -1] : [];
  });
}

/** The pieces that came from outside to more than one of these. */
function fetchedTwice(records: readonly PeerRecord[]): number[] {
  const bytes = records.map(({ ledger }) => Buffer.from(ledger.externalPieces, "hex"));
  const has = (bits: Buffer, piece: number) => ((bits[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0;
  const pieces = Array.from(
    { length: 8 * Math.max(...bytes.map(({ length }) => length)) },
    (_, piece) => piece,
  );
  return pieces.filter((piece) => bytes.filter((bits) => has(bits, piece)).length > 1);
}

/** Until the tracker has answered each peer of an AS: one that it never answered could not know of any other. */
async function untilTold(run: SwarmRun, asn: Asn): Promise<void> {
  await eventually(
    `the tracker's first answer to each of AS ${asn}`,
    async () => {
      const inside = (await run.records()).filter((record) => record.asn === asn);
      return inside.every(({ ledger }) => ledger.asn === asn) || undefined;
    },
    30_000,
  );
}

/** Until the peers of an AS have so many bytes from outside, as their ledgers say. */
async function untilReceivedOutside(run: SwarmRun, asn: Asn, bytes: number): Promise<void> {
  await eventually(
    `AS ${asn} has ${bytes} bytes from outside`,
    async () => {
      const inside = (await run.records()).filter((record) => record.asn === asn);
      const received = inside.flatMap(({ ledger }) =>
        ledger.roles.flatMap(({ bytesByAsn }) =>
          Object.entries(bytesByAsn).map(([from, got]) => (Number(from) === asn ? 0 : got)),
        ),
      );
      return received.reduce((sum, one) => sum + one, 0) >= bytes || undefined;
    },
    30_000,
  );
}

const SITES = [
  { asn: AS1, peers: 4, seeds: 1 },
  { asn: AS2, peers: 4 },
  { asn: AS3, peers: 4 },
  { asn: AS4, peers: 4 },
];

describe.for([
  ["all", []],
  ["leaders", ["--leader-percent", "50"]],
] as const)("four sites under coordinated, where %s fetch", ([fetchers, trackerArgs]) => {
  it("complete, each piece enters an AS once, and nothing is asked for outside that was not granted", async () => {
    const content = await makeContent(bench(), { bytes: 4 * MiB + 1 });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy: "coordinated",
      sites: SITES,
      trackerArgs: ["--quorum", "16", "--fetchers", fetchers, ...trackerArgs],
      peerArgs: ["--limit-up", "1500KB/s"],
      trace: true,
    });
    await run.complete(60_000);
    // Before they go: who stays takes over from who leaves.
    const officers = await Promise.all(SITES.map(({ asn }) => officersOf(run, asn)));
    const heads = officers.map(([head]) => head);
    await run.stopPeers();
    await run.verifyContent();

    const records = await run.records();
    expect(records.map(({ ledger }) => ledger.escapes)).toEqual(records.map(() => 0));
    const { redundancyByAs } = await run.accounts();
    console.info(`fetchers ${fetchers}: redundancy ${JSON.stringify(redundancyByAs)}`);
    expect(Object.keys(redundancyByAs)).toEqual(["2", "3", "4"]);
    expect(Math.max(...Object.values(redundancyByAs))).toBeLessThanOrEqual(1.05);

    const claimants: SwarmPeer[] = [];
    for (const peer of run.leechers) {
      const trace = await traceOf(peer);
      if (!heads.includes(peer))
        expect(askedUngranted(peer, trace), `${peer.name} asked outside`).toEqual([]);
      if (trace.some(isSaid("in", "grant"))) claimants.push(peer);
    }
    // Head and standby at least: the standbys of three sites had to claim.
    expect(claimants.length).toBeGreaterThanOrEqual(3);
    if (fetchers === "leaders") expectFollowersStayedInside(records);
  });
});

describe("in mid run", () => {
  it("a head that is killed with -9 is replaced by its standby, and what it had granted goes on", async () => {
    const content = await makeContent(bench(), { bytes: 4 * MiB, pieceLength: 32 * KiB });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy: "coordinated",
      sites: SITES.slice(0, 3),
      trackerArgs: ["--quorum", "12"],
      peerArgs: ["--limit-up", "650KB/s"],
      trace: true,
    });
    const [head, standby] = await officersOf(run, AS2);
    // Soon: what the head alone has by then has to come again.
    await untilReceivedOutside(run, AS2, 256 * KiB);
    head.daemon.kill("SIGKILL");
    await head.daemon.exited;
    const others = run.leechers.filter((peer) => peer !== head);
    await Promise.all(others.map((peer) => peer.complete({ timeoutMs: 60_000 })));
    for (const peer of others) await peer.daemon.stop();

    expect((await traceOf(standby)).filter(isSaid("out", "grant")).length).toBeGreaterThan(0);
    const records = await run.records();
    expect(records.map(({ ledger }) => ledger.escapes)).toEqual(records.map(() => 0));
    // What the head had got and given to nobody comes again, however much that was: those that lived on are what counts.
    const alive = records.filter((_, i) => run.peers[i] !== head);
    const { redundancyByAs } = accountsOf(alive, { bytes: 4 * MiB, pieceLength: content.pieceLength });
    const twice = fetchedTwice(alive.filter(({ asn }) => asn === AS2));
    console.info(
      `head killed: ${twice.length} pieces fetched outside by two of those that lived on; their redundancy ${JSON.stringify(redundancyByAs)}`,
    );
    expect(twice.length).toBeLessThanOrEqual(2);
    expect(redundancyByAs[AS2]).toBeLessThanOrEqual(1.05);
    expect(redundancyByAs[AS3]).toBeLessThanOrEqual(1.05);
  });

  it("head, standby and tracker killed together: the others escape, and finish", async () => {
    const content = await makeContent(bench(), { bytes: MiB });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy: "coordinated",
      sites: [
        { asn: AS1, peers: 2, seeds: 1 },
        { asn: AS2, peers: 4 },
      ],
      peerArgs: ["--limit-up", "150KB/s"],
    });
    const killed = await officersOf(run, AS2);
    await untilTold(run, AS2);
    await untilReceivedOutside(run, AS2, 1);
    for (const { daemon } of [...killed, run.tracker]) daemon.kill("SIGKILL");

    const left = run.leechers.filter((peer) => peer.asn === AS2 && !killed.includes(peer));
    expect(left).toHaveLength(2);
    await Promise.all(left.map((peer) => peer.complete({ timeoutMs: 90_000 })));
    const ledgers = await Promise.all(left.map((peer) => peer.ledger(run.infoHash)));
    expect(ledgers.map(({ asn }) => asn)).toEqual([AS2, AS2]);
    expect(Math.max(...ledgers.map(({ escapes }) => escapes))).toBeGreaterThan(0);
  });
});
