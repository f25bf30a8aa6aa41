import { join } from "node:path";
import { ManualClock } from "@cachetorrent/clock";
import { type CtError, LIMITS } from "@cachetorrent/protocol";
import { describe, expect, it } from "vitest";
import { DiskSpace } from "../src/disk/disk-space.ts";
import { storageError } from "../src/disk/storage-error.ts";
import { listeningLog } from "./support/samples.ts";
import { temporaryDirectory } from "./support/torrents.ts";
import { until } from "./support/until.ts";

const { roomMs, roomRetryMs } = LIMITS.peer;
/** More than any file system has. */
const EXABYTES = 1e19;

function full(errno = "ENOSPC"): CtError {
  return storageError(Object.assign(new Error(errno), { code: errno }), "/dir/file", "cannot write");
}

/** A disk that is full until it is told otherwise, and who waits for room on it. */
async function fullDisk() {
  const clock = new ManualClock();
  const { log, lines } = listeningLog();
  const dir = await temporaryDirectory();
  const changes: boolean[] = [];
  const space: DiskSpace = new DiskSpace({
    dir,
    clock,
    log,
    needed: () => 5 * 1024 * 1024,
    changed: () => changes.push(space.lack !== undefined),
  });
  const disk = { isFull: true, tries: [] as number[], written: [] as number[] };
  const write = (n: number, bytes = EXABYTES) =>
    space.whenThereIsRoom(bytes, async () => {
      disk.tries.push(n);
      if (disk.isFull) throw full();
      disk.written.push(n);
      return n;
    });
  /** Time goes on in small steps: a look that is under way is not hurried. */
  const untilSettled = async (promise: Promise<unknown>) => {
    let isSettled = false;
    const settle = () => {
      isSettled = true;
    };
    promise.then(settle, settle);
    await until("what waits is settled", () => {
      clock.advance(roomMs);
      return isSettled;
    });
  };
  return { lines, dir, changes, clock, space, disk, write, untilSettled };
}

describe("when the disk is full", () => {
  it("what is written waits, and the lack is told of once, with the folder and what is needed", async () => {
    const { changes, dir, lines, space, write } = await fullDisk();
    void write(1);
    void write(2);
    await until("the disk is found full", () => space.lack !== undefined);
    void write(3);
    expect(space.lack).toBe(`${dir}: no space is left on the disk, 5.00 MiB more are needed`);
    expect(changes).toEqual([true]);
    expect((await lines.next()).msg).toBe(`${space.lack}: paused, and goes on by itself when there is room`);
    expect(lines.size).toBe(0);
  });

  it("nothing is tried sooner than every so often, and then the first only", async () => {
    const { clock, disk, space, write } = await fullDisk();
    void write(1);
    await until("the disk is found full", () => space.lack !== undefined);
    void write(2);
    clock.advance(roomRetryMs - 1);
    expect(disk.tries).toEqual([1]);
    // The look of before may be under way still.
    await until("it is tried again", () => {
      clock.advance(roomMs);
      return disk.tries.length > 1;
    });
    expect(disk.tries).toEqual([1, 1]);
  });

  it("all go on in their order once one can be written, and that is told", async () => {
    const { changes, disk, lines, space, untilSettled, write } = await fullDisk();
    const first = write(1);
    await until("the disk is found full", () => space.lack !== undefined);
    const others = [write(2), write(3)];
    disk.isFull = false;
    const all = Promise.all([first, ...others]);
    await untilSettled(all);
    expect(await all).toEqual([1, 2, 3]);
    await until("it has ended", () => space.lack === undefined);
    expect(disk.written).toEqual([1, 2, 3]);
    expect(changes).toEqual([true, false]);
    await lines.next();
    expect((await lines.next()).msg).toMatch(/: there is room again$/);
    expect(await write(4)).toBe(4);
  });

  it("it is tried at once when the file system says that there is room", async () => {
    const { clock, disk, space, write } = await fullDisk();
    const small = write(1, 1);
    await until("the disk is found full", () => space.lack !== undefined);
    disk.isFull = false;
    clock.advance(roomMs);
    expect(await small).toBe(1);
  });

  it("another error is the writer's", async () => {
    const { dir, space, untilSettled } = await fullDisk();
    let error = full();
    const fails = space.whenThereIsRoom(EXABYTES, () => Promise.reject(error));
    await until("the disk is found full", () => space.lack !== undefined);
    error = storageError(new Error("broken"), join(dir, "file"), "cannot write");
    await untilSettled(fails);
    await expect(fails).rejects.toBe(error);
    await expect(space.whenThereIsRoom(1, () => Promise.reject(error))).rejects.toBe(error);
  });

  it("a quota is called one", async () => {
    const { space } = await fullDisk();
    void space.whenThereIsRoom(1, () => Promise.reject(full("EDQUOT")));
    await until("the quota is found used up", () => space.lack !== undefined);
    expect(space.lack).toContain("the disk quota is used up");
  });

  it("who stops gives up what waits, and what comes", async () => {
    const { space, write } = await fullDisk();
    const waiting = write(1);
    const refused = expect(waiting).rejects.toMatchObject({ code: "CT_ERR_NO_SPACE" });
    await until("the disk is found full", () => space.lack !== undefined);
    space.stop();
    await refused;
    await expect(write(2)).rejects.toMatchObject({ code: "CT_ERR_NO_SPACE" });
  });
});
