import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, test } from "vitest";
import { columnLines } from "../src/daemon/columns.ts";
import { filesMeant } from "../src/daemon/files-meant.ts";
import { findTorrent } from "../src/daemon/find-torrent.ts";
import { trackerLines } from "../src/daemon/torrent-details.ts";
import { call, temporaryFolder } from "./support/run.ts";

describe("usage of the commands that give orders to a daemon", () => {
  test.each([
    [["status", "x", "--follow"], /--follow is of all torrents/],
    [["status", "--peers"], /are of one torrent: name it/],
    [["add"], /missing required argument/],
    [["add", "absent.torrent"], /absent\.torrent: there is no such file/],
    [["add", "magnet:?xt=urn:btih:0", "--limit-up", "2"], /--limit-up: a rate needs a unit/],
    [["remove"], /missing required argument/],
    [["pause"], /pause: name torrents, or give --all/],
    [["resume", "x", "--all"], /resume: name torrents, or give --all/],
    [["limit", "--up", "fast"], /--up: not a rate/],
    [["limit", "--stop-ratio", "2"], /are of one torrent: name it/],
    [["limit", "x", "--schedule", "mon 08:00-18:00 up=1MB/s"], /are over all torrents: name none/],
    [["limit", "x", "--no-schedule"], /are over all torrents: name none/],
    [
      ["limit", "--schedule", "mon 08:00-18:00 up=1MB/s", "mo 8-18"],
      /--schedule: "mo 8-18": the entry has "mo"/,
    ],
    [["limit", "x", "--stop-ratio", "two"], /--stop-ratio: not a ratio/],
    [["status", "--control", "198.18.0.1:6880"], /can be reached from other machines/],
    [["peer", "--control", "127.0.0.1:6880", "x.torrent"], /--control is for a peer with --daemon/],
    [["peer", "--daemon", "--exit-on-complete"], /--exit-on-complete ends a peer/],
    [["peer", "--daemon", "--start-when", "go"], /--start-when holds a peer back/],
    [["peer", "--daemon", "--files", "*.iso"], /--files is of one torrent/],
    [["peer", "--daemon"], /--daemon remembers its torrents in a folder: name one by --state/],
    [["peer", "--daemon", "--state", "s", "--control", "0.0.0.0:0"], /reached from other machines/],
  ])("%j exits with 2 and says why", async (args, message) => {
    const { exitCode, stderr, stdout } = await call(args, { cwd: await temporaryFolder() });
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
  });

  test("each explains itself with an example", async () => {
    for (const command of ["status", "add", "remove", "pause", "resume", "limit", "files"]) {
      const { exitCode, stdout } = await call([command, "--help"]);
      expect(exitCode, command).toBe(0);
      expect(stdout, command).toMatch(/--token-file[\s\S]*Examples:\n/);
      expect(stdout, command).not.toContain("[]");
    }
  });

  test("without a daemon each says so, and exits with 1", async () => {
    const cwd = await temporaryFolder();
    for (const args of [["status"], ["limit"], ["pause", "--all"]]) {
      const { exitCode, stderr } = await call([...args, "--state", "s"], { cwd });
      expect(stderr).toBe(
        "cachetorrent: no daemon runs with the state folder s: cachetorrent peer --daemon starts one; --state names another folder [CT_ERR_CONTROL]\n",
      );
      expect(exitCode).toBe(1);
    }
  });
});

test.each([
  ["is not there", undefined, "t: there is no such file; a daemon's is control.token in its state folder"],
  [
    "holds no token",
    "short",
    "t is no token, which is 16 to 256 characters without spaces; a daemon's is control.token in its state folder",
  ],
])("a --token-file that %s is named, and where to find one", async (_, text, message) => {
  const cwd = await temporaryFolder();
  if (text !== undefined) await writeFile(join(cwd, "t"), text);
  const args = ["status", "--control", "127.0.0.1:1", "--token-file", "t"];
  const { exitCode, stderr } = await call(args, { cwd });
  expect(stderr).toContain(`cachetorrent: ${message} [`);
  expect(exitCode).toBe(1);
});

test("what is no torrent file is named, before a daemon is looked for", async () => {
  const cwd = await temporaryFolder();
  await writeFile(join(cwd, "disk.img"), "no torrent");
  const { exitCode, stderr } = await call(["add", "disk.img", "--state", "s"], { cwd });
  expect(stderr).toMatch(/^cachetorrent: disk\.img: is not a torrent/);
  expect(exitCode).toBe(2);
});

describe("a torrent is meant", () => {
  const hashes = [
    "c12fe1c06bba254a9dc9f519b335aa7c1367a88a",
    "c12fe1c1".padEnd(40, "0"),
    "dead".padEnd(40, "1"),
    "beef".padEnd(40, "2"),
  ];
  const names = ["t0", "t1", "c12f", hashes[0]];
  const torrents = hashes.map((infoHash, i) => ({ infoHash, name: names[i] })) as never;

  it.each([
    ["its info-hash", hashes[1], 1],
    ["the beginning of it, in either case", "C12FE1C1", 1],
    ["its name", "t0", 0],
    ["its info-hash, though that is another's name", hashes[0], 0],
  ])("by %s", (_, text, index) => {
    expect(findTorrent(torrents, text as string).infoHash).toBe(hashes[index as number]);
  });

  it.each([
    ["what two begin with", "c12fe1c", /c12fe1c06bba.* or c12fe1c1000/],
    ["the name of one that another begins with", "c12f", /c12fe1c0.* or c12fe1c1.* or dead1/],
    ["a part of a name", "t", /has no torrent t;/],
    ["too few digits", "dea", /has no torrent named dea; of an info-hash write at least 4 digits/],
    ["too few digits in capitals", "D", /write at least 4 digits/],
    ["digits enough that none begins with", "dea0", /has no torrent dea0; status lists/],
    ["what is no digits", "xyz", /has no torrent xyz; status lists/],
    ["nothing", "", /has no torrent/],
  ])("not by %s", (_, text, message) => {
    expect(() => findTorrent(torrents, text)).toThrow(message);
  });
});

describe("files are meant", () => {
  const files = ["a.txt", "docs/b.txt", "c.iso"].map((path, index) => ({ path, index })) as never;

  it.each([
    ["1", [1]],
    ["0-2", [0, 1, 2]],
    ["*.txt", [0, 1]],
    ["docs/*", [1]],
  ])("by %s", (text, indices) => expect(filesMeant(files, text, "skip")).toEqual(indices));

  it.each([
    ["3", "--skip: 3 is no file of the torrent, whose files are 0 to 2"],
    ["0-9", "--skip: 0-9 is no file of the torrent, whose files are 0 to 2"],
    ["2-1", "--skip: 2-1 is no file of the torrent, whose files are 0 to 2"],
    ["*.md", "--skip: *.md is no file of the torrent"],
  ])("not by %s", (text, message) =>
    expect(() => filesMeant(files, text, "skip")).toThrow(expect.objectContaining({ message })),
  );
});

it("trackers are lines of a table, and a stranger's words cannot rewrite the terminal", () => {
  const never = { result: null, isAsked: false, nextInMs: null, seeders: null, leechers: null };
  expect(
    trackerLines([
      { ...never, url: "http://a/announce", result: "ok", nextInMs: 90_000, seeders: 12, leechers: 0 },
      { ...never, url: "udp://b:1/", isAsked: true, result: "refuses: \u001b[2J", warning: "no" },
      { ...never, url: "http://c/…" },
    ]),
  ).toEqual([
    "TRACKER            SEEDERS  LEECHERS   NEXT  LAST",
    "http://a/announce       12         0  1m30s  ok",
    "udp://b:1/               ?         ?    now  refuses: \ufffd[2J, warns: no",
    "http://c/…               ?         ?      -  -",
  ]);
  expect(trackerLines([])).toEqual(["no trackers"]);
});

it("a table has its columns below each other, wide characters counted as they are shown", () => {
  const columns = [
    { title: "NAME", of: ([name]: [string, string]) => name },
    { title: "SIZE", isNumber: true, of: ([, size]: [string, string]) => size },
  ];
  expect(
    columnLines(columns, [
      ["映画", "1 B"],
      ["a", "10 KiB"],
    ]),
  ).toEqual(["NAME    SIZE", "映画     1 B", "a     10 KiB"]);
});
