/**
 * Loaded into a daemon before its own modules (`node --import`): it is killed by itself, as by `kill -9`, at the moment of writing a file that
 * `DIE_AT` names. See `dyingAt`.
 */
import callbacks from "node:fs";
import fs, { type FileHandle } from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import type { Moment } from "./dying-at.ts";

const { moment, end } = JSON.parse(process.env.DIE_AT ?? "{}") as { moment: Moment; end: string };
const isMeant = (path: unknown): boolean => String(path).endsWith(end);
const reached = (which: Moment): void => {
  if (which === moment) process.kill(process.pid, "SIGKILL");
};

const { open, rename } = fs;
fs.open = async (path, flags, mode) => {
  const handle = await open(path, flags, mode);
  if (isMeant(path)) {
    watch(handle);
    reached("opened");
  }
  return handle;
};
fs.rename = async (from, to) => {
  await rename(from, to);
  if (isMeant(from)) reached("renamed");
};

const { write } = callbacks;
/** Of the files that are meant. */
const watched = new Set<number>();
const writeWatched = (fd: number, bytes: Uint8Array, ...rest: [number, number, number, Written]): void => {
  const [offset, length, position, written] = rest;
  const whole = () =>
    write(fd, bytes, offset, length, position, (...outcome) => {
      if (watched.has(fd)) reached("written");
      written(...outcome);
    });
  if (!watched.has(fd) || moment !== "half written") whole();
  else write(fd, bytes, offset, length >> 1, position, () => reached("half written"));
};
callbacks.write = writeWatched as typeof write;

const { writeSync } = callbacks;
// The event loop writes as long as the disk keeps up.
callbacks.writeSync = ((fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => {
  const isHalf = watched.has(fd) && moment === "half written";
  const count = writeSync(fd, bytes, offset, isHalf ? length >> 1 : length, position);
  if (watched.has(fd)) reached(isHalf ? "half written" : "written");
  return count;
}) as typeof writeSync;
syncBuiltinESMExports();

type Written = (error: NodeJS.ErrnoException | null, count: number, bytes: Uint8Array) => void;

function watch(handle: FileHandle): void {
  const writeFile = handle.writeFile.bind(handle);
  watched.add(handle.fd);
  const sync = handle.sync.bind(handle);
  Object.assign(handle, {
    writeFile: async (content: string | Uint8Array) => {
      const bytes = Buffer.from(content as Uint8Array);
      const half = bytes.subarray(0, bytes.length / 2);
      await writeFile(half);
      reached("half written");
      await writeFile(bytes.subarray(half.length));
      reached("written");
    },
    sync: async () => {
      await sync();
      reached("synced");
    },
  });
}
