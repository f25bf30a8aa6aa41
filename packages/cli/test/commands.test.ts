import { once } from "node:events";
import { appendFile, mkdir, readdir, readFile, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { outcomeOf, printed, run, start, temporaryFolder } from "./support/run.ts";

const TRACKER = "http://127.0.0.1:6969/announce";

describe("usage", () => {
  test("--help shows the commands and an example, and is no failure", async () => {
    const { exitCode, stdout } = await run(["--help"]);
    expect(exitCode).toBe(0);
    for (const command of ["tracker", "peer", "create", "info", "verify", "as", "testbed"])
      expect(stdout).toContain(`  ${command} `);
    expect(stdout).toContain("Examples:");
  });
  test("every command explains itself with an example", async () => {
    for (const command of ["tracker", "peer", "create", "info", "verify", "as", "testbed"]) {
      const { exitCode, stdout } = await run([command, "--help"]);
      expect(exitCode, command).toBe(0);
      expect(stdout, command).toMatch(/Examples?:\n/);
    }
  });
  test("help shows each daemon's own port, and every default in the same way", async () => {
    const [tracker, peer, verify] = await Promise.all(
      ["tracker", "peer", "verify"].map(async (command) => {
        const { stdout } = await run([command, "--help"]);
        return stdout.replaceAll(/\s+/g, " ");
      }),
    );
    expect(tracker).toContain('such as "listen: 0.0.0.0:6969"');
    expect(tracker).not.toContain("6881");
    expect(tracker).toContain("(default: none, the deadline alone counts)");
    expect(peer).toContain('such as "listen: 0.0.0.0:6881"');
    expect(peer).toContain("(default: .)");
    expect(verify).toContain("(default: .)");
  });
  test.each([
    ["no command", [], /Usage:/],
    ["an unknown command", ["pere"], /unknown command 'pere' \(did you mean peer\?\)/],
    [
      "an unknown option",
      ["tracker", "--polcy", "biased"],
      /unknown option '--polcy' \(did you mean --policy\?\)/,
    ],
    ["the beginning of an option", ["tracker", "--external", "3"], /\(did you mean --external-percent\?\)/],
    ["an option without its value", ["tracker", "--policy"], /argument missing/],
    ["an unknown policy", ["tracker", "--policy", "biasd"], /did you mean biased\?/],
    ["a tracker's address of another form", ["tracker", "--listen", "6969"], /such as 0\.0\.0\.0:6969: 6969/],
    ["a peer without a torrent", ["peer"], /name at least one \.torrent file/],
    ["a torrent that is not there", ["peer", "absent.torrent"], /absent\.torrent/],
    ["a tracker with a word too many", ["tracker", "word"], /too many arguments/],
    ["create without a tracker", ["create", "."], /--tracker <URL>/],
    ["a tracker's address that is none", ["create", ".", "--tracker", "nowhere"], /not a tracker's address/],
    [
      "a web seed that is none",
      ["create", ".", "--tracker", TRACKER, "-o", "absent.torrent", "--web-seed", "ftp://a/"],
      /web seed "ftp:\/\/a\/": must be an http or https URL/,
    ],
    ["as without a table", ["as", "1.1.1.1"], /--as-prefix, --as-table or --route-db/],
    ["as of what is no address", ["as", "here", "--as-prefix", "10.0.0.0/8=1"], /here is no IP address/],
    ["watch without a number of peers", ["testbed", "watch", "x.torrent", "."], /--peers <N>/],
    ["a configuration file that is not there", ["tracker", "--config", "absent.yaml"], /absent\.yaml/],
  ])("%s exits with 2 and says why", async (_what, args, message) => {
    const { exitCode, stderr, stdout } = await run(args, { cwd: await temporaryFolder() });
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(2);
    expect(stdout).toBe("");
  });
  test("works through a symbolic link, from any folder", async () => {
    const folder = await temporaryFolder();
    await symlink(new URL("../bin/cachetorrent", import.meta.url).pathname, join(folder, "link"));
    const { exitCode, stdout } = await run(["--version"], { cwd: folder, bin: join(folder, "link") });
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(exitCode).toBe(0);
  });
});

describe("--print-config", () => {
  test("prints what flags, environment, file and defaults make together, and runs nothing", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "peer.yaml"), "limit-up: 1MB/s\nlimit-down: 2MB/s\nupload-slots: 9\n");
    const { exitCode, stdout } = await run(
      ["peer", "--print-config", "--config", "peer.yaml", "--limit-up", "16Mbit/s", "--no-candidate"],
      { cwd: folder, env: { CACHETORRENT_PEER_LIMIT_DOWN: "3MB/s" } },
    );
    expect(exitCode).toBe(0);
    expect(parse(stdout)).toMatchObject({
      "limit-up": "2000000B/s",
      "limit-down": "3000000B/s",
      "upload-slots": 9,
      "no-candidate": true,
      numwant: 50,
    });
  });
  test("takes repeated flags as a list", async () => {
    const args = ["--as-prefix", "198.18.1.0/24=64501", "--as-prefix", "198.18.2.0/24=64502"];
    const { stdout } = await run(["tracker", "--print-config", ...args]);
    expect(parse(stdout)["as-prefix"]).toEqual(["198.18.1.0/24=64501", "198.18.2.0/24=64502"]);
  });
  test("can be fed back by --config, named by the environment too", async () => {
    const folder = await temporaryFolder();
    const first = await run(["tracker", "--print-config", "--policy", "biased", "--quorum", "7"]);
    await writeFile(join(folder, "tracker.yaml"), first.stdout);
    const again = await run(["tracker", "--print-config"], {
      cwd: folder,
      env: { CACHETORRENT_TRACKER_CONFIG: "tracker.yaml" },
    });
    expect(again.stdout).toBe(first.stdout);
  });
});

describe("create, info and verify", () => {
  async function content(): Promise<string> {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "release"));
    await writeFile(join(folder, "release", "a.bin"), Buffer.alloc(50_000, 1));
    await writeFile(join(folder, "release", "b.bin"), Buffer.alloc(70_000, 2));
    const created = await run(["create", "release", "--tracker", TRACKER, "--piece-length", "16KiB"], {
      cwd: folder,
    });
    expect(created.stderr).toBe("");
    expect(created.exitCode).toBe(0);
    expect(created.stdout).toMatch(/^release\.torrent\n/);
    expect(created.stdout).toMatch(/info-hash +[0-9a-f]{40}\n/);
    expect(created.stdout).toMatch(/pieces +8 of 16\.0 KiB\n/);
    return folder;
  }

  test("info tells what create made", async () => {
    const folder = await content();
    const { stdout } = await run(["info", "release.torrent", "--json"], { cwd: folder });
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
    const readable = await run(["info", "release.torrent"], { cwd: folder });
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
    const { exitCode, stderr } = await run(["create", "a", "--tracker", url], { cwd: folder });
    expect(stderr).toMatch(message);
    expect(exitCode).toBe(0);
  });
  test("create writes web seeds, and info shows them", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a"), "a");
    const webSeeds = ["http://198.18.0.9/pub/", "https://mirror.example/a?b"];
    const options = webSeeds.flatMap((url) => ["--web-seed", url]);
    await run(["create", "a", "--tracker", TRACKER, ...options], { cwd: folder });
    const { stdout } = await run(["info", "a.torrent", "--json"], { cwd: folder });
    expect(JSON.parse(stdout)).toMatchObject({ webSeeds });
    const readable = await run(["info", "a.torrent"], { cwd: folder });
    expect(readable.stdout).toMatch(/^web seeds +http:\/\/198.18.0.9\/pub\/\n +https:\/\/mirror/m);
  });
  test("create overwrites nothing", async () => {
    const folder = await content();
    const before = await readFile(join(folder, "release.torrent"));
    const again = await run(["create", "release", "--tracker", TRACKER, "--private"], { cwd: folder });
    expect(again.exitCode).toBe(1);
    expect(again.stderr).toContain("release.torrent exists already");
    expect(await readFile(join(folder, "release.torrent"))).toEqual(before);
  });
  test("create refuses a piece length that is no size", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a"), "a");
    const { exitCode, stderr } = await run(["create", "a", "--tracker", TRACKER, "--piece-length", "big"], {
      cwd: folder,
    });
    expect(stderr).toContain("--piece-length: not a size");
    expect(exitCode).toBe(2);
  });
  test("verify exits with 0 for what is whole, and writes nothing where nothing is", async () => {
    const folder = await content();
    const whole = await run(["verify", "release.torrent", "--dir", "."], { cwd: folder });
    expect(whole).toEqual({ exitCode: 0, stdout: "release: complete, 8 pieces\n", stderr: "" });
    await mkdir(join(folder, "elsewhere"));
    const nothing = await run(["verify", "release.torrent", "--dir", "elsewhere", "--json"], { cwd: folder });
    expect(nothing.exitCode).toBe(1);
    expect(JSON.parse(nothing.stdout)).toMatchObject({ complete: false, validPieces: 0 });
    expect(await readdir(join(folder, "elsewhere"))).toEqual([]);
  });
  test("verify exits with 1 and lists what is damaged, cut short and missing", async () => {
    const folder = await content();
    await truncate(join(folder, "release", "b.bin"), 40_000);
    const { exitCode, stdout } = await run(["verify", "release.torrent"], { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^release: incomplete, 5 of 8 pieces/);
    expect(stdout).toMatch(/wrong length +release\/b\.bin \(2 of 5 pieces\)/);
    expect(stdout).not.toContain("a.bin");
  });
  test("no error takes orders from a torrent's name", async () => {
    const folder = await temporaryFolder();
    const hostile = "\x1b[2J\x9b5m\u202egone";
    await mkdir(join(folder, hostile));
    await writeFile(join(folder, hostile, "a"), "a");
    await run(["create", hostile, "--tracker", TRACKER, "-o", "evil.torrent"], { cwd: folder });
    await mkdir(join(folder, "elsewhere"));
    await writeFile(join(folder, "elsewhere", hostile), "in the way");
    const { exitCode, stderr } = await run(["verify", "evil.torrent", "--dir", "elsewhere"], { cwd: folder });
    expect(stderr.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    expect(stderr).toMatch(/gone: a file is where a directory must be/);
    expect(exitCode).toBe(1);
  });
  test("verify takes no folder that is not there for an empty one", async () => {
    const folder = await content();
    const { exitCode, stderr } = await run(["verify", "release.torrent", "--dir", "absent"], { cwd: folder });
    expect(stderr).toContain("--dir absent: there is no such folder");
    expect(exitCode).toBe(2);
  });
  test("verify says of a file with all its pieces and more behind them that its length is wrong", async () => {
    const folder = await content();
    await appendFile(join(folder, "release", "b.bin"), "more");
    const { exitCode, stdout } = await run(["verify", "release.torrent"], { cwd: folder });
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/^release: incomplete, 8 of 8 pieces \(100%\)\n +wrong length +release\/b\.bin /);
    const json = await run(["verify", "release.torrent", "--json"], { cwd: folder });
    expect(json.exitCode).toBe(1);
    expect(JSON.parse(json.stdout)).toMatchObject({
      complete: false,
      files: [{ state: "complete" }, { state: "wrong length", pieces: 5, validPieces: 5 }],
    });
  });
  test("an empty file that is missing has no pieces to count", async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, "some"));
    await writeFile(join(folder, "some", "a"), "a");
    await writeFile(join(folder, "some", "empty"), "");
    await run(["create", "some", "--tracker", TRACKER], { cwd: folder });
    await rm(join(folder, "some", "empty"));
    const { stdout } = await run(["verify", "some.torrent"], { cwd: folder });
    expect(stdout).toBe("some: incomplete, 1 of 1 piece (100%)\n  missing  some/empty (an empty file)\n");
  });
  test("create tells a wrong piece length before an output that exists", async () => {
    const folder = await content();
    const { exitCode, stderr } = await run(
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
    const { exitCode, stderr } = await run(
      ["create", "empty", "--tracker", TRACKER, "-o", "absent/a.torrent"],
      { cwd: folder },
    );
    expect(stderr).toMatch(/absent: cannot write the torrent file there: there is no such file or directory/);
    expect(exitCode).toBe(1);
  });
  test("info refuses a broken torrent by name, with 2", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "broken.torrent"), "d4:info");
    const { exitCode, stderr } = await run(["info", "broken.torrent"], { cwd: folder });
    expect(stderr).toContain("broken.torrent");
    expect(exitCode).toBe(2);
  });
});

describe("daemons", () => {
  test("the tracker says which port it got, and SIGTERM ends it with 143", async () => {
    const tracker = start(["tracker", "--listen", "127.0.0.1:0"]);
    const ended = once(tracker, "close");
    const [, url = ""] = await printed(tracker, /^listening on (http:\/\/127\.0\.0\.1:\d+\/announce)\n/);
    expect(new URL(url).port).not.toBe("0");
    tracker.kill("SIGTERM");
    expect(await ended).toEqual([143, null]);
  });
  test("a reader that goes away does not end a daemon", async () => {
    const tracker = start(["tracker", "--listen", "127.0.0.1:0"]);
    const ended = once(tracker, "close");
    const [, url = ""] = await printed(tracker, /^listening on (\S+)\n/);
    tracker.stderr?.destroy();
    tracker.stdout?.destroy();
    // Each makes it log a line that nobody reads any more.
    tracker.kill("SIGHUP");
    expect((await fetch(url)).status).toBe(200);
    expect((await fetch(url)).status).toBe(200);
    tracker.kill("SIGINT");
    expect(await ended).toEqual([130, null]);
  });
  test("a port that is taken is named", async () => {
    const first = start(["tracker", "--listen", "127.0.0.1:0"]);
    const [, endpoint = ""] = await printed(first, /^listening on http:\/\/(\S+)\/announce\n/);
    const second = await run(["tracker", "--listen", endpoint]);
    expect(second.exitCode).toBe(1);
    expect(second.stderr).toContain(`${endpoint} is taken`);
  });
  test("a peer that has everything leaves by itself when told to; the user's command is for downloads", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a.bin"), Buffer.alloc(50_000, 1));
    await run(["create", "a.bin", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
    const peer = await run(
      [
        ...["peer", "a.bin.torrent", "--listen", "127.0.0.1:0", "--json", "--exit-on-complete"],
        ...["--on-complete", 'echo "$CT_NAME in $CT_DIR" > told.txt'],
      ],
      { cwd: folder },
    );
    expect(peer.exitCode).toBe(0);
    const events = peer.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(events.at(0)).toMatchObject({
      event: "listening",
      endpoint: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    });
    expect(events.at(-1)).toMatchObject({ event: "stopped", torrents: [{ verifiedBytes: 50_000 }] });
    await expect(readFile(join(folder, "told.txt"))).rejects.toThrow("ENOENT");
  });
  test("a peer that is to wait for a file does nothing before it is there", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a.bin"), Buffer.alloc(50_000, 1));
    await run(["create", "a.bin", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
    const peer = start(
      [
        ...["peer", "a.bin.torrent", "--listen", "127.0.0.1:0", "--json", "--exit-on-complete"],
        ...["--start-when", "go"],
      ],
      { cwd: folder },
    );
    const ended = once(peer, "exit");
    const [, state] = await printed(peer, /"event":"progress".*"state":"(\w+)"/);
    expect(state).not.toBe("seeding");
    const complete = printed(peer, /"event":"complete"/);
    await writeFile(join(folder, "go"), "");
    await complete;
    expect(await ended).toEqual([0, null]);
  });
  test("a peer that was to leave when complete leaves with 1 when one of its torrents failed", async () => {
    const folder = await temporaryFolder();
    for (const name of ["good", "bad"]) {
      await writeFile(join(folder, name), Buffer.alloc(50_000, name));
      await run(["create", name, "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
    }
    await mkdir(join(folder, "content"));
    await writeFile(join(folder, "content", "good"), Buffer.alloc(50_000, "good"));
    await mkdir(join(folder, "content", "bad"));
    const torrents = ["good.torrent", "bad.torrent"];
    const { exitCode, stdout } = await run(
      ["peer", ...torrents, "--dir", "content", "--listen", "127.0.0.1:0", "--exit-on-complete"],
      { cwd: folder },
    );
    expect(stdout).toContain("good: complete\n");
    expect(stdout).toContain("bad: failed: ");
    expect(exitCode).toBe(1);
  });
  test.each(["plain", "json"])("a peer whose only torrent fails says so once (%s)", async (form) => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a"), "a");
    await run(["create", "a", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
    await mkdir(join(folder, "content", "a"), { recursive: true });
    const { exitCode, stdout } = await run(
      [
        "peer",
        "a.torrent",
        "--dir",
        "content",
        "--listen",
        "127.0.0.1:0",
        ...(form === "json" ? ["--json"] : []),
      ],
      { cwd: folder },
    );
    expect(stdout.match(/"event":"failed"|failed: /g)).toHaveLength(1);
    expect(exitCode).toBe(1);
  });
  test("a peer that seeds ends with 130 on SIGINT and tells the end", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a.bin"), Buffer.alloc(50_000, 1));
    await run(["create", "a.bin", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
    const peer = start(["peer", "a.bin.torrent", "--listen", "127.0.0.1:0"], { cwd: folder });
    const outcome = outcomeOf(peer);
    await printed(peer, /a\.bin: complete\n/);
    peer.kill("SIGINT");
    expect(await outcome).toMatchObject({
      exitCode: 130,
      stdout: expect.stringContaining("stopped at 100%"),
    });
  });
});

describe("as", () => {
  test("shows the AS of each address, from the tables that it is given", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "sites.txt"), "198.18.2.0/24 64502 branch\n");
    const tables = ["--as-prefix", "198.18.0.0/15=64500", "--as-table", "sites.txt"];
    const known = await run(["as", "198.18.1.7", "198.18.2.9", ...tables], { cwd: folder });
    expect(known).toMatchObject({ exitCode: 0, stdout: "198.18.1.7  AS64500\n198.18.2.9  AS64502\n" });
    const unknown = await run(["as", "2001:db8::1", ...tables], { cwd: folder });
    expect(unknown).toMatchObject({ exitCode: 1, stdout: "2001:db8::1  unknown\n" });
  });
  test("knows the Internet's from a route database", async () => {
    const folder = new URL("../../../node_modules/@ip-location-db/asn/", import.meta.url).pathname;
    const files = ["asn-ipv4.csv", "asn-ipv6.csv"].flatMap((file) => ["--route-db", join(folder, file)]);
    const { stdout } = await run(["as", "1.1.1.1", "8.8.8.8", "2606:4700:4700::1111", ...files]);
    expect(stdout).toMatch(/^1\.1\.1\.1 +AS13335\n8\.8\.8\.8 +AS15169\n2606:4700:4700::1111 +AS13335\n$/);
  });
});
