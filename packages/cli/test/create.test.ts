import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { content, TRACKER } from "./support/release.ts";
import { call, temporaryFolder } from "./support/run.ts";

describe("create and info", () => {
  test("info tells what create made", async () => {
    const folder = await content();
    const { stdout } = await call(["info", "release.torrent", "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({
      name: "release",
      length: 120_000,
      pieceLength: 16_384,
      pieceCount: 8,
      private: false,
      hybrid: false,
      trackers: [[TRACKER]],
      files: [
        { path: "release/a.bin", length: 50_000 },
        { path: "release/b.bin", length: 70_000 },
      ],
    });
    const readable = await call(["info", "release.torrent"], { cwd: folder });
    expect(readable.stdout).toMatch(/^name +release\n/);
    expect(readable.stdout).toContain("release/b.bin");
  });
  test.each([
    ["udp://127.0.0.1/announce", /^warning: --tracker udp:.*over UDP is asked at a port\n$/],
    ["udp://127.0.0.1:6969", /^$/],
    ["http://127.0.0.1:6969", /^warning: --tracker http:.*ends in \/announce as a rule/],
    ["http://127.0.0.1:6969/announce.php?key=1", /^$/],
    ["http://127.0.0.1:6969/TOKEN/announce", /^$/],
    ["http://127.0.0.1:6969/announce/TOKEN", /^$/],
  ])("create takes the tracker %s, and warns where it is likely a mistake", async (url, message) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a"), "a");
    const { exitCode, stderr } = await call(["create", "a", "--tracker", url], { cwd: folder });
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(0);
  });
  test("create writes web seeds, and info shows them", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a"), "a");
    const webSeeds = ["http://198.18.0.9/pub/", "https://mirror.example/a?b"];
    const options = webSeeds.flatMap((url) => ["--web-seed", url]);
    await call(["create", "a", "--tracker", TRACKER, ...options], { cwd: folder });
    const { stdout } = await call(["info", "a.torrent", "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ webSeeds });
    const readable = await call(["info", "a.torrent"], { cwd: folder });
    expect(readable.stdout).toMatch(/^web seeds +http:\/\/198.18.0.9\/pub\/\n +https:\/\/mirror/m);
  });
  test("create overwrites nothing", async () => {
    const folder = await content();
    const before = await readFile(join(folder, "release.torrent"));
    const again = await call(["create", "release", "--tracker", TRACKER, "--private"], { cwd: folder });
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain("release.torrent exists already");
    expect(await readFile(join(folder, "release.torrent"))).toEqual(before);
  });
  test("create refuses a piece length that is no size", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a"), "a");
    const { exitCode, stderr } = await call(["create", "a", "--tracker", TRACKER, "--piece-length", "big"], {
      cwd: folder,
    });
    expect(stderr).toContain("--piece-length: not a size");
    expect(exitCode).toBe(2);
  });
  test("create tells a wrong piece length before an output that exists", async () => {
    const folder = await content();
    const { exitCode, stderr } = await call(
      ["create", "release", "--tracker", TRACKER, "--piece-length", "100KB"],
      { cwd: folder },
    );
    expect(stderr).toContain("must be a power of two");
    expect(exitCode).toBe(2);
  });
  test("create says that it cannot write the torrent before it reads the content", async () => {
    const folder = await temporaryFolder();
    // Reading would end with a complaint of its own.
    await writeFile(join(folder, "empty"), "");
    const { exitCode, stderr } = await call(
      ["create", "empty", "--tracker", TRACKER, "-o", "absent/a.torrent"],
      { cwd: folder },
    );
    expect(stderr).toMatch(/absent: cannot write the torrent file there: there is no such file or directory/);
    expect(exitCode).toBe(1);
  });
  test("info refuses a broken torrent by name, with 2", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "broken.torrent"), "d4:info");
    const { exitCode, stderr } = await call(["info", "broken.torrent"], { cwd: folder });
    expect(stderr).toContain("broken.torrent");
    expect(exitCode).toBe(2);
  });
});
