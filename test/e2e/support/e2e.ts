import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@cachetorrent/clock";
import type { Asn } from "@cachetorrent/protocol";
import {
  type Content,
  type ContentFile,
  type DaemonEvent,
  DaemonGroup,
  findDifference,
  type Launcher,
  type PeerRecord,
  writeSeededContent,
} from "@cachetorrent/testbed";
import { afterEach, beforeEach, expect } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..", "..");
const PROGRAM = join(ROOT, "packages", "cli", "bin", "cachetorrent");

export const AS1 = 1 as Asn;
export const AS2 = 2 as Asn;

/** What a test has for itself: a folder and its daemons. */
export interface Bench {
  readonly dir: string;
  readonly launcher: Launcher;
}

/**
 * A new bench for each test of the file. Its daemons end with the test, whatever its outcome; its folder (out/e2e/...)
 * stays when the test failed, for its logs.
 */
export function useBench(file: string): () => Bench {
  let bench: Bench;
  beforeEach(async () => {
    const parent = join(ROOT, "out", "e2e");
    await mkdir(parent, { recursive: true });
    // Two runs of the tests at a time must not meet in one folder.
    const dir = await mkdtemp(join(parent, `${file}-`));
    const group = new DaemonGroup();
    bench = {
      dir,
      launcher: { program: PROGRAM, group, clock: systemClock, logDir: join(dir, "logs") },
    };
  });
  afterEach(async ({ task }) => {
    await bench.launcher.group.stopAll();
    bench.launcher.group.throwIfCrashed();
    if (task.result?.state !== "fail") await rm(bench.dir, { recursive: true, force: true });
  });
  return () => bench;
}

const KiB = 1024;

/** Random content of some files, one of them in a folder, one empty, none a multiple of the piece length. */
export async function makeContent(
  bench: Bench,
  options: {
    readonly name?: string;
    readonly bytes: number;
    readonly pieceLength?: number;
    readonly seed?: number;
    /** Of `bytes`, those of the first file; most of them without it. */
    readonly firstBytes?: number;
  },
): Promise<Content> {
  const name = options.name ?? "content";
  const first = options.firstBytes ?? Math.floor(options.bytes * 0.6) + 1;
  const files: ContentFile[] = [
    { path: "first.bin", bytes: first },
    { path: "folder/empty", bytes: 0 },
    { path: "folder/last.bin", bytes: options.bytes - first },
  ];
  const parent = join(bench.dir, "origin");
  await writeSeededContent(join(parent, name), files, options.seed ?? 1);
  return { parent, name, files, pieceLength: options.pieceLength ?? 64 * KiB };
}

/** Asks until the answer is not undefined; what was asked for may be told by no event. Rejects at the ceiling. */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined>,
  ceilingMs: number,
): Promise<T> {
  const until = systemClock.now() + ceilingMs;
  let lastError: unknown;
  while (systemClock.now() < until) {
    try {
      const answer = await ask();
      if (answer !== undefined) return answer;
    } catch (error) {
      lastError = error;
    }
    await new Promise<void>((resolve) => systemClock.after(50, resolve, { keepAlive: true }));
  }
  throw new Error(`${what}: not within ${ceilingMs / 1000} s`, { cause: lastError });
}

/** Bytes that a peer's `progress` event tells as verified, over all its torrents. */
export function verifiedBytes(event: DaemonEvent): number {
  const torrents = event.torrents as readonly { readonly verifiedBytes: number }[];
  return torrents.reduce((total, torrent) => total + torrent.verifiedBytes, 0);
}

/**
 * Fails if a follower received payload of another AS while it was one. Returns the ASes that had followers that received
 * anything.
 */
export function expectFollowersStayedInside(records: readonly PeerRecord[]): number[] {
  const ases = new Set<number>();
  for (const { asn, ledger } of records) {
    for (const { bytesByAsn, role } of ledger.roles) {
      if (role !== "follower") continue;
      const sources = Object.keys(bytesByAsn).map(Number);
      if (sources.length === 0) continue;
      expect(sources, `a follower of AS ${asn} received from`).toEqual([asn]);
      ases.add(asn);
    }
  }
  return [...ases].sort((a, b) => a - b);
}

/** Fails with the first byte in which the copy below `dir` is not the content. */
export async function expectEqualContent(content: Content, dir: string): Promise<void> {
  expect(
    await findDifference(join(content.parent, content.name), join(dir, content.name), content.files),
  ).toBeUndefined();
}
