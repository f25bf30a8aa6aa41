import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { InfoHash } from "@cachetorrent/protocol";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { emptyAccounts } from "../../src/ledger.ts";
import { renderWatched } from "../../src/watch/watch-table.ts";
import { completeOf, fractionHere, isCounted, readWatchedSwarm } from "../../src/watch/watched-swarm.ts";

const HASH = "ab".repeat(20) as InfoHash;
const CONTENT = { bytes: 1000, pieceLength: 100 };

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "ct-watch-"));
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** A ledger file: `got` says how many bytes came from which AS. */
async function ledger(name: string, asn: number, got: Record<string, number>, completedAt: number | null) {
  const torrent = {
    ...emptyAccounts(HASH),
    asn,
    firstAnnounceAt: 1000,
    completedAt,
    roles: [{ role: "member", from: 0, to: null, bytesByAsn: got, piecesByAsn: {} }],
  };
  await writeFile(join(dir, name), JSON.stringify({ peerId: "00".repeat(20), torrents: [torrent] }));
}

async function threePeers(): Promise<void> {
  await ledger("seed.json", 1, {}, 900);
  await ledger("a.json", 2, { 1: 1000, 2: 0 }, 3000);
  await ledger("b.json", 2, { 2: 400 }, null);
}

describe("a watched swarm", () => {
  it("is read from the ledgers in a folder: who came with everything is a seed", async () => {
    await threePeers();
    const swarm = await readWatchedSwarm(dir, HASH);
    expect(swarm.peers.map((peer) => [Number(peer.asn), peer.initialSeed])).toEqual([
      [2, false],
      [2, false],
      [1, true],
    ]);
    expect(completeOf(swarm)).toBe(1);
    expect(fractionHere(swarm, 2, CONTENT.bytes)).toBe(0.7);
  });

  it("has peers that have written nothing yet, and none that share another torrent", async () => {
    await threePeers();
    await writeFile(join(dir, "new.json"), JSON.stringify({ peerId: "", torrents: [] }));
    expect((await readWatchedSwarm(dir, HASH)).peers.length).toBe(3);
    expect((await readWatchedSwarm(dir, "cd".repeat(20) as InfoHash)).peers).toEqual([]);
  });

  it("has the last whole line of each border's counters", async () => {
    await threePeers();
    const lines = '{"t":2000,"in":5,"out":6}\n{"t":4000,"in":1100,"out":60}\n{"t":50';
    await writeFile(join(dir, "border-2.jsonl"), lines);
    await writeFile(join(dir, "border-1.jsonl"), "");
    const swarm = await readWatchedSwarm(dir, HASH);
    expect(swarm.borders).toEqual([{ asn: 2, at: 4000, inBytes: 1100, outBytes: 60 }]);
    expect(isCounted(swarm)).toBe(true);
    await ledger("b.json", 2, { 2: 1000 }, 4001);
    expect(isCounted(await readWatchedSwarm(dir, HASH))).toBe(false);
  });

  it("may have its borders' counters in another folder", async () => {
    await threePeers();
    await mkdir(join(dir, "counters"));
    await writeFile(join(dir, "counters", "border-2.jsonl"), '{"t":4000,"in":1100,"out":60}\n');
    const swarm = await readWatchedSwarm(dir, HASH, join(dir, "counters"));
    expect(swarm.peers.length).toBe(3);
    expect(swarm.borders.map(({ asn, inBytes }) => [asn, inBytes])).toEqual([[2, 1100]]);
  });

  it("that is no ledger is refused by its name", async () => {
    await writeFile(join(dir, "broken.json"), "{");
    await expect(readWatchedSwarm(dir, HASH)).rejects.toThrow("broken.json");
  });
});

describe("the table of a watched swarm", () => {
  it("has a row for each AS, what its border counted, and what matters in a sentence", async () => {
    await threePeers();
    await writeFile(join(dir, "border-2.jsonl"), '{"t":4000,"in":1100,"out":60}\n');
    const text = renderWatched(await readWatchedSwarm(dir, HASH), CONTENT);
    expect(text).toMatch(/^ *AS +complete +copies taken in +from outside +p50 +max +border in +border out$/m);
    expect(text).toMatch(/^ *1 +0 of 0, 1 seed +- +0 B +- +- +- +-$/m);
    expect(text).toMatch(/^ *2 +1 of 2 +1\.000 +1000 B +2\.0 s +2\.0 s +1\.07 KiB +60 B$/m);
    expect(text).toContain("Each byte entered an AS 1.00 times; 1000 B crossed AS borders");
  });
});
