import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import type { TorrentView } from "@cachetorrent/control";
import { formatSize } from "@cachetorrent/protocol";
import { describe, expect, it, onTestFinished, test } from "vitest";
import { cellCount } from "../src/cells.ts";
import { torrentLines } from "../src/daemon/torrent-table.ts";
import { BIN, printed, start, temporaryFolder } from "./support/run.ts";

const torrent = {
  infoHash: "c12fe1c06bba254a9dc9f519b335aa7c1367a88a",
  name: "a-release-with-a-long-name-2026.1-amd64.iso",
  state: "downloading",
  length: 9_999_000_000,
  verifiedBytes: 9_990_000_000,
  checkedFraction: 1,
  rateIn: 500_000,
  rateOut: 500_000,
  internalBytes: 123_000_000,
  externalBytes: 456_000_000,
  sentBytes: 789_000_000,
  peers: 12_345,
  role: "independent",
  etaMs: 3_720_000,
} as TorrentView;

const ALL = "ID NAME STATE DONE SIZE IN OUT INTERNAL EXTERNAL SENT PEERS ROLE ETA";

const titlesOf = (lines: readonly string[]) => (lines[0] ?? "").split(/\s+/).filter(Boolean).join(" ");

describe("the table of torrents", () => {
  it.each([
    [161, ALL],
    [140, ALL],
    [130, "ID NAME STATE DONE IN OUT INTERNAL EXTERNAL SENT PEERS ROLE ETA"],
    [120, "ID NAME STATE DONE IN OUT INTERNAL EXTERNAL PEERS ROLE ETA"],
    [100, "ID NAME STATE DONE IN OUT PEERS ROLE ETA"],
    [80, "ID NAME STATE DONE IN PEERS ROLE ETA"],
    [70, "NAME STATE DONE IN PEERS ROLE ETA"],
    [60, "NAME STATE DONE PEERS ROLE ETA"],
    [46, "NAME DONE PEERS ROLE ETA"],
  ])("in %d columns has those that are most wanted, none of them cut but the name", (cells, titles) => {
    const lines = torrentLines([torrent], cells);
    expect(titlesOf(lines)).toBe(titles);
    for (const line of lines) expect(cellCount(line)).toBeLessThanOrEqual(cells);
    expect(lines[1]).toMatch(/^.* 99\.9% .* 12345 {2}independent {2}1h02m$/);
    expect(lines[1]).toMatch(/a-relea/);
  });

  it("that has room enough is as the one that need not fit", () => {
    expect(torrentLines([torrent], 300)).toEqual(torrentLines([torrent]));
  });

  it("gives the name what is left over, and no more than it needs", () => {
    const short = { ...torrent, name: "映画.iso", role: "member" };
    expect(torrentLines([short], 80)[1]).toBe(
      "c12fe1c0  映画.iso  downloading  99.9%  500.0 kB/s  12345  member  1h02m",
    );
    const line = torrentLines([{ ...torrent, role: "member" }], 80)[1] ?? "";
    expect(cellCount(line)).toBe(80);
    expect(line).toContain("  a-release-with-…  ");
  });

  it("says what is wrong with those that failed, and whose trackers do not work", () => {
    const { etaMs: _, ...rest } = torrent;
    const lines = torrentLines([
      { ...rest, tracker: "unreachable" },
      { ...rest, infoHash: "d".repeat(40) as TorrentView["infoHash"], state: "failed", error: "no space" },
      { ...rest, infoHash: "e".repeat(40) as TorrentView["infoHash"] },
    ]);
    expect(lines.slice(4)).toEqual(["c12fe1c0: no tracker answers", "dddddddd: no space"]);
  });

  it("does not know the size before the metadata", () => {
    const metadata = { received: 0, size: 0 };
    expect(torrentLines([{ ...torrent, state: "metadata", length: 0, metadata }])[1]).toMatch(
      / metadata +0\.0% +\? /,
    );
  });

  it("keeps its columns while figures change", () => {
    const titles = (view: TorrentView) => titlesOf(torrentLines([view], 80));
    const idle = { rateIn: 0, rateOut: 0, internalBytes: 0, externalBytes: 0, sentBytes: 0, peers: 0 };
    const { etaMs: _, ...unknown } = torrent;
    expect(formatSize(0)).toBe("0 B");
    expect(titles({ ...torrent, ...idle })).toBe(titles(torrent));
    expect(titles({ ...unknown, ...idle, verifiedBytes: 0 })).toBe(titles(torrent));
  });
});

/** From util-linux: a terminal for a command. */
const hasScript = (() => {
  try {
    return execFileSync("script", ["--version"], { encoding: "utf8" }).includes("util-linux");
  } catch {
    return false;
  }
})();

test.skipIf(!hasScript)("status --follow fits its table to the terminal", async () => {
  const folder = await temporaryFolder();
  const daemon = start(
    ["peer", "--daemon", "--state", "s", "--listen", "127.0.0.1:0", "--control", "127.0.0.1:0"],
    { cwd: folder },
  );
  await printed(daemon, /takes orders/);
  const adding = start(
    ["add", `magnet:?xt=urn:btih:${torrent.infoHash}&dn=${torrent.name}`, "--state", "s"],
    {
      cwd: folder,
    },
  );
  expect(await once(adding, "close")).toEqual([0, null]);
  const follow = `stty cols 80 rows 24; exec '${BIN}' status --follow --state s`;
  const terminal = spawn("script", ["-qefc", follow, "/dev/null"], {
    cwd: folder,
    stdio: ["ignore", "pipe", "ignore"],
  });
  onTestFinished(() => void terminal.kill("SIGKILL"));
  const [table] = await printed(terminal, /ID [^\n]*\n[^\n]*c12fe1c0 [^\n]*\n/);
  expect(table).toMatch(/^ID +NAME +STATE .* PEERS +ROLE +ETA\r?\n/);
  expect(table).toMatch(/a-rel.* metadata .* 0 {2}pending +-\r?\n$/);
});
