import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { resolve } from "node:path";
import { makePrivateDirectory } from "@cachetorrent/files";
import { CtError } from "@cachetorrent/protocol";
import type { Logger } from "pino";
import { storageError } from "./storage-error.ts";

export interface StateFolders {
  /** What somebody asked for by name. */
  readonly given: string | undefined;
  /** Where it goes else; undefined for a user without a home. */
  readonly usual: string | undefined;
}

/** Group and others: whoever may write there could say what was verified, or have his own token, or list of torrents. */
const MAY_WRITE = 0o022;

/**
 * The folder to keep resume files in, made if it is not there; undefined where there is none to use, which costs a
 * check at every start and is told of. Throws CT_ERR_STATE for one that was asked for, also where it is another user's, or others may
 * write to it.
 */
export async function openStateDirectory(
  { given, usual }: StateFolders,
  log: Logger,
): Promise<string | undefined> {
  const path = given ?? usual;
  if (path === undefined) return undefined;
  try {
    // The states tell what somebody downloads.
    await makePrivateDirectory(resolve(path));
    await access(path, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    const { message } = storageError(error, path, "cannot keep state there");
    if (given !== undefined) throw new CtError("CT_ERR_STATE", `state: ${message}`, { cause: error });
    log.warn(
      { event: "resume", path },
      `${message}: everything is checked at the next start; --state names another folder`,
    );
    return undefined;
  }
  if (given !== undefined) await refuseForeign(resolve(path), MAY_WRITE);
  return resolve(path);
}

/**
 * Throws CT_ERR_STATE for a folder, or a file, that another user owns or that others may do with what `mask` says, by their bits of its mode;
 * the message has the command that mends it. In a folder that others may write to they put what they like in the place of a file.
 */
export async function refuseForeign(path: string, mask: number): Promise<void> {
  const [stats, self] = await Promise.all([stat(path), stat("/proc/self")]);
  if (stats.uid !== self.uid) {
    throw new CtError(
      "CT_ERR_STATE",
      `state: ${path} belongs to another user (uid ${stats.uid}, and not ${self.uid}); chown it, or name another folder`,
    );
  }
  const mode = stats.mode & 0o7777;
  if ((mode & mask) === 0) return;
  const mended = (mode & ~mask).toString(8).padStart(4, "0");
  throw new CtError(
    "CT_ERR_STATE",
    `state: ${path} is open to other users (mode ${mode.toString(8).padStart(4, "0")}): chmod ${mended} ${path}`,
  );
}
