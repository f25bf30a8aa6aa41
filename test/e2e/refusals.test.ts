import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Content,
  createTorrent,
  type DaemonProcess,
  freePort,
  type Launcher,
  launch,
  startTrackerProcess,
} from "@cachetorrent/testbed";
import { beforeEach, describe, expect, it } from "vitest";
import { AS1, expectEqualContent, makeContent, useBench } from "./support/e2e.ts";

const KiB = 1024;
const isRoot = process.getuid?.() === 0;
const bench = useBench("refusals");

let content: Content;
let torrent: string;

beforeEach(async () => {
  const { dir } = bench();
  content = await makeContent(bench(), { bytes: 3 * 1024 * KiB });
  torrent = join(dir, "content.torrent");
  // Nobody needs to answer there: each of these peers fails by itself.
  await createTorrent(content, "http://127.0.0.1:9/announce", torrent);
});

function startPeer(
  launcher: Launcher,
  name: string,
  dir: string,
  listen = "127.2.0.1:0",
): Promise<DaemonProcess> {
  return launch(launcher, name, ["peer", torrent, "--dir", dir, "--listen", listen, "--json"]);
}

/** What a user reads on stderr. */
async function said(daemon: DaemonProcess): Promise<string> {
  await daemon.exited;
  return readFile(daemon.logFile, "utf8");
}

describe("a peer ends with a message that names the file", () => {
  it("when a folder is where a file must be, and leaves the folder", async () => {
    const dir = join(bench().dir, "leecher");
    const inTheWay = join(dir, content.name, "first.bin");
    await mkdir(inTheWay, { recursive: true });
    await writeFile(join(inTheWay, "mine"), "mine");
    const peer = await startPeer(bench().launcher, "peer", dir);
    expect((await peer.exited).code).toBe(1);
    expect(await said(peer)).toContain("CT_ERR_FILE_IN_THE_WAY");
    expect(await said(peer)).toContain(inTheWay);
    expect(await readFile(join(inTheWay, "mine"), "utf8")).toBe("mine");
  });

  it("when a file is where a folder must be, and leaves the file", async () => {
    const dir = join(bench().dir, "leecher");
    await mkdir(join(dir, content.name), { recursive: true });
    const inTheWay = join(dir, content.name, "folder");
    await writeFile(inTheWay, "mine");
    const peer = await startPeer(bench().launcher, "peer", dir);
    expect((await peer.exited).code).toBe(1);
    expect(await said(peer)).toContain("CT_ERR_FILE_IN_THE_WAY");
    expect(await said(peer)).toContain(inTheWay);
    expect(await readFile(inTheWay, "utf8")).toBe("mine");
  });

  it("when somebody else's longer file has a name of the torrent's, and leaves the file", async () => {
    const dir = join(bench().dir, "leecher");
    await mkdir(join(dir, content.name), { recursive: true });
    const inTheWay = join(dir, content.name, "first.bin");
    const theirs = Buffer.alloc(5 * 1024 * KiB, "theirs ");
    await writeFile(inTheWay, theirs);
    const peer = await startPeer(bench().launcher, "peer", dir);
    expect((await peer.exited).code).toBe(1);
    expect(await said(peer)).toContain(inTheWay);
    expect((await readFile(inTheWay)).equals(theirs)).toBe(true);
  });

  it("when it may not write there", async () => {
    const dir = join(bench().dir, "leecher");
    await startSeed();
    const peer = await startPeer(await withoutPermission(dir), "peer", dir);
    expect((await peer.exited).code).toBe(1);
    expect(await said(peer)).toContain("CT_ERR_PERMISSION");
    expect(await said(peer)).toContain(dir);
  });
});

/** Some faults show only when there is something to write: a tracker and a seed, and `torrent` is one they share. */
async function startSeed(): Promise<void> {
  const { launcher, dir } = bench();
  const tracker = await startTrackerProcess(launcher, { ases: [AS1], policy: "bittorrent" });
  torrent = join(dir, "tracked.torrent");
  await createTorrent(content, tracker.announceUrl, torrent);
  await (await startPeer(launcher, "seed", content.parent, "127.1.0.1:0")).waitFor("listening");
}

/** A launcher whose programs may not write in `dir`. No mode keeps root out, but a read-only file system does. */
async function withoutPermission(dir: string): Promise<Launcher> {
  if (isRoot) return onFileSystem(dir, "ro");
  await mkdir(dir);
  await chmod(dir, 0o500);
  return bench().launcher;
}

/** A launcher whose programs see a memory file system of their own at `dir`; it goes when they end. */
async function onFileSystem(dir: string, options: string): Promise<Launcher> {
  const { launcher } = bench();
  await mkdir(dir, { recursive: true });
  const program = join(bench().dir, "on-file-system");
  const script = `mount -t tmpfs -o ${options} tmpfs '${dir}' && exec '${launcher.program}' "$@"`;
  await writeFile(
    program,
    `#!/bin/sh\nexec unshare --mount sh -c '${script.replaceAll("'", `'\\''`)}' sh "$@"\n`,
  );
  await chmod(program, 0o755);
  return { ...launcher, program };
}

describe("a port that is taken", () => {
  it("ends a peer, which names it and touches nothing", async () => {
    const { dir, launcher } = bench();
    const port = await freePort("127.1.0.1");
    const listen = `127.1.0.1:${port}`;
    await (await startPeer(launcher, "first", content.parent, listen)).waitFor("listening");
    const second = await startPeer(launcher, "second", join(dir, "leecher"), listen);
    expect((await second.exited).code).toBe(1);
    expect(await said(second)).toContain("CT_ERR_PORT_TAKEN");
    expect(await said(second)).toContain(listen);
    await expectEqualContent(content, content.parent);
  });

  it("ends a tracker, which names it", async () => {
    const { launcher } = bench();
    const listen = `127.0.0.1:${await freePort("127.0.0.1")}`;
    await startTrackerProcess(launcher, { listen, ases: [AS1], policy: "bittorrent" });
    const second = await launch(launcher, "second tracker", ["tracker", "--listen", listen]);
    expect((await second.exited).code).toBe(1);
    expect(await said(second)).toContain("CT_ERR_PORT_TAKEN");
    expect(await said(second)).toContain(listen);
  });
});
