import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { diskOf, isAway } from "../src/disk/disk-of.ts";
import { tinyFileSystem } from "./support/tiny-file-system.ts";
import { temporaryDirectory } from "./support/torrents.ts";

describe("a disk", () => {
  it("is the same for all directories on it, be they there yet or not", async () => {
    const directory = await temporaryDirectory();
    const disk = await diskOf(directory);
    expect(await diskOf(join(directory, "not", "there"))).toBe(disk);
    expect(await diskOf(await temporaryDirectory())).toBe(disk);
  });

  it("is another one where another is mounted", async (context) => {
    const mounted = await tinyFileSystem();
    if (!mounted) return context.skip("mounting a file system needs root");
    expect(await diskOf(mounted)).not.toBe(await diskOf(await temporaryDirectory()));
  });
});

describe("a file system that may never answer", () => {
  it.each([
    ["NFS", 0x6969],
    ["SMB", 0xfe534d42],
    ["SMB, where the type is a signed number", 0xff534d42 | 0],
    ["FUSE", 0x65735546],
  ])("is one of %s", (_, type) => {
    expect(isAway(type)).toBe(true);
  });

  it.each([
    ["ext4", 0xef53],
    ["tmpfs", 0x1021994],
    ["overlayfs", 0x794c7630],
  ])("is none of %s", (_, type) => {
    expect(isAway(type)).toBe(false);
  });
});
