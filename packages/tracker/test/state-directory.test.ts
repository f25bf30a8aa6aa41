import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import type { InfoHash } from "@cachetorrent/protocol";
import { pino } from "pino";
import { beforeEach, describe, expect, onTestFinished, test, vi } from "vitest";
import { StateDirectory } from "../src/state-directory.ts";

let path: string;
beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), "ct-state-"));
  onTestFinished(() => rm(path, { recursive: true }));
});

const MANY = 1000;
const swarm = (n: number) => n.toString(16).padStart(40, "0") as InfoHash;
const swarms = Array.from({ length: MANY }, (_, n) => swarm(n));

/** A state that is told from others by its number of downloads. */
function state(infoHash: InfoHash, downloaded: number): string {
  const totals = { downloaded, externalBytes: 0, internalBytes: 0 };
  const election = { version: 1, ran: false, termFloor: 0, evictions: [], electorates: [] };
  return JSON.stringify({ version: 1, infoHash, totals, election, members: [] });
}

/** Opens the directory as a tracker does whose swarms all have had so many downloads; 0: they are gone. */
async function open(clock = new ManualClock()) {
  const { directory, saved } = await StateDirectory.open(path, clock, pino({ level: "silent" }));
  return {
    directory,
    downloads: new Map(saved.map(({ infoHash, totals }) => [infoHash, totals.downloaded])),
    attach: (source: (infoHash: InfoHash) => number) =>
      directory.attach((infoHash) => {
        const downloaded = source(infoHash);
        return downloaded === 0 ? undefined : state(infoHash, downloaded);
      }),
  };
}

async function stopWith(downloaded: number, changed: readonly InfoHash[] = swarms): Promise<void> {
  const { directory, attach } = await open();
  attach(() => downloaded);
  for (const infoHash of changed) directory.changed(infoHash);
  await directory.flush();
}

const onDisk = async () => (await open()).downloads;
const all = (downloaded: number) => new Map(swarms.map((infoHash) => [infoHash, downloaded]));
const files = async () => (await readdir(path)).filter((name) => name.endsWith(".json"));

describe("the state of very many swarms at a stop", () => {
  test("goes into one file, that only its owner reads, and is there at the next start", async () => {
    await stopWith(1);
    expect((await readdir(path)).length).toBeLessThan(10);
    expect((await stat(join(path, "bundle"))).mode & 0o077).toBe(0);
    expect(await onDisk()).toEqual(all(1));
  });

  test("is in the swarms' own files soon after the next start, and the one file is gone", async () => {
    await stopWith(1);
    const { attach } = await open();
    attach(() => 2);
    await vi.waitFor(async () => expect(await readdir(path)).not.toContain("bundle"), 20_000);
    expect(await files()).toHaveLength(MANY);
    expect(await onDisk()).toEqual(all(1));
  });

  test("counts before older files, and what is gone in it is gone", async () => {
    await stopWith(1, swarms.slice(0, 20));
    expect(await files()).toHaveLength(20);
    await stopWith(2);
    expect(await onDisk()).toEqual(all(2));
    await stopWith(0);
    expect(await onDisk()).toEqual(new Map());
  });

  test("is whole when the next stop comes at once, with little or nothing changed", async () => {
    await stopWith(1);
    await stopWith(2, [swarm(5)]);
    expect(await onDisk()).toEqual(all(1).set(swarm(5), 2));
    await stopWith(3, []);
    expect(await onDisk()).toEqual(all(1).set(swarm(5), 2));
  });

  test("is not older than what is written after the start", async () => {
    await stopWith(1);
    const clock = new ManualClock();
    const { directory, attach } = await open(clock);
    attach(() => 2);
    directory.changed(swarm(5));
    await vi.waitFor(async () => {
      clock.advance(200);
      expect(JSON.parse(await readFile(join(path, `${swarm(5)}.json`), "utf8")).totals.downloaded).toBe(2);
    }, 20_000);
    expect(await onDisk()).toEqual(all(1).set(swarm(5), 2));
  });

  test("few of them have their own files at once", async () => {
    await stopWith(1, swarms.slice(0, 20));
    expect((await readdir(path)).sort()).toEqual(swarms.slice(0, 20).map((infoHash) => `${infoHash}.json`));
  });

  test("a directory that is in the way of a file holds up that one only", async () => {
    await mkdir(join(path, `${swarm(3)}.json.tmp`));
    await stopWith(1, swarms.slice(0, 20));
    expect((await onDisk()).size).toBe(19);
  });

  test.each([
    ["a line without an info-hash", "hello\n", "bundle:1 cannot be used: no info-hash and state"],
    ["a state that is cut short", `${swarm(1)} ${state(swarm(1), 1).slice(0, -5)}\n`, `bundle (${swarm(1)})`],
    ["a state of another swarm", `${swarm(1)} ${state(swarm(2), 1)}\n`, `holds the swarm ${swarm(2)}`],
  ])("%s is refused by name", async (_what, text, message) => {
    await writeFile(join(path, "bundle"), text);
    await expect(open()).rejects.toThrow(
      expect.objectContaining({ code: "CT_ERR_STATE", message: expect.stringContaining(message) }),
    );
    expect(await readFile(join(path, "bundle"), "utf8")).toBe(text);
  });
});
