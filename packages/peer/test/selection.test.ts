import { PieceSet } from "@cachetorrent/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fileChooser, selectFiles } from "../src/selection/patterns.ts";
import { FILE_PRIORITIES, type FilePriority, Selection } from "../src/selection/selection.ts";
import { Wanted } from "../src/selection/wanted.ts";
import { KIB, noise, torrentOf } from "./support/torrents.ts";

const PIECE = 16 * KIB;

/** Five pieces: a is in 0 and 1, b in 1, the empty one in none, c in 1 to 4. */
const someFiles = async () =>
  (
    await torrentOf([
      { path: ["a.txt"], content: noise(PIECE + 100, 1) },
      { path: ["sub", "b.iso"], content: noise(200, 2) },
      { path: ["sub", "empty"], content: new Uint8Array() },
      { path: ["sub", "deep", "c.iso"], content: noise(3 * PIECE, 3) },
    ])
  ).metainfo;

const wantedPieces = (selection: Selection) =>
  [...selection.ranks.keys()].filter((piece) => selection.isWanted(piece));

describe("a selection of files", () => {
  it("wants everything unless said", async () => {
    const selection = new Selection(await someFiles());
    expect(selection.isEverything).toBe(true);
    expect(wantedPieces(selection)).toEqual([0, 1, 2, 3, 4]);
    expect(selection.ranksInUse).toHaveLength(1);
  });

  it("wants a piece that a wanted and a skipped file share, and none that only skipped ones have", async () => {
    const metainfo = await someFiles();
    expect(wantedPieces(new Selection(metainfo, new Map([[0, "skip"]])))).toEqual([1, 2, 3, 4]);
    expect(wantedPieces(new Selection(metainfo, new Map([[3, "skip"]])))).toEqual([0, 1]);
    const onlyB = new Map<number, FilePriority>([
      [0, "skip"],
      [3, "skip"],
    ]);
    expect(wantedPieces(new Selection(metainfo, onlyB))).toEqual([1]);
  });

  it("gives a piece the highest of its files' priorities", async () => {
    const ranks = new Selection(
      await someFiles(),
      new Map<number, FilePriority>([
        [0, "low"],
        [1, "high"],
      ]),
    ).ranks;
    expect([...ranks].map((rank) => FILE_PRIORITIES[rank])).toEqual([
      "low",
      "high",
      "normal",
      "normal",
      "normal",
    ]);
  });

  it("lets padding go with the file before it", async () => {
    const { metainfo } = await torrentOf([
      { path: ["a"], content: noise(100, 1) },
      { path: [".pad", "0"], content: new Uint8Array(2 * PIECE - 100), attr: "p" },
      { path: ["b"], content: noise(100, 2) },
    ]);
    expect(wantedPieces(new Selection(metainfo, new Map([[0, "skip"]])))).toEqual([2]);
    expect(wantedPieces(new Selection(metainfo, new Map([[2, "skip"]])))).toEqual([0, 1]);
  });

  it("of no file, or with no such priority, is refused", async () => {
    const metainfo = await someFiles();
    expect(() => new Selection(metainfo, new Map([[4, "skip"]]))).toThrow("no file 4 of 4");
    expect(() => new Selection(metainfo, new Map([[0, "never" as FilePriority]]))).toThrow(
      "no priority never",
    );
  });
});

describe("what is wanted", () => {
  it("of any files and pieces held, is what a selected file has a part in and is not held", async () => {
    const metainfo = await someFiles();
    const priority = fc.constantFrom(...FILE_PRIORITIES);
    fc.assert(
      fc.property(
        fc.array(priority, { minLength: 4, maxLength: 4 }),
        fc.subarray([0, 1, 2, 3, 4]),
        (files, held) => {
          const have = new PieceSet(metainfo.pieceCount);
          for (const piece of held) have.add(piece);
          const selection = new Selection(metainfo, new Map(files.entries()));
          const wanted = new Wanted(metainfo, have, new Selection(metainfo));
          wanted.select(selection);
          const touches = (piece: number, file: number) => {
            const { length = 0, offset = 0 } = metainfo.files[file] ?? {};
            return length > 0 && offset < (piece + 1) * PIECE && offset + length > piece * PIECE;
          };
          const missing = [0, 1, 2, 3, 4].filter(
            (piece) => !have.has(piece) && files.some((one, file) => one !== "skip" && touches(piece, file)),
          );
          expect([0, 1, 2, 3, 4].filter((piece) => !wanted.settled.has(piece))).toEqual(missing);
          const bytes = missing.reduce(
            (sum, piece) => sum + Math.min(PIECE, metainfo.length - piece * PIECE),
            0,
          );
          expect(wanted.left).toBe(bytes);
          for (const piece of missing) {
            have.add(piece);
            expect(wanted.held(piece)).toBe(true);
          }
          expect(wanted.settled.isFull).toBe(true);
          expect(wanted.left).toBe(0);
        },
      ),
    );
  });
});

describe("patterns", () => {
  async function skipped(patterns: { files?: string[]; skip?: string[] }): Promise<string[]> {
    const metainfo = await someFiles();
    const [chosen] = selectFiles([metainfo], { files: [], skip: [], ...patterns });
    return [...(chosen ?? [])].map(([file]) => metainfo.files[file]?.path.at(-1) ?? "");
  }

  it("choose files by name, wherever they are, and by path from the top", async () => {
    expect(await skipped({ files: ["*.iso"] })).toEqual(["a.txt", "empty"]);
    expect(await skipped({ files: ["sub/*.iso"] })).toEqual(["a.txt", "empty", "c.iso"]);
    expect(await skipped({ files: ["torrent/sub/b.iso"] })).toEqual(["a.txt", "empty", "c.iso"]);
    expect(await skipped({ files: ["**/c.*"] })).toEqual(["a.txt", "b.iso", "empty"]);
    expect(await skipped({ files: ["{a,b}.*"] })).toEqual(["empty", "c.iso"]);
  });

  it("choose folders with all that is in them", async () => {
    expect(await skipped({ skip: ["sub"] })).toEqual(["b.iso", "empty", "c.iso"]);
    expect(await skipped({ skip: ["./sub/deep/"] })).toEqual(["c.iso"]);
    expect(await skipped({ files: ["torrent"] })).toEqual([]);
  });

  it("to skip win over those to download, and none at all choose everything", async () => {
    expect(await skipped({ files: ["*.iso", "a.txt"], skip: ["deep"] })).toEqual(["empty", "c.iso"]);
    expect(await skipped({})).toEqual([]);
  });

  it("that match nothing, or leave nothing, are refused with the first files", async () => {
    await expect(skipped({ files: ["*.iso", "*.mp3"] })).rejects.toThrow(
      '--files: nothing matches *.mp3; the files are "torrent/a.txt", "torrent/sub/b.iso"',
    );
    await expect(skipped({ skip: ["sub/d"] })).rejects.toThrow("--skip-files: nothing matches sub/d");
    await expect(skipped({ skip: ["*"] })).rejects.toThrow("leave nothing to download");
  });

  it("hold for all torrents together: each must match in one of them only", async () => {
    const other = (await torrentOf([{ path: ["song.mp3"], content: noise(10) }])).metainfo;
    const chosen = selectFiles([await someFiles(), other], { files: ["*.mp3"], skip: [] });
    expect(chosen.map((files) => files.size)).toEqual([4, 0]);
  });
});

describe("files chosen of a torrent that comes by magnet link", () => {
  const iso = { files: ["*.iso"], skip: [] };

  it("are chosen when they are known, and a pattern that none matches is refused then", async () => {
    const metainfo = await someFiles();
    expect([...fileChooser([], 1, iso)(metainfo).keys()]).toEqual([0, 2]);
    const choose = fileChooser([], 1, { files: ["*.mp3"], skip: [] });
    expect(() => choose(metainfo)).toThrow("--files: nothing matches *.mp3");
  });

  it("may be those of another torrent where there are several", async () => {
    const metainfo = await someFiles();
    const choose = fileChooser([metainfo], 1, { files: ["*.mp3"], skip: [] });
    expect([...choose(metainfo).keys()]).toEqual([0, 1, 2, 3]);
    expect(() => fileChooser([metainfo], 0, { files: ["*.mp3"], skip: [] })).toThrow("nothing matches *.mp3");
  });
});
