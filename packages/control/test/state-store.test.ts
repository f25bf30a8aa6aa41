import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { type InfoHash, LIMITS } from "@cachetorrent/protocol";
import { expect, it } from "vitest";
import type { SavedTorrent } from "../src/saved-state.ts";
import { StateStore } from "../src/state-store.ts";
import { temporaryFolder } from "./support/test-daemon.ts";

const torrent = (magnet: string): SavedTorrent => ({
  infoHash: "c12fe1c06bba254a9dc9f519b335aa7c1367a88a" as InfoHash,
  magnet,
  dir: "/srv",
  addedAt: 1,
  isPaused: false,
  limits: {},
});

it("a list that would be too long to be read again is not written, and the one before stays", async () => {
  const dir = await temporaryFolder();
  const { store } = await StateStore.open(dir);
  await store.save({ version: 1, limits: {}, torrents: [torrent("magnet:?")] });
  const before = await readFile(join(dir, "torrents.json"), "utf8");
  // In bytes, of which these characters have two each.
  const long = "é".repeat(LIMITS.control.stateBytes / 2);
  await expect(store.save({ version: 1, limits: {}, torrents: [torrent(long)] })).rejects.toMatchObject({
    code: "CT_ERR_STATE",
    message: expect.stringContaining("too many torrents"),
  });
  expect(await readFile(join(dir, "torrents.json"), "utf8")).toBe(before);
  expect((await StateStore.open(dir)).saved.torrents).toHaveLength(1);
});
