import { readFile } from "node:fs/promises";
import { type Asn, formatEndpoint, parseEndpoint, rangeOfPiece, unwrap } from "@cachetorrent/protocol";
import { type LedgerTorrent, SwarmRun } from "@cachetorrent/testbed";
import { describe, expect, it } from "vitest";
import { AS1, AS2, expectFollowersStayedInside, makeContent, useBench } from "./support/e2e.ts";

const MiB = 1 << 20;
const AS3 = 3 as Asn;
const bench = useBench("cache");

/** A line of a trace. */
interface Line {
  readonly dir: "in" | "out";
  readonly endpoint: string;
  readonly m: string;
  readonly piece?: number;
  readonly pieces?: readonly number[];
  readonly dest?: string;
}

async function traceOf(file: string): Promise<Line[]> {
  const lines = (await readFile(file, "utf8")).trimEnd().split("\n");
  return lines.map((line) => JSON.parse(line) as Line);
}

describe.for([
  ["cache", ["--policy", "cache", "--leader-percent", "34"]],
  ["multi", ["--policy", "multi", "--ranges", "2", "--leader-percent", "30"]],
] as const)("a swarm over three ASes under %s", ([policy, policyArgs]) => {
  it("completes, and no follower gets a byte from another AS; what is outside comes through leaders", async () => {
    const content = await makeContent(bench(), { bytes: 6 * MiB + 1 });
    const run = await SwarmRun.start({
      launcher: bench().launcher,
      dir: bench().dir,
      content,
      policy,
      sites: [
        { asn: AS1, peers: 3, seeds: 1 },
        { asn: AS2, peers: 4 },
        { asn: AS3, peers: 4 },
      ],
      trackerArgs: ["--quorum", "11", "--deadline", "60", ...policyArgs],
      peerArgs: ["--limit-up", "1500KB/s"],
      trace: true,
    });
    await run.complete(90_000);
    await run.stopPeers();
    await run.verifyContent();

    const records = await run.records();
    expect(records.map(({ ledger }) => ledger.escapes)).toEqual(records.map(() => 0));
    const followers = expectFollowersStayedInside(records);
    expect(followers, "ASes with followers").toEqual(expect.arrayContaining([AS2, AS3]));
    if (policy === "multi") {
      for (const { ledger } of records)
        expectOneRange(ledger, Math.ceil((6 * MiB + 1) / content.pieceLength));
    }

    for (const asn of [AS2, AS3]) {
      const traces = await Promise.all(
        run.peers.filter((peer) => peer.asn === asn).map((peer) => traceOf(peer.traceFile)),
      );
      expectIndirectDownload(traces);
    }
  });
});

/** Of the two ranges one has a leader of its own each: who fetched outside did so in its range only. */
function expectOneRange({ externalPieces }: LedgerTorrent, pieceCount: number): void {
  const bits = Buffer.from(externalPieces, "hex");
  const ranges = new Set<number>();
  for (let piece = 0; piece < bits.length * 8; piece++) {
    const isExternal = ((bits[piece >> 3] ?? 0) & (0x80 >> (piece & 7))) !== 0;
    if (isExternal) ranges.add(rangeOfPiece(piece, pieceCount, 2));
  }
  expect(ranges.size).toBeLessThanOrEqual(1);
}

/** In one AS: the messages between followers and leaders, each as the answer to the one before. */
function expectIndirectDownload(traces: readonly (readonly Line[])[]): void {
  const all = traces.flat();
  const of = (dir: "in" | "out", m: string) => all.filter((line) => line.dir === dir && line.m === m);
  const asked = of("out", "leader_start");
  expect(asked.length).toBeGreaterThan(0);
  const started = of("in", "leader_started").map(({ dest, endpoint }) => `${dest} at ${endpoint}`);
  expect(asked.map(({ dest, endpoint }) => `${dest} at ${endpoint}`)).toEqual(
    expect.arrayContaining(started),
  );
  expect(started.length).toBeGreaterThan(0);
  for (const { dest } of asked) expect(formatEndpoint(unwrap(parseEndpoint(dest ?? "")))).toBe(dest);
  expect(of("in", "fwd_bitfield").length + of("in", "fwd_have").length).toBeGreaterThan(0);

  // A want is answered by a plain have of the same leader, and then the piece is asked for there.
  const served = traces.flatMap((trace) =>
    trace.flatMap((want, at) => {
      if (want.dir !== "out" || want.m !== "want") return [];
      const later = trace.slice(at).filter(({ endpoint }) => endpoint === want.endpoint);
      return (want.pieces ?? []).filter((piece) => {
        const have = later.findIndex(
          (line) => line.dir === "in" && line.m === "have" && line.piece === piece,
        );
        return later
          .slice(Math.max(0, have))
          .some((line) => have >= 0 && line.dir === "out" && line.m === "request" && line.piece === piece);
      });
    }),
  );
  expect(served.length, "pieces wanted, then had, then asked for").toBeGreaterThan(0);
}
