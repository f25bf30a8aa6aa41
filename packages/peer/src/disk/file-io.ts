import { read, write } from "node:fs";
import type { FileHandle } from "node:fs/promises";

/** Fills `bytes` from `position` of the file on. False when the file ends before. */
export function readAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const goOn = (done: number): void => {
      if (done === bytes.length) resolve(true);
      else {
        read(handle.fd, bytes, done, bytes.length - done, position + done, (error, count) => {
          if (error) reject(error);
          else if (count === 0) resolve(false);
          else goOn(done + count);
        });
      }
    };
    goOn(0);
  });
}

/**
 * The most that one write takes. For a write the kernel looks for a run of free memory as long as that, and short ones are there for longer; and
 * writes to one file wait for each other, busily: see docs/performance.md.
 */
const WRITE_BYTES = 64 * 1024;

/** A signal or a nearly full disk may cut a write short. */
export function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  // By callbacks: a promise of its own for each write costs as much again.
  return new Promise((resolve, reject) => {
    const goOn = (done: number): void => {
      if (done === bytes.length) resolve();
      else {
        const length = Math.min(WRITE_BYTES, bytes.length - done);
        write(handle.fd, bytes, done, length, position + done, (error, count) => {
          if (error) reject(error);
          else goOn(done + count);
        });
      }
    };
    goOn(0);
  });
}
