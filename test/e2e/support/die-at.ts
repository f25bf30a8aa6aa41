/**
 * Loaded into a daemon before its own modules (`node --import`): it is killed by itself, as by `kill -9`, at the moment of writing a file that
 * `DIE_AT` names. See `dyingAt`.
 */
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
syncBuiltinESMExports();

function watch(handle: FileHandle): void {
  const writeFile = handle.writeFile.bind(handle);
  const write = handle.write.bind(handle) as (
    ...given: [Uint8Array, number, number, number]
  ) => Promise<{ bytesWritten: number; buffer: Uint8Array }>;
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
    write: async (bytes: Uint8Array, offset: number, length: number, position: number) => {
      if (moment === "half written") await write(bytes, offset, length >> 1, position);
      reached("half written");
      const written = await write(bytes, offset, length, position);
      reached("written");
      return written;
    },
    sync: async () => {
      await sync();
      reached("synced");
    },
  });
}
