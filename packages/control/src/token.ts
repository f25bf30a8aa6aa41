import { hash, randomBytes, timingSafeEqual } from "node:crypto";
import { join } from "node:path";
import { refuseForeign } from "@cachetorrent/peer";
import { CtError } from "@cachetorrent/protocol";
import { readSmallFile, writeSmallFile } from "./small-file.ts";

const TOKEN_BYTES = 32;
/** Whoever writes one by hand may choose, within reason. */
const TOKEN = /^[\x21-\x7e]{16,256}$/;

const REMAKE = "delete it, and a daemon makes a new one";

/** Where the token of a daemon with this state folder is, for its owner alone to read. */
export function tokenPath(stateDir: string): string {
  return join(stateDir, "control.token");
}

/**
 * The token in this file; undefined where there is no file. Rejects with CT_ERR_STATE for what is none, and says `remedy` of it: of a
 * daemon's own file that it can be made anew.
 */
export async function readToken(path: string, remedy = REMAKE): Promise<string | undefined> {
  const token = (await readSmallFile(path, 1024))?.toString("utf8").trim();
  if (token !== undefined && !TOKEN.test(token))
    throw new CtError(
      "CT_ERR_STATE",
      `${path} is no token, which is 16 to 256 characters without spaces; ${remedy}`,
    );
  return token;
}

/** Group and others: who reads the token may give any order. */
const MAY_DO_ANYTHING = 0o077;

/** The token of an earlier run, or a new one. Rejects with CT_ERR_STATE for one that others may read or have written. */
export async function keptToken(stateDir: string): Promise<string> {
  const path = tokenPath(stateDir);
  const kept = await readToken(path);
  if (kept !== undefined) {
    await refuseForeign(path, MAY_DO_ANYTHING);
    return kept;
  }
  const made = randomBytes(TOKEN_BYTES).toString("hex");
  await writeSmallFile(path, `${made}\n`);
  return made;
}

/** Does who asks know the token? Takes the same time whatever was given: how much of it was right is not told. */
export function isToken(given: string, token: string): boolean {
  return timingSafeEqual(hash("sha256", given, "buffer"), hash("sha256", token, "buffer"));
}
