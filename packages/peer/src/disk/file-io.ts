import type { FileHandle } from "node:fs/promises";

/** Fills `bytes` from `position` of the file on. False when the file ends before. */
export async function readAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<boolean> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesRead } = await handle.read(bytes, done, bytes.length - done, position + done);
    if (bytesRead === 0) return false;
    done += bytesRead;
  }
  return true;
}

/**
 * The most that one write takes: for it the kernel looks for a run of free memory as long as that, and runs of 1 MiB cost it more. Less than
 * this gains nothing, and each write waits for a turn of the event loop: see docs/performance.md.
 */
const WRITE_BYTES = 256 * 1024;

/** A signal or a nearly full disk may cut a write short. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const length = Math.min(WRITE_BYTES, bytes.length - done);
    const { bytesWritten } = await handle.write(bytes, done, length, position + done);
    done += bytesWritten;
  }
}
