import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import {
  createTorrentFile,
  FileStorage,
  loadMetainfo,
  type Metainfo,
  verifyOnDisk,
} from "@cachetorrent/peer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeContent } from "./support/torrents.ts";

const TRACKER = "http://tracker.example/announce";
const PYTHON = "/usr/bin/python3";
/** File borders inside pieces, names that need care; 64 KiB pieces are the least that all three makers can make. */
const CONTENT = { "b/second part.bin": 70_000, ".hidden": 5, "été/日本語.txt": 300_001, "z.bin": 200_000 };
const PIECE_LENGTH = 64 * 1024;

const MAKE = `
import sys, libtorrent as lt
source, out, flags = sys.argv[1], sys.argv[2], int(sys.argv[3])
files = lt.file_storage()
lt.add_files(files, source)
torrent = lt.create_torrent(files, ${PIECE_LENGTH}, flags)
torrent.add_tracker("${TRACKER}")
lt.set_piece_hashes(torrent, source.rsplit("/", 1)[0])
open(out, "wb").write(lt.bencode(torrent.generate()))
`;
const V1_ONLY = 64;
const V2_ONLY = 32;

let dir: string;
const tree = () => path.join(dir, "tree");
const single = () => path.join(dir, "single.bin");
const torrent = (name: string) => path.join(dir, `${name}.torrent`);

beforeAll(async () => {
  dir = await mkdtemp(path.join(tmpdir(), "cachetorrent-makers-"));
  await writeContent(dir, { name: "tree", content: CONTENT });
  await writeContent(dir, { name: "single.bin", content: 1_000_001 });
});

afterAll(() => rm(dir, { recursive: true, force: true }));

/** Whether all of the torrent's content is found in the directory that it was made from. */
async function verifies(metainfo: Metainfo): Promise<boolean> {
  const storage = await FileStorage.open(metainfo, dir);
  try {
    return (await verifyOnDisk(metainfo, storage)).isFull;
  } finally {
    await storage.close();
  }
}

const filesOf = (metainfo: Metainfo) =>
  metainfo.files.filter((file) => !file.pad).map((file) => file.path.join("/"));

/** Makers that are not installed are left out, by name. */
function describeMaker(
  name: string,
  probe: readonly [command: string, ...args: string[]],
  tests: () => void,
) {
  const [command, ...args] = probe;
  try {
    execFileSync("sh", ["-c", `command -v ${command}`], { stdio: "ignore" });
    if (args.length > 0) execFileSync(command, args, { stdio: "ignore" });
  } catch {
    console.warn(`left out: torrents made by ${name}: it is not installed`);
    describe.skip(`${name} (left out: not installed)`, tests);
    return;
  }
  describe(name, tests);
}

describeMaker("mktorrent", ["mktorrent"], () => {
  test("a tree and a single file, with tiers of trackers, a comment and the private flag", async () => {
    const second = "udp://b.example:80";
    const options = ["-p", "-c", "hello", "-l", "16", "-a", TRACKER, "-a", second];
    execFileSync("mktorrent", [...options, "-o", torrent("mk-tree"), tree()], { stdio: "pipe" });
    execFileSync("mktorrent", ["-l", "16", "-a", TRACKER, "-o", torrent("mk-single"), single()], {
      stdio: "pipe",
    });
    const metainfo = await loadMetainfo(torrent("mk-tree"));
    expect(metainfo).toMatchObject({ isPrivate: true, comment: "hello", trackers: [[TRACKER], [second]] });
    expect(filesOf(metainfo).sort()).toEqual(
      Object.keys(CONTENT)
        .map((file) => `tree/${file}`)
        .sort(),
    );
    expect(await verifies(metainfo)).toBe(true);
    expect(await verifies(await loadMetainfo(torrent("mk-single")))).toBe(true);
  });
});

describeMaker("transmission-create", ["transmission-create"], () => {
  test("a tree and a single file", async () => {
    for (const [name, source] of [
      ["tr-tree", tree()],
      ["tr-single", single()],
    ] as const) {
      const options = ["-s", String(PIECE_LENGTH / 1024), "-t", TRACKER, "-o", torrent(name)];
      execFileSync("transmission-create", [...options, source], { stdio: "pipe" });
      const metainfo = await loadMetainfo(torrent(name));
      expect(metainfo).toMatchObject({ trackers: [[TRACKER]], pieceLength: PIECE_LENGTH });
      expect(await verifies(metainfo)).toBe(true);
    }
  });
});

describeMaker("libtorrent", [PYTHON, "-c", "import libtorrent"], () => {
  const make = (name: string, source: string, flags: number) => {
    execFileSync(PYTHON, ["-c", MAKE, source, torrent(name), String(flags)], { stdio: "pipe" });
    return torrent(name);
  };
  /** What libtorrent itself takes for the v1 info-hash. */
  const theirInfoHash = (file: string) =>
    execFileSync(PYTHON, [
      "-c",
      "import sys, libtorrent as lt; print(lt.torrent_info(sys.argv[1]).info_hashes().v1)",
      file,
    ])
      .toString()
      .trim();

  test("hybrid by default: used by its v1 part, its padding not on disk", async () => {
    const file = make("lt-hybrid", tree(), 0);
    const metainfo = await loadMetainfo(file);
    expect(metainfo).toMatchObject({ isHybrid: true, infoHash: theirInfoHash(file) });
    expect(metainfo.files.some((file) => file.pad)).toBe(true);
    expect(filesOf(metainfo)).not.toContainEqual(expect.stringContaining(".pad"));
    expect(await verifies(metainfo)).toBe(true);
  });

  test("v1 only", async () => {
    const file = make("lt-v1", tree(), V1_ONLY);
    const metainfo = await loadMetainfo(file);
    expect(metainfo).toMatchObject({ isHybrid: false, infoHash: theirInfoHash(file) });
    expect(await verifies(metainfo)).toBe(true);
  });

  test.each(["tree", "single.bin"])("v2 only is refused by name: %s", async (source) => {
    const file = make(`lt-v2-${source}`, path.join(dir, source), V2_ONLY);
    await expect(loadMetainfo(file)).rejects.toMatchObject({
      code: "CT_ERR_TORRENT_V2_ONLY",
      message: expect.stringContaining(file),
    });
  });

  test("it reads what ours makes, with the same info-hash and files", async () => {
    const { bytes, metainfo } = await createTorrentFile({
      path: tree(),
      trackers: [TRACKER],
      isPrivate: true,
    });
    const script =
      "import sys, libtorrent as lt; t = lt.torrent_info(lt.bdecode(sys.stdin.buffer.read()));" +
      " print(t.info_hashes().v1, t.total_size(), t.priv(), t.num_files(), [x.url for x in t.trackers()])";
    const said = execFileSync(PYTHON, ["-c", script], { input: bytes }).toString().trim();
    expect(said).toBe(`${metainfo.infoHash} ${metainfo.length} True 4 ['${TRACKER}']`);
  });
});
