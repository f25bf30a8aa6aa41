import { readFileSync } from "node:fs";
import { PassThrough } from "node:stream";
import { randomBelow, seededRandom } from "@cachetorrent/clock";
import type { TorrentStatus } from "@cachetorrent/peer";
import type { Asn, InfoHash, PeerId } from "@cachetorrent/protocol";
import { CtError } from "@cachetorrent/protocol";
import { describe, expect, test } from "vitest";
import { cellCount } from "../src/cells.ts";
import { jsonReport } from "../src/report/json-report.ts";
import { lineReport } from "../src/report/line-report.ts";
import { liveReport } from "../src/report/live-report.ts";
import { duration, percent, progressLines } from "../src/report/progress-line.ts";
import { TerminalDisplay } from "../src/terminal-display.ts";

const infoHash = "0123456789abcdef0123456789abcdef01234567" as InfoHash;
const peerId = "ff23456789abcdef0123456789abcdef01234567" as PeerId;

const STATES = ["metadata", "checking", "downloading", "paused", "seeding", "stopped", "failed"] as const;

function torrent(more: Partial<TorrentStatus> = {}): TorrentStatus {
  return {
    infoHash,
    name: "alice.txt",
    state: "downloading",
    length: 1000,
    verifiedBytes: 250,
    checkedFraction: 1,
    rateIn: 2_000_000,
    rateOut: 500_000,
    internalBytes: 1024,
    externalBytes: 3 * 1024 * 1024,
    sentBytes: 2048,
    peers: 7,
    role: "independent",
    asn: 64500 as Asn,
    leads: false,
    etaMs: 65_000,
    ...more,
  };
}

/** On a terminal with room for everything. */
function progressLine(status: TorrentStatus): string {
  const lines = progressLines(status, 200);
  expect(lines).toHaveLength(1);
  return lines.join();
}

describe("a torrent's line on a terminal", () => {
  test("shows percent, rates, bytes from inside and outside, peers, role and time to go", () => {
    const line = progressLine(torrent());
    expect(line).toContain("[#####---------------]  25.0%");
    expect(line).toContain("in 2.00 MB/s  out 500.0 kB/s");
    expect(line).toContain("internal 1.00 KiB  external 3.00 MiB");
    expect(line).toContain("7 peers  independent  ETA 1m05s");
  });
  test("says when nothing arrives", () => {
    const { etaMs: _, ...stalled } = torrent();
    expect(progressLine(stalled)).toContain("ETA unknown");
  });
  test("says that the peer was elected", () => {
    expect(progressLine(torrent({ role: "leader" }))).toContain("  leader  ");
  });
  test.each<[string, Partial<TorrentStatus>]>([
    ["waiting for the tracker", {}],
    ["no tracker answers", { tracker: "unreachable" }],
    ["the tracker refuses", { tracker: "refused" }],
    ["waiting for leaders", { policy: "cache" }],
  ])("tells what a peer without a role waits for: %s", (words, more) => {
    expect(progressLine(torrent({ role: "pending", ...more }))).toContain(`  ${words}  `);
    expect(progressLine(torrent({ role: "follower", ...more }))).toContain("  follower  ");
  });
  test("says that the metadata is fetched, and how far that is", () => {
    const bare = torrent({
      state: "metadata",
      length: 0,
      verifiedBytes: 0,
      peers: 2,
      metadata: { received: 0, size: 0 },
    });
    expect(progressLine(bare)).toMatch(/ 0\.0% {2}fetching metadata {2}2 peers$/);
    expect(progressLine({ ...bare, metadata: { received: 50, size: 200 } })).toContain(" 25.0%  fetching");
    expect(progressLine({ ...bare, tracker: "refused" })).toMatch(/ 2 peers {2}the tracker refuses$/);
    expect(progressLine({ ...bare, peers: 0, tracker: "none" })).toMatch(
      / 0 peers {2}no tracker: --dht finds peers$/,
    );
    expect(progressLine({ ...bare, state: "stopped" })).toContain("   0.0%  stopped");
  });
  test("shows how far the check is while what is on disk is checked", () => {
    const line = progressLine(torrent({ state: "checking", verifiedBytes: 0, checkedFraction: 0.5 }));
    expect(line).toMatch(/50\.0%\s+checking what is on disk$/);
  });
  test("takes no orders from a torrent's name", () => {
    const line = progressLine(torrent({ name: "\x1b[2Jgone\r\n\u202e" }));
    expect(line).not.toMatch(/\p{Cc}|\p{Cf}/u);
    expect(line).toContain("gone");
  });
  test("keeps the columns under a long name", () => {
    const at = (name: string) => progressLine(torrent({ name })).indexOf("[");
    expect(at("n".repeat(300))).toBe(at("n"));
  });
  test.each([200, 120, 100, 80, 60, 40])(
    "becomes as many lines as %d columns take, and no figure is lost",
    (columns) => {
      const lines = progressLines(torrent({ name: "日本語の長い名前のトレント.iso" }), columns);
      for (const line of lines) expect(cellCount(line)).toBeLessThanOrEqual(columns);
      const words = lines.join(" ");
      for (const figure of ["25.0%", "in 2.00", "out 500.0", "internal 1.00", "external 3.00", "7 peers"])
        expect(words).toContain(figure);
      expect(words).toMatch(/independent\s+ETA 1m05s$/);
    },
  );
  test("takes two lines of 80 columns", () => {
    expect(progressLines(torrent(), 80)).toEqual([
      "alice.txt         [##--------]  25.0%  in 2.00 MB/s  out 500.0 kB/s",
      "  internal 1.00 KiB  external 3.00 MiB  7 peers  independent  ETA 1m05s",
    ]);
  });
  test("is cut where not even one figure fits", () => {
    const lines = progressLines(torrent({ state: "failed", error: "x".repeat(300) }), 60);
    expect(lines.map(cellCount)).toEqual([37, 60]);
    expect(lines[1]).toMatch(/^ {2}failed: x+…$/);
  });
  test("is full for an empty torrent", () => {
    expect(progressLine(torrent({ length: 0, verifiedBytes: 0, state: "seeding" }))).toContain("100%");
  });
});

test("100% is only for what is whole", () => {
  expect(percent(0.9999)).toBe("99.9%");
  expect(percent(1)).toBe("100%");
});

test.each([
  [900, "1s"],
  [185_000, "3m05s"],
  [3_720_000, "1h02m"],
  [1e12, "over 99h"],
])("%d ms are told as %s", (ms, text) => expect(duration(ms)).toBe(text));

describe("plain lines", () => {
  test("come when a tenth more is there, not every second", () => {
    const lines: string[] = [];
    const report = lineReport((line) => lines.push(line));
    for (let verifiedBytes = 0; verifiedBytes < 1000; verifiedBytes += 10) {
      report.progress({ connections: 1, torrents: [torrent({ verifiedBytes })] });
    }
    expect(lines.map((line) => /\d+\.\d%/.exec(line)?.[0])).toEqual(
      [0, 10, 20, 30, 40, 50, 60, 70, 80, 90].map((tenth) => `${tenth}.0%`),
    );
  });
  test("come again when a torrent begins anew", () => {
    const lines: string[] = [];
    const report = lineReport((line) => lines.push(line));
    for (const verifiedBytes of [600, 610, 50, 60, 150]) {
      report.progress({ connections: 1, torrents: [torrent({ verifiedBytes })] });
    }
    expect(lines.map((line) => /\d+\.\d%/.exec(line)?.[0])).toEqual(["60.0%", "5.0%", "15.0%"]);
  });
  test("tell how peers are found where metadata is to come from nowhere", () => {
    const lines: string[] = [];
    const bare = { state: "metadata", metadata: { received: 0, size: 0 }, peers: 0 } as const;
    lineReport((line) => lines.push(line)).progress({
      connections: 0,
      torrents: [torrent({ ...bare, tracker: "none" })],
    });
    expect(lines).toEqual(["alice.txt: fetching metadata, 0.0%, no tracker: --dht finds peers"]);
  });
  test("count one peer as one", () => {
    const lines: string[] = [];
    lineReport((line) => lines.push(line)).progress({ connections: 1, torrents: [torrent({ peers: 1 })] });
    expect(lines.join()).toContain(", 1 peer, ");
  });
  test.each(["seeding", "stopped", "failed"] as const)("have no more progress once %s was told", (state) => {
    const report = lineReport(() => undefined);
    const ended = torrent({ state, verifiedBytes: 1000 });
    expect(report.hasProgress(ended)).toBe(true);
    report.progress({ connections: 1, torrents: [ended] });
    expect(report.hasProgress(ended)).toBe(false);
    expect(report.hasProgress({ ...ended, infoHash: "ab".repeat(20) as InfoHash })).toBe(true);
    report.progress({ connections: 1, torrents: [torrent()] });
    expect([torrent(), ended].map((one) => report.hasProgress(one))).toEqual([true, true]);
  });
  test("are the same without the torrents that have no progress", () => {
    const [all, some]: [string[], string[]] = [[], []];
    const ofAll = lineReport((line) => all.push(line));
    const ofSome = lineReport((line) => some.push(line));
    const random = seededRandom(1);
    let asked = 0;
    for (let tick = 0; tick < 2000; tick++) {
      const torrents = ["aa", "bb", "cc"].map((digits) =>
        torrent({
          infoHash: digits.repeat(20) as InfoHash,
          name: digits,
          state: STATES[randomBelow(random, STATES.length)] ?? "seeding",
          verifiedBytes: 100 * randomBelow(random, 11),
          checkedFraction: randomBelow(random, 11) / 10,
        }),
      );
      const withProgress = torrents.filter((one) => ofSome.hasProgress(one));
      asked += withProgress.length;
      ofAll.progress({ connections: 0, torrents });
      ofSome.progress({ connections: 0, torrents: withProgress });
    }
    expect(some).toEqual(all);
    expect(some.length).toBeGreaterThan(1000);
    expect(asked).toBeLessThan(6000);
  });
  test("are told by a terminal's report as long as it may not draw, and all torrents drawn once it may", () => {
    const stream = new PassThrough();
    let mayDraw = false;
    const report = liveReport(new TerminalDisplay(stream as unknown as NodeJS.WriteStream, () => mayDraw));
    const seeding = torrent({ state: "seeding", verifiedBytes: 1000 });
    report.progress({ connections: 1, torrents: [seeding, torrent({ name: "bob.txt" })] });
    expect(String(stream.read())).toMatch(/^bob\.txt: 25\.0%, [^\n]*\n$/);
    mayDraw = true;
    const torrents = [seeding].filter((one) => report.hasProgress(one));
    report.progress({ connections: 1, torrents });
    expect(String(stream.read())).toContain("alice.txt");
  });
  test("tell the beginning, completion and the end", () => {
    const lines: string[] = [];
    const report = lineReport((line) => lines.push(line));
    report.listening({ endpoint: "127.0.0.1:6881", peerId, torrents: [{ infoHash, name: "alice.txt" }] });
    report.complete({ infoHash, name: "alice.txt" });
    report.stopped({ connections: 0, torrents: [torrent({ state: "stopped", verifiedBytes: 1000 })] });
    expect(lines).toEqual([
      "listening on 127.0.0.1:6881",
      `alice.txt: info-hash ${infoHash}`,
      "alice.txt: complete",
      "alice.txt: stopped at 100%, received 1.00 KiB inside and 3.00 MiB from outside its AS, sent 2.00 KiB",
    ]);
  });
});

test("JSON is one object a line, each with its event and time", () => {
  const lines: string[] = [];
  const report = jsonReport(
    (line) => lines.push(line),
    () => 1234.5,
  );
  const status = { connections: 3, torrents: [torrent()] };
  report.listening({ endpoint: "127.0.0.1:6881", peerId, torrents: [{ infoHash, name: "alice.txt" }] });
  report.progress(status);
  report.complete({ infoHash, name: "alice.txt" });
  report.failed(new CtError("CT_ERR_NO_SPACE", "the disk is full"), { infoHash, name: "alice.txt" });
  report.stopped(status);
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      event: "listening",
      at: 1235,
      endpoint: "127.0.0.1:6881",
      peerId,
      torrents: [{ infoHash, name: "alice.txt" }],
    },
    { event: "progress", at: 1235, ...status },
    { event: "complete", at: 1235, infoHash, name: "alice.txt" },
    {
      event: "failed",
      at: 1235,
      infoHash,
      name: "alice.txt",
      code: "CT_ERR_NO_SPACE",
      message: "the disk is full",
    },
    { event: "stopped", at: 1235, ...status },
  ]);
});

test("docs/operations.md names every event and field of the JSON lines", () => {
  const document = readFileSync(new URL("../../../docs/operations.md", import.meta.url), "utf8");
  const section = /^### For programs: `--json`\n(.*?)^### /ms.exec(document)?.[1] ?? "";
  const documented = new Set(Array.from(section.matchAll(/`(\w+)`/g), ([, name]) => name));
  const used = new Set<string>();
  const report = jsonReport(
    (line) =>
      JSON.parse(line, (key, value) => {
        // The keys of arrays are their indices.
        if (/^[a-z]/i.test(key)) used.add(key);
        if (key === "event" || key === "state" || key === "role") used.add(value);
        return value;
      }),
    () => 0,
  );
  const everything: Required<TorrentStatus> = {
    ...torrent(),
    wanted: { length: 1, verifiedBytes: 1 },
    etaMs: 1,
    metadata: { received: 1, size: 2 },
    term: 1,
    policy: "coordinated",
    tracker: "unreachable",
    claims: { asked: 4, granted: 3, denied: 1, expired: 0 },
    webSeeds: [
      { url: "http://h/", state: "resting", receivedBytes: 1, restsUntil: 5000, reason: "answered 503" },
      { url: "http://h/2", state: "dropped", receivedBytes: 0, reason: "sent bad data" },
      ...(["idle", "asking"] as const).map((state) => ({ url: "http://h/3", state, receivedBytes: 0 })),
    ],
    paused: "the disk is full",
    error: "no space",
  };
  const status = { connections: 0, torrents: STATES.map((state) => ({ ...everything, state })) };
  const ref = { infoHash, name: "alice.txt" };
  report.listening({ endpoint: "127.0.0.1:6881", peerId, torrents: [ref] });
  report.progress(status);
  report.complete(ref);
  report.failed(new CtError("CT_ERR_NO_SPACE", "the disk is full"), ref);
  report.stopped(status);
  expect(used.size).toBeGreaterThan(30);
  expect([...used].filter((name) => !documented.has(name))).toEqual([]);
});
