import { fstatSync, readFileSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import { DirectIo } from "../src/disk/direct-io.ts";
import { KIB, noise, temporaryDirectory } from "./support/torrents.ts";

const MIB = 1024 * KIB;
/** Of one direct write. */
const STEP_BYTES = 16 * KIB;

describe("while the disk keeps up", () => {
  it("what was written is in the file before anything is waited for", async () => {
    const { handle, path, io } = await slowDisk();
    const bytes = noise(256 * KIB);
    const written = io.write(handle, bytes, 5);
    const content = readFileSync(path);
    expect(content.subarray(5)).toEqual(Buffer.from(bytes));
    await written;
  });

  it("other events get their turn between the parts of a long piece", async () => {
    const { handle, path, io } = await slowDisk();
    const bytes = noise(4 * MIB);
    const seen: number[] = [];
    const look = (): void => {
      seen.push(readFileSync(path).length);
      if (seen.length < 3) setImmediate(look);
    };
    setImmediate(look);
    await io.write(handle, bytes, 0);
    expect(seen).toEqual([MIB, 2 * MIB, 3 * MIB]);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });
});

describe("when the disk does not keep up, threads write", () => {
  it("from one long write on, and all is where it belongs", async () => {
    const disk = await slowDisk();
    const { handle, path, io } = disk;
    const bytes = noise(256 * KIB);
    disk.msAStep = 60;
    const written = io.write(handle, bytes, 0);
    // The event loop has waited for one step, and no more.
    expect(io.isDirect).toBe(false);
    await written;
    expect(await readFile(path)).toEqual(Buffer.from(bytes));
  });

  it("from many on that are a little slow", async () => {
    const disk = await slowDisk();
    disk.msAStep = 2;
    let steps = 0;
    for (; steps < 100 && disk.io.isDirect; steps++) await disk.append(STEP_BYTES);
    // An eighth of a millisecond is what each may take: 27 of them are more than 50 ms too slow.
    expect(steps).toBe(27);
  });

  it("but not where long ones are seldom", async () => {
    const disk = await slowDisk();
    for (let at = 0; at < 10; at++) {
      disk.msAStep = 40;
      await disk.append(STEP_BYTES);
      disk.msAStep = 0.01;
      await disk.append(6 * MIB);
    }
    expect(disk.io.isDirect).toBe(true);
  });
});

describe("a disk that was slow is tried again", () => {
  it("after a second, and each time it is slow again soon after that, after twice as long", async () => {
    const disk = await slowDisk();
    for (const restMs of [1000, 2000, 4000, 8000, 16_000, 32_000, 64_000, 64_000]) {
      await disk.stall();
      disk.passMs(restMs - 1);
      expect(disk.io.isDirect).toBe(false);
      disk.passMs(1);
      expect(disk.io.isDirect).toBe(true);
    }
  });

  it("after a second once more, when it has kept up for as long as it was left alone", async () => {
    const disk = await slowDisk();
    for (const restMs of [1000, 2000]) {
      await disk.stall();
      disk.passMs(restMs);
    }
    disk.passMs(2000);
    await disk.stall();
    disk.passMs(1000);
    expect(disk.io.isDirect).toBe(true);
  });
});

describe("what was written", () => {
  it("is read again at once", async () => {
    const { handle, io } = await slowDisk();
    const bytes = noise(300 * KIB);
    await io.write(handle, bytes, 100);
    const read = new Uint8Array(200 * KIB);
    expect(io.read(handle, read, 100 + 50 * KIB, true)).toBe(true);
    expect(
      Buffer.from(bytes)
        .subarray(50 * KIB, 250 * KIB)
        .equals(read),
    ).toBe(true);
  });

  it("is told not to be there where the file ends before", async () => {
    const { handle, io } = await slowDisk();
    await io.write(handle, noise(KIB), 0);
    expect(io.read(handle, new Uint8Array(KIB), 1, true)).toBe(false);
  });

  it("is left to threads when it had to be waited for", async () => {
    const disk = await slowDisk();
    await disk.append(STEP_BYTES);
    disk.msALook = 40;
    for (const isDirect of [true, false]) {
      disk.io.read(disk.handle, new Uint8Array(STEP_BYTES), 0, true);
      expect(disk.io.isDirect).toBe(isDirect);
    }
  });

  it("is still read, and written, from the event loop when what was there before had to be waited for", async () => {
    const disk = await slowDisk();
    await disk.append(STEP_BYTES);
    expect(disk.io.readsAny).toBe(true);
    disk.msALook = 0.1;
    let reads = 0;
    for (; reads < 1000 && disk.io.readsAny; reads++)
      disk.io.read(disk.handle, new Uint8Array(STEP_BYTES), 0, false);
    // A 32nd of a millisecond is what each may take, and its two looks at the clock take a tenth together, or two.
    expect(reads).toBeGreaterThan(200);
    expect(reads).toBeLessThan(1000);
    expect(disk.io.isDirect).toBe(true);
  });
});

it.each([
  ["directly", true],
  ["by threads", false],
])("what cannot be written %s is told with the error of the call", async (_, isDirect) => {
  const disk = await slowDisk();
  if (!isDirect) await disk.stall();
  const full = await open("/dev/full", "r+");
  onTestFinished(() => full.close());
  expect(disk.io.isDirect).toBe(isDirect);
  await expect(disk.io.write(full, noise(KIB), 0)).rejects.toMatchObject({ code: "ENOSPC" });
});

/** A file, who reads and writes it, and a clock by which each step of direct writes takes as long as is said: it looks how long the file is. */
async function slowDisk() {
  const path = join(await temporaryDirectory(), "file");
  const handle = await open(path, "w+");
  onTestFinished(() => handle.close());
  let [now, seen] = [1_000_000, 0];
  const disk = {
    path,
    handle,
    msAStep: 0,
    /** Between two looks at the clock. */
    msALook: 0,
    io: new DirectIo(() => {
      const { size } = fstatSync(handle.fd);
      now += disk.msALook + ((size - seen) / STEP_BYTES) * disk.msAStep;
      seen = size;
      return now;
    }),
    passMs: (ms: number): void => {
      now += ms;
    },
    append: async (bytes: number) => disk.io.write(handle, noise(bytes), fstatSync(handle.fd).size),
    /** One step takes too long; nothing else takes any time. */
    stall: async () => {
      disk.msAStep = 51;
      await disk.append(STEP_BYTES);
      expect(disk.io.isDirect).toBe(false);
      disk.msAStep = 0;
    },
  };
  return disk;
}
