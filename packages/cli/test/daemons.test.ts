import { once } from "node:events";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { call, outcomeOf, printed, run, start, temporaryFolder } from "./support/run.ts";

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
    await call(["create", "a.bin", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
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
  test("a peer that is to wait for a file says so, and not that it checks", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a.bin"), Buffer.alloc(50_000, 1));
    await call(["create", "a.bin", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
    const args = ["peer", "a.bin.torrent", "--listen", "127.0.0.1:0", "--start-when", "go"];
    const peer = start([...args, "--exit-on-complete"], { cwd: folder });
    const outcome = outcomeOf(peer);
    await printed(peer, /^(waiting|.*checking) .*\n/m);
    await writeFile(join(folder, "go"), "");
    const { exitCode, stdout } = await outcome;
    expect(stdout.split("\n")[2]).toBe("waiting until there is go");
    expect(exitCode).toBe(0);
  });
  test("a peer that was to leave when complete leaves with 1 when one of its torrents failed", async () => {
    const folder = await temporaryFolder();
    for (const name of ["good", "bad"]) {
      await writeFile(join(folder, name), Buffer.alloc(50_000, name));
      await call(["create", name, "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
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
    await call(["create", "a", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
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
  test("a peer whose .torrent is not there tells programs, too", async () => {
    const peer = await call(["peer", "absent.torrent", "--json"], { cwd: await temporaryFolder() });
    expect(JSON.parse(peer.stdout)).toMatchObject({
      event: "failed",
      code: "CT_ERR_USAGE",
      message: "absent.torrent: there is no such file",
    });
    expect(peer.stderr).toContain("absent.torrent: there is no such file");
    expect(peer.exitCode).toBe(2);
  });
  test("a peer that seeds ends with 130 on SIGINT and tells the end", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "a.bin"), Buffer.alloc(50_000, 1));
    await call(["create", "a.bin", "--tracker", "http://127.0.0.1:9/announce"], { cwd: folder });
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
