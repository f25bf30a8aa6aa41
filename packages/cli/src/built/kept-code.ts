import { createHash } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

const DIGEST_BYTES = 20;

/**
 * What V8 compiled of sources in earlier processes, as files of a folder, one for each source and version of Node.js. V8 takes it for what it
 * is without looking at it: so it is only read where nobody else can have written it, and where it is whole.
 */
export class KeptCode {
  readonly #dir: string;

  /** `dir`: made when there is something to be kept. */
  constructor(dir: string) {
    this.#dir = dir;
  }

  /** Undefined where there is none that can be used. */
  read(source: string): Buffer | undefined {
    const file = attempt(() => readOwn(this.#path(source)));
    if (!file) return undefined;
    const code = file.subarray(DIGEST_BYTES);
    return digestOf(source, code).equals(file.subarray(0, DIGEST_BYTES)) ? code : undefined;
  }

  /** Where it cannot be kept, the next process compiles anew. */
  write(source: string, code: Uint8Array): void {
    const path = this.#path(source);
    const unfinished = `${path}.${process.pid}`;
    attempt(() => {
      mkdirSync(this.#dir, { recursive: true });
      try {
        writeFileSync(unfinished, Buffer.concat([digestOf(source, code), code]), { mode: 0o600, flag: "wx" });
        renameSync(unfinished, path);
      } finally {
        rmSync(unfinished, { force: true });
      }
    });
  }

  #path(source: string): string {
    return join(this.#dir, `${digestOf(source).toString("hex")}-${process.version}-${process.arch}`);
  }
}

/** Undefined where it fails: nothing here is worth more than the time it saves. */
function attempt<T>(task: () => T): T | undefined {
  try {
    return task();
  } catch {
    return undefined;
  }
}

/** Throws where it is no file of this user's, which in a folder of several it may be. */
function readOwn(path: string): Buffer {
  const file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    const stats = fstatSync(file);
    if (!stats.isFile() || stats.uid !== userId()) throw new Error(`${path} is not this user's`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

/** Of code its source is part: V8 compares no more of that than its length. */
function digestOf(source: string, code: Uint8Array = new Uint8Array()): Buffer {
  return createHash("sha1").update(source).update(code).digest();
}

/** 0 where there are no users. */
export function userId(): number {
  return process.getuid?.() ?? 0;
}
