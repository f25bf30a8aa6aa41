import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { CtError, encodeBencode } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadMetainfo, parseMetainfo, pieceSize } from "../src/metainfo/metainfo.ts";
import {
  FIXTURES,
  KIB,
  noise,
  sha1,
  temporaryDirectory,
  torrentOf,
  torrentOfPaths,
  torrentWith,
} from "./support/torrents.ts";

const hex = (bytes: Uint8Array) => Buffer.from(bytes).toString("hex");

describe("real torrents", () => {
  it.each([
    ["leaves", "d2474e86c95b19b8bcfdb92bc12c9d44667cfa36", 23, 1],
    ["alice", "722fe65b2aa26d14f35b4ad627d20236e481d924", 10, 1],
    ["numbers", "89d97c2261a21b040cf11caa661a3ba7233bb7e6", 1, 3],
    ["folder", "b88da2caac6648e6c7d7687e3f89085f7e230e6b", 1, 1],
    ["lots-of-numbers", "114ead6243792ba56297edbb9a78dfba84d4fc00", 1, 6],
    ["sintel", "c334138ef5bfc2d568ea7324e0e2a3a7ec229bdd", 1310, 1],
    ["bunny", "af8f10f30bf9aefecf3686922bfa0d5bd290a395", 830, 1],
  ])("%s is read", async (name, infoHash, pieceCount, fileCount) => {
    const metainfo = await loadMetainfo(join(FIXTURES, `${name}.torrent`));
    expect(metainfo).toMatchObject({ infoHash, pieceCount });
    expect(metainfo.files).toHaveLength(fileCount);
    expect(metainfo.hashes).toHaveLength(20 * pieceCount);
  });

  it("a torrent without a name is refused, and the file is named", async () => {
    const path = join(FIXTURES, "corrupt.torrent");
    await expect(loadMetainfo(path)).rejects.toThrow(`${path}: has no name`);
  });

  it("sintel is over 4 GiB, and its last piece is short", async () => {
    const sintel = await loadMetainfo(join(FIXTURES, "sintel.torrent"));
    expect(sintel.length).toBe(5_490_455_272);
    expect(pieceSize(sintel, 0)).toBe(4 * KIB * KIB);
    expect(pieceSize(sintel, 1309)).toBe(5_490_455_272 - 1309 * 4 * KIB * KIB);
    expect(() => pieceSize(sintel, 1310)).toThrow(RangeError);
  });

  it("a creation date in milliseconds is understood", async () => {
    const alice = await loadMetainfo(join(FIXTURES, "alice.torrent"));
    expect(alice.createdAt?.getUTCFullYear()).toBe(2016);
  });
});

describe("what a torrent says", () => {
  it("is hashed as it was written, not as it would be encoded again", async () => {
    const info = Buffer.concat([
      Buffer.from("d4:name1:x5:extra3:abc6:lengthi5e12:piece lengthi16384e6:pieces20:"),
      new Uint8Array(20),
      Buffer.from("e"),
    ]); // keys out of order: a re-encoding sorts them
    const bytes = Buffer.concat([Buffer.from("d4:info"), info, Buffer.from("e")]);
    expect((await parseMetainfo(bytes, "unsorted")).infoHash).toBe(hex(sha1(info)));
  });

  it("files come with their place in the pieces' bytes, zero-length ones too", async () => {
    const { metainfo } = await torrentOf([
      { path: ["a"], content: noise(10) },
      { path: ["empty"], content: new Uint8Array() },
      { path: ["sub", "b"], content: noise(20_000) },
    ]);
    expect(metainfo.files).toEqual([
      { path: ["torrent", "a"], offset: 0, length: 10, pad: false },
      { path: ["torrent", "empty"], offset: 10, length: 0, pad: false },
      { path: ["torrent", "sub", "b"], offset: 10, length: 20_000, pad: false },
    ]);
  });

  it("has a hash for each piece, however many there are", async () => {
    const [pieceCount, pieceLength] = [409_600, 256 * KIB];
    const hashes = Buffer.from(Uint32Array.from({ length: pieceCount * 5 }, (_, n) => n).buffer);
    const length = pieceCount * pieceLength - 1;
    const bytes = encodeBencode({
      info: { name: "huge", length, "piece length": pieceLength, pieces: hashes },
    });
    const metainfo = await parseMetainfo(bytes, "huge.torrent");
    expect(metainfo).toMatchObject({ length, pieceCount, pieceLength });
    expect(hashes.equals(metainfo.hashes)).toBe(true);
    expect(metainfo.infoHash).toBe(hex(sha1(metainfo.info)));
    expect(pieceSize(metainfo, pieceCount - 1)).toBe(pieceLength - 1);
  });

  it("pad files may share one name, and symbolic links are not made", async () => {
    const { metainfo } = await torrentOf([
      { path: ["a"], content: noise(10) },
      { path: [".pad", "7"], content: new Uint8Array(7), attr: "p" },
      { path: ["b"], content: noise(10) },
      { path: [".pad", "7"], content: new Uint8Array(7), attr: "p" },
      { path: ["link"], content: new Uint8Array(), attr: "l" },
    ]);
    expect(metainfo.files.map((file) => file.pad)).toEqual([false, true, false, true, true]);
  });

  it("UTF-8 names win over names in an old code page", async () => {
    const bytes = torrentWith({
      name: Uint8Array.of(0xe9),
      "name.utf-8": "été",
      length: undefined,
      files: [{ length: 20_000, path: [Uint8Array.of(0xe9)], "path.utf-8": ["été.txt"] }],
    });
    const { name, files } = await parseMetainfo(bytes, "old");
    expect(name).toBe("été");
    expect(files[0]?.path).toEqual(["été", "été.txt"]);
  });

  it("two names that are not UTF-8 stay two names", async () => {
    const bytes = torrentOfPaths([{ path: [Uint8Array.of(0xe9)] }, { path: [Uint8Array.of(0xe8)] }]);
    const { files } = await parseMetainfo(bytes, "old");
    expect(files.map((file) => file.path[1])).toEqual(["é", "è"]);
  });

  it("odd names are names", async () => {
    const odd = [
      "con",
      "ends in a dot.",
      " ",
      "...",
      "..x",
      "a\\b",
      "new\nline",
      "-rf",
      "日本語",
      "a".repeat(255),
    ];
    const bytes = torrentOfPaths([...odd, "constructor", "CON"].map((name) => ({ path: [name] })));
    const { files } = await parseMetainfo(bytes, "odd");
    expect(files.map((file) => file.path[1])).toEqual([...odd, "constructor", "CON"]);
  });

  it("trackers come in tiers, each once; a flat list is read as tiers of one", async () => {
    const trackersOf = async (outside: Record<string, Parameters<typeof encodeBencode>[0]>) =>
      (await parseMetainfo(torrentWith({}, outside), "t")).trackers;
    expect(await trackersOf({})).toEqual([]);
    expect(await trackersOf({ announce: "http://a/" })).toEqual([["http://a/"]]);
    expect(
      await trackersOf({
        announce: "http://z/",
        "announce-list": [["http://a/", "http://b/"], ["http://a/"]],
      }),
    ).toEqual([["http://a/", "http://b/"]]);
    expect(await trackersOf({ "announce-list": ["http://a/", "udp://b/"] })).toEqual([
      ["http://a/"],
      ["udp://b/"],
    ]);
    expect(await trackersOf({ announce: 7, "announce-list": [[1], []] })).toEqual([]);
  });

  it("the private flag, comment and maker are kept; ill-typed ones do not matter", async () => {
    const good = torrentWith({ private: 1 }, { comment: "hello", "created by": "me", "creation date": 1 });
    expect(await parseMetainfo(good, "t")).toMatchObject({
      isPrivate: true,
      comment: "hello",
      createdBy: "me",
      createdAt: new Date(1000),
    });
    const bad = torrentWith(
      { private: "1" },
      { comment: 5, "created by": [], "url-list": 7, "creation date": -9 },
    );
    const metainfo = await parseMetainfo(bad, "t");
    expect(metainfo.isPrivate).toBe(false);
    expect(metainfo).not.toHaveProperty("comment");
  });

  it("a hybrid torrent is used by its v1 part", async () => {
    const bytes = torrentWith({ "meta version": 2, "file tree": { "file.bin": { "": { length: 20_000 } } } });
    expect(await parseMetainfo(bytes, "t")).toMatchObject({ isHybrid: true, pieceCount: 2 });
  });
});

describe("what is refused, by the name of the file and the fault", () => {
  const nested = (depth: number) => Buffer.from(`d4:info${"l".repeat(depth)}${"e".repeat(depth)}e`);
  const path = (...path: string[]) => torrentOfPaths([{ path }]);
  const paths = (...all: string[]) => torrentOfPaths(all.map((each) => ({ path: each.split("/") })));
  const html = Buffer.from("\n<!DOCTYPE html><html></html>");

  it.each<[string, Uint8Array, string, RegExp]>([
    ["an empty file", new Uint8Array(), "CT_ERR_TORRENT", /is empty/],
    ["a web page", html, "CT_ERR_TORRENT", /web page/],
    ["a magnet link", Buffer.from("magnet:?xt=urn:btih:00"), "CT_ERR_TORRENT", /magnet link/],
    ["a gzip file", Uint8Array.of(0x1f, 0x8b, 8), "CT_ERR_TORRENT", /gzip/],
    [
      "20 bytes, which parse-torrent takes for an info-hash",
      noise(20),
      "CT_ERR_TORRENT",
      /is not a torrent; .*: cachetorrent create FILE --tracker URL$/,
    ],
    ["content", Buffer.from("dear reader"), "CT_ERR_TORRENT", /is not a torrent; .*cachetorrent create/],
    ["half a torrent", Buffer.from("d4:infod"), "CT_ERR_TORRENT", /not valid bencode: ends in the middle/],
    ["100,000-deep nesting", nested(100_000), "CT_ERR_TORRENT", /nested deeper/],
    ["bytes after the end", Buffer.concat([torrentWith({}), html]), "CT_ERR_TORRENT", /after the end/],
    ["a list", Buffer.from("le"), "CT_ERR_TORRENT", /expected a dictionary/],
    ["no info", encodeBencode({ announce: "x" }), "CT_ERR_TORRENT", /no info/],
    ["no pieces", torrentWith({ pieces: undefined }), "CT_ERR_TORRENT", /no piece hashes/],
    ["half a hash", torrentWith({ pieces: new Uint8Array(30) }), "CT_ERR_TORRENT", /multiple of 20/],
    ["a hash too many", torrentWith({ pieces: new Uint8Array(60) }), "CT_ERR_TORRENT", /3 pieces.*are 2/],
    ["no hash at all", torrentWith({ pieces: "" }), "CT_ERR_TORRENT", /0 pieces.*are 2/],
    ["a negative length", torrentWith({ length: -1 }), "CT_ERR_TORRENT", /no valid length/],
    ["a length beyond 2^53", Buffer.from("d4:infod6:lengthi99999999999999999eee"), "CT_ERR_TORRENT", /2\^53/],
    ["a huge length", torrentWith({ length: Number.MAX_SAFE_INTEGER }), "CT_ERR_TORRENT", /2 pieces/],
    [
      "lengths that are huge together",
      torrentWith({
        length: undefined,
        files: ["a", "b"].map((name) => ({ path: [name], length: Number.MAX_SAFE_INTEGER })),
      }),
      "CT_ERR_TORRENT",
      /longer than 2\^53/,
    ],
    ["no length", torrentWith({ length: undefined }), "CT_ERR_TORRENT", /no valid length/],
    ["an empty list of files", torrentWith({ files: [] }), "CT_ERR_TORRENT", /empty list/],
    ["files that are no list", torrentWith({ files: 5 }), "CT_ERR_TORRENT", /empty list/],
    ["a file without a path", torrentWith({ files: [{ length: 1 }] }), "CT_ERR_TORRENT", /no path of file 1/],
    [
      "a file without a length",
      torrentWith({ files: [{ path: ["a"] }] }),
      "CT_ERR_TORRENT",
      /length of file 1/,
    ],
    ["a path of numbers", torrentWith({ files: [{ length: 1, path: [1] }] }), "CT_ERR_TORRENT", /no path/],
    ["no piece length", torrentWith({ "piece length": undefined }), "CT_ERR_TORRENT", /no piece length/],
    ["a piece length of 0", torrentWith({ "piece length": 0 }), "CT_ERR_TORRENT", /pieces of 0 bytes/],
    ["tiny pieces", torrentWith({ "piece length": 8 * KIB }), "CT_ERR_TORRENT", /pieces of 8192 bytes/],
    ["giant pieces", torrentWith({ "piece length": 2 ** 25 }), "CT_ERR_TORRENT", /pieces of 33554432 bytes/],
    ["an empty name", torrentWith({ name: "" }), "CT_ERR_TORRENT", /no name/],
    ["a name that leads up", torrentWith({ name: ".." }), "CT_ERR_UNSAFE_PATH", /"\.\."/],
    ["an absolute name", torrentWith({ name: "/etc/passwd" }), "CT_ERR_UNSAFE_PATH", /slash/],
    ["a path that leads up", path("a", "..", "..", "b"), "CT_ERR_UNSAFE_PATH", /"\.\."/],
    ["a path with a dot", path("a", ".", "b"), "CT_ERR_UNSAFE_PATH", /"\."/],
    ["a slash in a name", path("a/../../b"), "CT_ERR_UNSAFE_PATH", /slash/],
    ["an empty component", path("a", "", "b"), "CT_ERR_UNSAFE_PATH", /empty name/],
    ["a NUL byte", path("a\0b"), "CT_ERR_UNSAFE_PATH", /NUL/],
    ["a name of 256 bytes", path("é".repeat(128)), "CT_ERR_UNSAFE_PATH", /256 bytes/],
    ["an endless path", path(...new Array(3000).fill("ab")), "CT_ERR_UNSAFE_PATH", /path of \d+ bytes/],
    [
      "our own record's name",
      torrentWith({ name: `.${"a".repeat(40)}.cachetorrent` }),
      "CT_ERR_UNSAFE_PATH",
      /keeps/,
    ],
    ["one name twice", paths("a/b", "c", "a/b"), "CT_ERR_TORRENT", /"dir\/a\/b" is named twice/],
    ["a file that is a directory too", paths("a", "a/b"), "CT_ERR_TORRENT", /"dir\/a" is both/],
    ["a directory that is a file too", paths("a/b/c", "a/b"), "CT_ERR_TORRENT", /"dir\/a\/b" is both/],
    [
      "a v2-only torrent",
      torrentWith({ pieces: undefined, length: undefined, "meta version": 2, "file tree": {} }),
      "CT_ERR_TORRENT_V2_ONLY",
      /BitTorrent v2/,
    ],
  ])("%s", async (_, bytes, code, fault) => {
    const error = await parseMetainfo(bytes, "some/file.torrent").catch((error: unknown) => error);
    expect(error).toBeInstanceOf(CtError);
    expect(error).toMatchObject({ code, message: expect.stringMatching(fault) });
    expect((error as CtError).message).toMatch(/^some\/file\.torrent: /);
  });

  it("a file that is not there, a directory, and one of more than 64 MiB", async () => {
    const directory = await temporaryDirectory();
    const huge = join(directory, "huge.torrent");
    await writeFile(huge, Buffer.concat([Buffer.from("d4:info"), new Uint8Array(65 * KIB * KIB)]));
    await expect(loadMetainfo(join(directory, "none.torrent"))).rejects.toThrow(
      /none\.torrent: .*no such file/,
    );
    await expect(loadMetainfo(directory)).rejects.toThrow(directory);
    await expect(loadMetainfo(huge)).rejects.toThrow(/huge\.torrent: .*more than 67108864/);
  });

  it("every truncation, and every spoilt byte that still parses keeps all rules", async () => {
    const { bytes } = await torrentOf([
      { path: ["a", "b"], content: noise(20_000) },
      { path: ["c"], content: noise(30_000) },
    ]);
    const outcome = (bytes: Uint8Array) => parseMetainfo(bytes, "spoilt").catch((error: unknown) => error);
    for (let length = 0; length < bytes.length; length++) {
      expect(await outcome(bytes.subarray(0, length))).toBeInstanceOf(CtError);
    }
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 1), fc.nat(255), async (at, byte) => {
        const spoilt = bytes.slice();
        spoilt[at] = byte;
        const metainfo = await outcome(spoilt);
        if (metainfo instanceof CtError) return;
        const { files, length, pieceLength, pieceCount, hashes } = metainfo as Awaited<
          ReturnType<typeof parseMetainfo>
        >;
        expect(hashes.length).toBe(20 * pieceCount);
        expect(pieceCount).toBe(Math.ceil(length / pieceLength));
        expect(files.reduce((sum, file) => sum + file.length, 0)).toBe(length);
      }),
    );
  });
});
