import { execFileSync } from "node:child_process";
import { mkdir, symlink, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { decodeBencodeDict, unwrap } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FileStorage } from "../src/disk/file-storage.ts";
import { verifyOnDisk } from "../src/disk/verifier.ts";
import { type CreateOptions, createTorrentFile } from "../src/metainfo/create.ts";
import { loadMetainfo, type Metainfo, parseMetainfo } from "../src/metainfo/metainfo.ts";
import { FIXTURES, KIB, noise, temporaryDirectory } from "./support/torrents.ts";

const TRACKER = "http://tracker.example/announce";

const create = (path: string, options: Partial<CreateOptions> = {}) =>
  createTorrentFile({ path, trackers: [TRACKER], ...options });

async function given(files: Readonly<Record<string, Uint8Array | string>>, name = "given"): Promise<string> {
  const root = join(await temporaryDirectory(), name);
  await mkdir(root);
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), content);
  }
  return root;
}

async function verified(metainfo: Metainfo, path: string): Promise<boolean> {
  const storage = await FileStorage.open(metainfo, dirname(path));
  const pieces = await verifyOnDisk(metainfo, storage);
  await storage.close();
  return pieces.isFull;
}

const paths = (metainfo: Metainfo) => metainfo.files.map((file) => file.path.join("/"));

describe("a torrent of", () => {
  it.each([
    ["alice", "alice.txt"],
    ["leaves", "Leaves of Grass by Walt Whitman.epub"],
    ["numbers", "numbers"],
    ["folder", "folder"],
    ["lots-of-numbers", "lots-of-numbers"],
  ])("%s has the info-hash that other makers give it", async (name, content) => {
    const theirs = await loadMetainfo(join(FIXTURES, `${name}.torrent`));
    const { metainfo } = await create(join(FIXTURES, content), { pieceLength: theirs.pieceLength });
    expect(metainfo.infoHash).toBe(theirs.infoHash);
  });

  it("any files is read back and verifies", async () => {
    const name = fc.oneof(
      fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 }),
      fc.constantFrom(".hidden", "con", "-rf", "two\nlines", "back\\slash", " ", "日本語", "x".repeat(200)),
    );
    const isName = (name: string) => !/^\.{1,2}$|[/\0]/.test(name) && name.isWellFormed();
    const path = fc.array(name.filter(isName), { minLength: 1, maxLength: 3 });
    const size = fc.oneof(fc.constantFrom(0, 1, 16 * KIB, 32 * KIB), fc.nat(50 * KIB));
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(
          path.map((each) => each.join("/")),
          size,
          { minKeys: 1, maxKeys: 6 },
        ),
        fc.constantFrom(16 * KIB, 32 * KIB),
        async (sizes, pieceLength) => {
          const entries = Object.entries(sizes).map(
            ([path, size], seed) => [path, noise(size, seed)] as const,
          );
          const files: Record<string, Uint8Array> = {};
          for (const [path, content] of entries) {
            const clashes = Object.keys(files).some(
              (other) => `${other}/`.startsWith(`${path}/`) || `${path}/`.startsWith(`${other}/`),
            );
            if (!clashes) files[path] = content;
          }
          fc.pre(Object.values(files).some((content) => content.length > 0));
          const root = await given(files);
          const { bytes, metainfo } = await create(root, { pieceLength });
          expect(paths(metainfo).sort()).toEqual(
            Object.keys(files)
              .map((path) => `given/${path}`)
              .sort(),
          );
          expect(await parseMetainfo(bytes, "created")).toEqual(metainfo);
          expect(await verified(metainfo, root)).toBe(true);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("a directory of one file stays a directory", async () => {
    const root = await given({ "only.txt": "content" });
    const { metainfo } = await create(root);
    expect(paths(metainfo)).toEqual(["given/only.txt"]);
    expect(await verified(metainfo, root)).toBe(true);
  });

  it("hidden files, empty files and linked files takes all in; the litter of file managers stays out, and is told", async () => {
    const root = await given({
      ".env": "a",
      "b/.git/x": "b",
      "b/empty": "",
      "b/.DS_Store": "junk",
      "Thumbs.db": "junk",
    });
    await symlink("b/.git/x", join(root, "link"));
    const { metainfo, leftOut } = await create(root);
    expect(paths(metainfo)).toEqual(["given/.env", "given/b/.git/x", "given/b/empty", "given/link"]);
    expect(leftOut).toEqual(["Thumbs.db", "b/.DS_Store"]);
    expect(metainfo.files.at(-1)?.length).toBe(1);
  });

  it("the same files has the same info-hash, whatever the tracker, comment or time", async () => {
    const root = await given({ z: "1", a: "2", "m/b": "3" });
    const first = await create(root, { comment: "one", createdAt: new Date(0) });
    const second = await create(`${root}/`, {
      trackers: ["udp://other.example:80"],
      createdAt: new Date(1e12),
    });
    expect(first.metainfo.infoHash).toBe(second.metainfo.infoHash);
    expect(paths(first.metainfo)).toEqual(["given/a", "given/m/b", "given/z"]);
    expect((await create(root, { isPrivate: true })).metainfo.infoHash).not.toBe(first.metainfo.infoHash);
  });
});

describe("what is asked for is in it", () => {
  it("trackers, each a tier of its own, the private flag and the comment", async () => {
    const trackers = [TRACKER, "https://b.example/announce", "udp://[2001:db8::1]:6969"];
    const options = { trackers, isPrivate: true, comment: "for you", createdAt: new Date(1e12) };
    const { metainfo } = await create(await given({ a: "1" }), options);
    expect(metainfo).toMatchObject({
      trackers: trackers.map((tracker) => [tracker]),
      isPrivate: true,
      comment: "for you",
      createdAt: new Date(1e12),
    });
  });

  it("without trackers there are none: the library's public ones stay out", async () => {
    const { bytes, metainfo } = await create(await given({ a: "1" }), { trackers: [] });
    expect(metainfo.trackers).toEqual([]);
    expect(Object.keys(unwrap(decodeBencodeDict(bytes))).filter((key) => key.startsWith("announce"))).toEqual(
      [],
    );
  });

  it("the piece length grows with the content, so that there are 2,048 pieces at most", async () => {
    const root = await given({ a: "1" });
    expect((await create(root)).metainfo.pieceLength).toBe(16 * KIB);
    await truncate(join(root, "a"), 32 * KIB * KIB + 1);
    expect((await create(root)).metainfo.pieceLength).toBe(32 * KIB);
    expect((await create(root, { pieceLength: 16 * KIB * KIB })).metainfo.pieceCount).toBe(3);
  });

  it("progress ends at the whole", async () => {
    const seen: [number, number][] = [];
    const root = await given({ a: noise(40 * KIB), b: noise(10 * KIB) });
    await create(root, { pieceLength: 16 * KIB, onProgress: (done, total) => seen.push([done, total]) });
    expect(seen).toHaveLength(4);
    expect(seen.at(-1)).toEqual([50 * KIB, 50 * KIB]);
  });
});

describe("what cannot be is refused by name", () => {
  const usage = (fault: RegExp) => ({ code: "CT_ERR_USAGE", message: expect.stringMatching(fault) });

  it("a path that is not there, or that has no name", async () => {
    await expect(create("/no/such/path")).rejects.toMatchObject(usage(/^\/no\/such\/path: there is no such/));
    await expect(create("/")).rejects.toMatchObject(usage(/^\/: a torrent needs a name/));
  });

  it("an empty directory, one of empty files, and an empty file", async () => {
    const root = await given({});
    await expect(create(root)).rejects.toMatchObject(usage(/given: there is nothing in it/));
    await writeFile(join(root, "a"), "");
    await expect(create(root)).rejects.toMatchObject(usage(/given: there is nothing in it/));
    await expect(create(join(root, "a"))).rejects.toMatchObject(usage(/given\/a: the file is empty/));
  });

  it.each([0, 1, 8 * KIB, 16 * KIB + 1, 24 * KIB, 32 * KIB * KIB, Number.NaN, -16384])(
    "a piece length of %s",
    async (pieceLength) => {
      const path = join(FIXTURES, "alice.txt");
      await expect(create(path, { pieceLength })).rejects.toMatchObject(usage(/^piece length /));
    },
  );

  it.each(["", "tracker", "ftp://a/", "wss://a/", "http://", "file:///etc/passwd"])(
    "a tracker %j",
    async (tracker) => {
      const path = join(FIXTURES, "alice.txt");
      await expect(create(path, { trackers: [TRACKER, tracker] })).rejects.toMatchObject(usage(/^tracker "/));
    },
  );

  it("a FIFO, a broken link, a link that leads back up, and a name that is not UTF-8", async () => {
    const root = await given({ a: "1" });
    execFileSync("mkfifo", [join(root, "fifo")]);
    await expect(create(root)).rejects.toMatchObject(usage(/fifo: is neither a file nor a directory/));
    const broken = await given({ a: "1" });
    await symlink("nowhere", join(broken, "link"));
    await expect(create(broken)).rejects.toMatchObject(usage(/link: there is no such file/));
    const loop = await given({ "a/b": "1" });
    await symlink("..", join(loop, "a", "up"));
    await expect(create(loop)).rejects.toMatchObject(usage(/a\/up: .*leads back/));
    const latin1 = await given({ a: "1" });
    await writeFile(Buffer.concat([Buffer.from(`${latin1}/`), Uint8Array.of(0xe9)]), "1");
    await expect(create(latin1)).rejects.toMatchObject(usage(/is not UTF-8/));
  });
});
