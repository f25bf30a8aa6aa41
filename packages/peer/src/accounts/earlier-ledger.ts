import { lstat, open, rename, stat } from "node:fs/promises";
import { CtError } from "@cachetorrent/protocol";
import { errnoOf, storageError } from "../disk/storage-error.ts";
import type { LedgerAccounts } from "./ledger.ts";

/**
 * Makes room for a new ledger: one that an earlier run left at `path` is renamed to `PATH.TIME`, TIME being when that
 * run began in milliseconds since the Unix epoch. Resolves with the new name, or undefined where nothing is there.
 * Throws CT_ERR_FILE_IN_THE_WAY, and touches nothing, for a file that is no ledger: a slip of the pen such as
 * `--ledger film.mkv` must not cost the film.
 */
export async function moveEarlierLedger(path: string): Promise<string | undefined> {
  try {
    const earlier = await readEarlier(path);
    if (earlier === undefined) return undefined;
    const kept = await freeName(`${path}.${earlier.startedAt}`);
    await rename(path, kept);
    return kept;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return undefined; // a missing directory is told by the first write
    throw storageError(error, path, "cannot keep the ledger of an earlier run");
  }
}

async function readEarlier(path: string): Promise<{ readonly startedAt: number } | undefined> {
  // Before it is opened: to open a pipe is to wait for its other end.
  if (!(await stat(path)).isFile()) throw notALedger(path);
  const file = await open(path);
  try {
    const [first] = (await file.read(Buffer.alloc(1), 0, 1, 0)).buffer;
    // Most files that are none of ours need not be read to know it.
    const ledger = first === "{".charCodeAt(0) ? parseLedger(await file.readFile("utf8")) : undefined;
    if (!ledger) throw notALedger(path);
    const startedAt = ledger.torrents[0]?.startedAt ?? (await file.stat()).mtimeMs;
    return { startedAt: Math.round(startedAt) };
  } finally {
    await file.close();
  }
}

function parseLedger(text: string): LedgerAccounts | undefined {
  try {
    const value: Partial<LedgerAccounts> = JSON.parse(text);
    const isLedger = typeof value.peerId === "string" && Array.isArray(value.torrents);
    return isLedger ? (value as LedgerAccounts) : undefined;
  } catch {
    return undefined; // no JSON, so no ledger
  }
}

async function freeName(wanted: string): Promise<string> {
  for (let n = 0; ; n++) {
    const name = n === 0 ? wanted : `${wanted}.${n}`;
    if (!(await isTaken(name))) return name;
  }
}

async function isTaken(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if (errnoOf(error) === "ENOENT") return false;
    throw error;
  }
}

function notALedger(path: string): CtError {
  return new CtError(
    "CT_ERR_FILE_IN_THE_WAY",
    `${path}: the ledger is to be written here, and this is no ledger; move it away, or name another file`,
  );
}
