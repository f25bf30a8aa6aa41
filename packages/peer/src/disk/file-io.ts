import { read, write } from "node:fs";
import type { FileHandle } from "node:fs/promises";

type Done = (error: Error | null, count: number) => void;

/** Fills `bytes` from `position` of the file on. False when the file ends before. */
export function readAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  return stepwise(bytes.length, (done, then) =>
    read(handle.fd, bytes, done, bytes.length - done, position + done, then),
  );
}

/**
 * The most that one write of a thread takes. For a write the kernel looks for a run of free memory as long as that, and short ones are there for
 * longer; and writes to one file wait for each other, busily: see docs/performance.md.
 */
const WRITE_BYTES = 64 * 1024;

/** By the threads for files. A signal or a nearly full disk may cut a write short. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  const isWritten = await stepwise(bytes.length, (done, then) =>
    write(handle.fd, bytes, done, Math.min(WRITE_BYTES, bytes.length - done), position + done, then),
  );
  if (!isWritten) throw new TakesNoMore();
}

/** A write wrote nothing, and said no more than that. */
export class TakesNoMore extends Error {
  constructor() {
    super("the file takes nothing more");
  }
}

/** One step after the other until all is done; false when one does nothing. By callbacks: a promise for each costs as much as a short write. */
function stepwise(bytes: number, step: (done: number, then: Done) => void): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const goOn = (done: number): void => {
      if (done === bytes) resolve(true);
      else {
        step(done, (error, count) => {
          if (error) reject(error);
          else if (count === 0) resolve(false);
          else attempt(done + count);
        });
      }
    };
    // What a later step throws is thrown where nobody would catch it.
    const attempt = (done: number): void => {
      try {
        goOn(done);
      } catch (error) {
        reject(error);
      }
    };
    attempt(0);
  });
}
