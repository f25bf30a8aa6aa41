import { describe, expect, it } from "vitest";
import type { FilePriority } from "../src/selection/selection.ts";
import { Claiming, PIECE, requests } from "./support/claiming.ts";
import { noise, torrentOf } from "./support/torrents.ts";

const [A, B] = [0, 1];
/** a has the pieces 0 to 9, b 10 to 19. */
const twoFiles = () =>
  torrentOf(
    [
      { path: ["a"], content: noise(10 * PIECE, 1) },
      { path: ["b"], content: noise(10 * PIECE, 2) },
    ],
    PIECE,
  );
const files = (a: FilePriority, b: FilePriority) =>
  new Map([
    [A, a],
    [B, b],
  ]);

const sorted = (pieces: readonly number[]) => [...pieces].sort((a, b) => a - b);

describe("a member that wants some files only", () => {
  it("claims the pieces of those, and of them first what has the highest priority", async () => {
    const given = await Claiming.begin({ torrent: await twoFiles(), files: files("skip", "normal") });
    const outside = await given.outsider(1, { have: [3, 12, 15] });
    outside.wire.unchoke();
    expect(sorted((await given.claimed()).pieces)).toEqual([12, 15]);
    await given.peer.torrent.setFiles(files("high", "normal"));
    given.grant([]);
    await given.until("it claims the others", () => given.claims().at(-1)?.pieces.includes(3) ?? false);
    expect(given.claims().at(-1)?.pieces).toEqual([3]);
  });

  it("gives back what was granted of a file that it skips from then on, and claims it again when it wants it", async () => {
    const given = await Claiming.begin({ torrent: await twoFiles() });
    const outside = await given.outsider(1, { have: [3, 12] });
    outside.wire.unchoke();
    await given.claimed();
    given.grant([3]);
    await given.until("it asks", () => requests(outside).includes(3));
    await given.peer.torrent.setFiles(files("skip", "normal"));
    await given.until("the head knows", () => given.toldTo(given.head, "release").length > 0);
    expect(given.toldTo(given.head, "release")).toMatchObject([{ piece: 3, why: "choked" }]);
    expect(outside.count("cancel")).toBe(1);
    const before = given.claims().length;
    await given.until("it claims on", () => given.claims().length > before);
    expect(given.claims().at(-1)?.pieces).toEqual([12]);
    await given.peer.torrent.setFiles(files("normal", "skip"));
    given.grant([]);
    await given.until("it claims it again", () => given.claims().at(-1)?.pieces.includes(3) ?? false);
    expect(given.claims().at(-1)?.pieces).toEqual([3]);
  });

  it("is not interested outside while nothing that it wants is there", async () => {
    const given = await Claiming.begin({ torrent: await twoFiles(), files: files("skip", "normal") });
    const outside = await given.outsider(1, { have: [3] });
    outside.wire.unchoke();
    await given.pass(3000);
    expect(outside.count("interested")).toBe(0);
    expect(given.claims()).toEqual([]);
    outside.wire.have(12);
    await given.until("it is interested", () => outside.count("interested") > 0);
  });

  it("as head grants what it does not want itself", async () => {
    const given = await Claiming.begin({
      office: "head",
      torrent: await twoFiles(),
      files: files("skip", "normal"),
    });
    const member = await given.insider(1);
    expect(await given.grantedTo(member, [3])).toEqual([3]);
  });
});
